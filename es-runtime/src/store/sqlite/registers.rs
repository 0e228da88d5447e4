//! Registers, one row each.

use super::connection::Db;
use super::errors::read_error;
use super::rows::{blob, natural, text};
use crate::error::ReadError;
use crate::register::{Register, Write};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(super) fn read(db: &Db, key: &str) -> Result<Option<Register>, ReadError> {
    const SQL: &str = "SELECT key, revision, value FROM es_register WHERE key = ?1";
    let at = format_args!("the register `{key}`");
    let failed = |error| read_error(&error, &at.to_string());
    let mut statement = db.connection.prepare_cached(SQL).map_err(failed)?;
    let mut rows = statement.query([key]).map_err(failed)?;
    let row = rows.next().map_err(failed)?;
    row.map(register).transpose().map(|found| found.map(|(_, register)| register))
}

pub(super) fn list(db: &Db, prefix: &str, limit: usize) -> Result<Vec<(String, Register)>, ReadError> {
    const SQL: &str = "SELECT key, revision, value FROM es_register WHERE key >= ?1 ORDER BY key LIMIT ?2";
    let failed = |error| read_error(&error, "the registers");
    let mut statement = db.connection.prepare_cached(SQL).map_err(failed)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![prefix, limit]).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let (key, value) = register(row)?;
        if !key.starts_with(prefix) {
            break;
        }
        found.push((key, value));
    }
    Ok(found)
}

fn register(row: &Row<'_>) -> Result<(String, Register), ReadError> {
    let key = text(row, 0, "key", &"the registers")?.to_owned();
    let at = format_args!("the register `{key}`");
    let (revision, value) = (natural(row, 1, "revision", &at)?, blob(row, 2, "value", &at)?);
    let register = Register { revision, value: value.to_vec() };
    Ok((key, register))
}

/// Makes all of `writes` or none, and answers which.
pub(super) fn write(db: &mut Db, writes: &[Write]) -> rusqlite::Result<bool> {
    let connection = &db.connection;
    for Write { key, expected, .. } in writes {
        if revision(connection, key)? != signed(*expected) {
            return Ok(false);
        }
    }
    for Write { key, expected, value } in writes {
        match value {
            Some(value) => connection
                .prepare_cached("REPLACE INTO es_register (key, revision, value) VALUES (?1, ?2, ?3)")?
                .execute(params![key, signed(*expected).saturating_add(1), value])?,
            None => connection.prepare_cached("DELETE FROM es_register WHERE key = ?1")?.execute([key])?,
        };
    }
    Ok(true)
}

/// 0 for a register that does not exist.
fn revision(connection: &Connection, key: &str) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("SELECT revision FROM es_register WHERE key = ?1")?;
    statement.query_row([key], |row| row.get(0)).optional().map(|found| found.unwrap_or(0))
}

/// As SQLite keeps it. No register comes near the largest.
fn signed(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}
