//! Values as they travel to a database and back.

use super::SqlError;
use crate::id::{CommitId, EventId, StoreId};
use crate::name::StreamName;
use crate::position::{Position, Version};
use crate::time::Timestamp;
use std::borrow::Cow;
use uuid::Uuid;

/// A value that every SQL store can keep.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue<'a> {
    /// Nothing.
    Null,
    /// A truth value; 0 or 1 where the database has none.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
}

impl SqlValue<'_> {
    /// What it is, for an error message.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) => "a whole number",
            Self::Real(_) => "a number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }

    /// The same with nothing lent.
    pub fn into_owned(self) -> SqlValue<'static> {
        match self {
            Self::Null => SqlValue::Null,
            Self::Bool(value) => SqlValue::Bool(value),
            Self::Integer(value) => SqlValue::Integer(value),
            Self::Real(value) => SqlValue::Real(value),
            Self::Text(value) => SqlValue::Text(value.into_owned().into()),
            Self::Blob(value) => SqlValue::Blob(value.into_owned().into()),
        }
    }
}

/// Something that can be the parameter of a statement.
///
/// Ids, positions and stream names are kept as their text, a [`Timestamp`] as microseconds since 1970.
pub trait ToSql {
    /// What the database is given.
    ///
    /// # Errors
    ///
    /// When no database can keep it.
    fn to_sql(&self) -> Result<SqlValue<'_>, SqlError>;
}

pub(super) fn all<'a>(parameters: &[&'a (dyn ToSql + Sync)]) -> Result<Vec<SqlValue<'a>>, SqlError> {
    parameters.iter().map(|parameter| (**parameter).to_sql()).collect()
}

macro_rules! to_sql {
    ($($type:ty => |$value:ident| $sql:expr;)*) => { $(
        impl ToSql for $type {
            fn to_sql(&self) -> Result<SqlValue<'_>, SqlError> {
                let $value = self;
                Ok($sql)
            }
        }
    )* };
}

to_sql! {
    bool => |value| SqlValue::Bool(*value);
    i16 => |value| SqlValue::Integer((*value).into());
    i32 => |value| SqlValue::Integer((*value).into());
    i64 => |value| SqlValue::Integer(*value);
    u16 => |value| SqlValue::Integer((*value).into());
    u32 => |value| SqlValue::Integer((*value).into());
    f64 => |value| SqlValue::Real(*value);
    str => |value| SqlValue::Text(value.into());
    String => |value| SqlValue::Text(value.into());
    [u8] => |value| SqlValue::Blob(value.into());
    Vec<u8> => |value| SqlValue::Blob(value.into());
    Uuid => |value| SqlValue::Text(value.to_string().into());
    CommitId => |value| SqlValue::Text(value.to_string().into());
    EventId => |value| SqlValue::Text(value.to_string().into());
    StoreId => |value| SqlValue::Text(value.to_string().into());
    StreamName => |value| SqlValue::Text(value.as_str().into());
    Position => |value| SqlValue::Text(value.to_string().into());
    Timestamp => |value| integer(value.as_micros())?;
    Version => |value| integer(value.get())?;
    u64 => |value| integer(*value)?;
}

fn integer(value: u64) -> Result<SqlValue<'static>, SqlError> {
    let too_large = || SqlError::Value(format!("{value} is larger than a database can keep"));
    i64::try_from(value).map(SqlValue::Integer).map_err(|_| too_large())
}

impl<T: ToSql> ToSql for Option<T> {
    fn to_sql(&self) -> Result<SqlValue<'_>, SqlError> {
        self.as_ref().map_or(Ok(SqlValue::Null), ToSql::to_sql)
    }
}

impl<T: ToSql + ?Sized> ToSql for &T {
    fn to_sql(&self) -> Result<SqlValue<'_>, SqlError> {
        (**self).to_sql()
    }
}

impl<T: ToSql + ?Sized> ToSql for Box<T> {
    fn to_sql(&self) -> Result<SqlValue<'_>, SqlError> {
        (**self).to_sql()
    }
}

impl ToSql for SqlValue<'_> {
    fn to_sql(&self) -> Result<SqlValue<'_>, SqlError> {
        Ok(match self {
            Self::Text(text) => SqlValue::Text(Cow::Borrowed(text)),
            Self::Blob(bytes) => SqlValue::Blob(Cow::Borrowed(bytes)),
            other => other.clone(),
        })
    }
}
