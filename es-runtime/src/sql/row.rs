//! Rows that a query answered with.

use super::{SqlError, SqlValue};
use crate::time::Timestamp;
use std::sync::Arc;

/// A row of a query's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlRow {
    columns: Arc<[Box<str>]>,
    values: Vec<SqlValue<'static>>,
}

impl SqlRow {
    /// A row with a value for each of the columns. For authors of adapters.
    pub const fn new(columns: Arc<[Box<str>]>, values: Vec<SqlValue<'static>>) -> Self {
        Self { columns, values }
    }

    /// The value in column `column`, counted from 0.
    ///
    /// # Errors
    ///
    /// [`SqlError::Value`] when there is no such column, or it holds something else.
    pub fn get<T: FromSql>(&self, column: usize) -> Result<T, SqlError> {
        let value = self.values.get(column).ok_or_else(|| {
            SqlError::Value(format!("the row has {} columns, and none at {column}", self.values.len()))
        })?;
        T::from_sql(value).map_err(|wanted| self.unfit(column, value, wanted))
    }

    /// The value in the column called `name`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_named<T: FromSql>(&self, name: &str) -> Result<T, SqlError> {
        let column = self.columns.iter().position(|column| **column == *name);
        column.map_or_else(
            || Err(SqlError::Value(format!("the row has no column `{name}`; it has {:?}", self.columns))),
            |column| self.get(column),
        )
    }

    /// The value in column `column`, whatever it is.
    pub(crate) fn value(&self, column: usize) -> Option<&SqlValue<'static>> {
        self.values.get(column)
    }

    /// The columns' names.
    pub fn columns(&self) -> &[Box<str>] {
        &self.columns
    }

    fn unfit(&self, column: usize, value: &SqlValue<'_>, wanted: &str) -> SqlError {
        let name = self.columns.get(column).map_or("?", |name| &**name);
        SqlError::Value(format!("column `{name}` holds {}, not {wanted}", value.kind()))
    }
}

/// Something that can be read from a column.
pub trait FromSql: Sized {
    /// The value as this type.
    ///
    /// # Errors
    ///
    /// What was wanted, in words that follow "not".
    fn from_sql(value: &SqlValue<'_>) -> Result<Self, &'static str>;
}

impl FromSql for i64 {
    fn from_sql(value: &SqlValue<'_>) -> Result<Self, &'static str> {
        match value {
            SqlValue::Integer(value) => Ok(*value),
            _ => Err("a whole number"),
        }
    }
}

impl FromSql for u64 {
    fn from_sql(value: &SqlValue<'_>) -> Result<Self, &'static str> {
        let wanted = "a whole number that is not negative";
        i64::from_sql(value).map_err(|_| wanted)?.try_into().map_err(|_| wanted)
    }
}

impl FromSql for bool {
    fn from_sql(value: &SqlValue<'_>) -> Result<Self, &'static str> {
        match value {
            SqlValue::Bool(value) => Ok(*value),
            SqlValue::Integer(value @ 0..=1) => Ok(*value == 1),
            _ => Err("a truth value"),
        }
    }
}

impl FromSql for f64 {
    fn from_sql(value: &SqlValue<'_>) -> Result<Self, &'static str> {
        match value {
            SqlValue::Real(value) => Ok(*value),
            _ => Err("a number"),
        }
    }
}

impl FromSql for String {
    fn from_sql(value: &SqlValue<'_>) -> Result<Self, &'static str> {
        match value {
            SqlValue::Text(value) => Ok(value.as_ref().to_owned()),
            _ => Err("text"),
        }
    }
}

impl FromSql for Vec<u8> {
    fn from_sql(value: &SqlValue<'_>) -> Result<Self, &'static str> {
        match value {
            SqlValue::Blob(value) => Ok(value.to_vec()),
            _ => Err("bytes"),
        }
    }
}

impl FromSql for Timestamp {
    fn from_sql(value: &SqlValue<'_>) -> Result<Self, &'static str> {
        let wanted = "microseconds since 1970";
        Self::from_micros(u64::from_sql(value).map_err(|_| wanted)?).ok_or(wanted)
    }
}

impl<T: FromSql> FromSql for Option<T> {
    fn from_sql(value: &SqlValue<'_>) -> Result<Self, &'static str> {
        match value {
            SqlValue::Null => Ok(None),
            value => T::from_sql(value).map(Some),
        }
    }
}
