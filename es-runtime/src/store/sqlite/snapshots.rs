//! Snapshots, one row a stream.

use super::append::intern;
use super::connection::Db;
use super::errors::read_error;
use super::rows::{blob, commit_id, format, natural};
use crate::error::ReadError;
use crate::format::Encoded;
use crate::name::StreamName;
use crate::position::Version;
use crate::snapshot::Snapshot;
use rusqlite::params;
use rusqlite::types::ValueRef;

pub(super) fn load(db: &mut Db, stream: &StreamName) -> Result<Option<Snapshot>, ReadError> {
    const SQL: &str =
        "SELECT version, commit_id, fingerprint, format, state FROM es_snapshot WHERE stream = ?1";
    let at = format_args!("the snapshot of `{stream}`");
    let failed = |error| read_error(&error, &at.to_string());
    let Some(id) = db.stream_id(stream).map_err(failed)? else { return Ok(None) };
    let mut statement = db.connection.prepare_cached(SQL).map_err(failed)?;
    let mut rows = statement.query([id]).map_err(failed)?;
    let Some(row) = rows.next().map_err(failed)? else { return Ok(None) };
    Ok(Some(Snapshot {
        version: Version::new(natural(row, 0, "version", &at)?),
        commit: commit_id(row, 1, &at)?,
        // SQLite has no unsigned numbers: the same 64 bits stand for another one.
        fingerprint: match row.get_ref(2) {
            Ok(ValueRef::Integer(bits)) => bits as u64,
            _ => natural(row, 2, "fingerprint", &at)?,
        },
        state: Encoded::new(format(row, 3, &at)?, blob(row, 4, "state", &at)?),
    }))
}

pub(super) fn save(db: &mut Db, stream: &StreamName, snapshot: &Snapshot) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO es_snapshot (stream, version, commit_id, fingerprint, format, state) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                       ON CONFLICT (stream) DO UPDATE SET version = excluded.version, \
                       commit_id = excluded.commit_id, fingerprint = excluded.fingerprint, \
                       format = excluded.format, state = excluded.state \
                       WHERE fingerprint <> excluded.fingerprint OR version <= excluded.version";
    let stream = intern(db, stream)?;
    db.connection.prepare_cached(SQL)?.execute(params![
        stream,
        i64::try_from(snapshot.version.get()).unwrap_or(i64::MAX),
        snapshot.commit.as_uuid().as_bytes(),
        snapshot.fingerprint as i64,
        snapshot.state.format().code(),
        snapshot.state.bytes(),
    ])?;
    Ok(())
}

pub(super) fn delete(db: &mut Db, stream: &StreamName) -> rusqlite::Result<()> {
    if let Some(id) = db.stream_id(stream)? {
        db.connection.prepare_cached("DELETE FROM es_snapshot WHERE stream = ?1")?.execute([id])?;
    }
    Ok(())
}
