//! The statements of somebody else's work.

use super::connection::Db;
use super::errors::sql_error;
use crate::sql::{SqlDriver, SqlError, SqlRow, SqlValue};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row};
use std::any::Any;
use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection inside a transaction, lent to a work.
pub(super) struct Driver {
    pub(super) db: Db,
    /// The statement that failed, after which nothing may be committed.
    pub(super) failed: Option<SqlError>,
}

impl Driver {
    pub(super) const fn new(db: Db) -> Self {
        Self { db, failed: None }
    }

    fn note<T>(&mut self, result: Result<T, SqlError>) -> Result<T, SqlError> {
        if let Err(error) = &result
            && !matches!(error, SqlError::Value(_))
        {
            self.failed = Some(error.clone());
        }
        result
    }
}

impl SqlDriver for Driver {
    fn execute<'a>(
        &'a mut self,
        sql: &'a str,
        parameters: &'a [SqlValue<'a>],
    ) -> Boxed<'a, Result<u64, SqlError>> {
        Box::pin(async move {
            let result = execute(&self.db.connection, sql, parameters);
            self.note(result)
        })
    }

    fn query<'a>(
        &'a mut self,
        sql: &'a str,
        parameters: &'a [SqlValue<'a>],
    ) -> Boxed<'a, Result<Vec<SqlRow>, SqlError>> {
        Box::pin(async move {
            let result = query(&self.db.connection, sql, parameters);
            self.note(result)
        })
    }

    fn batch<'a>(&'a mut self, sql: &'a str) -> Boxed<'a, Result<(), SqlError>> {
        Box::pin(async move {
            let result = self.db.connection.execute_batch(sql).map_err(|error| sql_error(&error));
            self.note(result)
        })
    }

    fn qualified(&self, table: &str) -> String {
        format!("\"{}\"", table.replace('"', "\"\""))
    }

    fn registers(&self) -> &str {
        "es_register"
    }

    fn connection(&mut self) -> &mut dyn Any {
        &mut self.db.connection
    }
}

fn execute(connection: &Connection, sql: &str, parameters: &[SqlValue<'_>]) -> Result<u64, SqlError> {
    let failed = |error| sql_error(&error);
    let mut statement = bind(connection, sql, parameters)?;
    let before = connection.total_changes();
    let mut rows = statement.raw_query();
    while rows.next().map_err(failed)?.is_some() {}
    // SQLite tells the number of the last statement that changes rows, which need not be this one.
    Ok(if connection.total_changes() == before { 0 } else { connection.changes() })
}

fn query(connection: &Connection, sql: &str, parameters: &[SqlValue<'_>]) -> Result<Vec<SqlRow>, SqlError> {
    let failed = |error| sql_error(&error);
    let mut statement = bind(connection, sql, parameters)?;
    let columns: Arc<[Box<str>]> = statement.column_names().map(Into::into).collect();
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let values = (0..columns.len()).map(|column| value(row, column, &columns[column]));
        found.push(SqlRow::new(columns.clone(), values.collect::<Result<_, _>>()?));
    }
    Ok(found)
}

/// The statement with its parameters, which SQLite numbers by where they first stand and not by their names.
fn bind<'c>(
    connection: &'c Connection,
    sql: &str,
    parameters: &[SqlValue<'_>],
) -> Result<CachedStatement<'c>, SqlError> {
    let failed = |error| sql_error(&error);
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let count = statement.parameter_count();
    if count != parameters.len() {
        let given = parameters.len();
        return Err(SqlError::Value(format!("the statement has {count} parameters, and {given} are given")));
    }
    for index in 1..=count {
        let name = statement.parameter_name(index).unwrap_or("?");
        let value = number(name).and_then(|number| parameters.get(number - 1)).ok_or_else(|| {
            SqlError::Value(format!(
                "the statement has the parameter `{name}`; it may have `$1` to `${count}`"
            ))
        })?;
        statement.raw_bind_parameter(index, Bound(value)).map_err(failed)?;
    }
    Ok(statement)
}

/// The number in `$1`, which is written in one way only, so that no two names mean the same parameter.
fn number(name: &str) -> Option<usize> {
    let digits = name.strip_prefix('$').filter(|digits| !digits.starts_with(['0', '+']))?;
    digits.parse().ok()
}

struct Bound<'a>(&'a SqlValue<'a>);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            SqlValue::Null => ValueRef::Null,
            SqlValue::Bool(value) => ValueRef::Integer((*value).into()),
            SqlValue::Integer(value) => ValueRef::Integer(*value),
            SqlValue::Real(value) => ValueRef::Real(*value),
            SqlValue::Text(text) => ValueRef::Text(text.as_bytes()),
            SqlValue::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn value(row: &Row<'_>, column: usize, name: &str) -> Result<SqlValue<'static>, SqlError> {
    Ok(match row.get_ref(column).map_err(|error| sql_error(&error))? {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(value) => SqlValue::Integer(value),
        ValueRef::Real(value) => SqlValue::Real(value),
        ValueRef::Text(bytes) => {
            let text = str::from_utf8(bytes);
            let text =
                text.map_err(|_| SqlError::Value(format!("column `{name}` holds text that is not UTF-8")));
            SqlValue::Text(Cow::Owned(text?.to_owned()))
        }
        ValueRef::Blob(bytes) => SqlValue::Blob(Cow::Owned(bytes.to_vec())),
    })
}
