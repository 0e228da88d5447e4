//! Values of somebody else's statements, as the types of the server.

use crate::sql::{SqlError, SqlRow, SqlValue};
use bytes::BytesMut;
use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type};
use tokio_postgres::{Row, Statement};

type Failed = Box<dyn Error + Send + Sync>;

/// From 1970, where ours begins, to 2000, where the server's time does, in microseconds.
const EPOCH: i64 = 946_684_800_000_000;

/// The values of a statement's parameters, each as the server wants it.
pub(super) fn bind<'a>(
    statement: &Statement,
    values: &'a [SqlValue<'a>],
) -> Result<Vec<Bound<'a>>, SqlError> {
    let (types, given) = (statement.params(), values.len());
    if types.len() != given {
        let count = types.len();
        return Err(SqlError::Value(format!("the statement has {count} parameters, and {given} are given")));
    }
    let bound = |(index, (value, of)): (usize, (&'a SqlValue<'a>, &Type))| {
        bound(value, of).ok_or_else(|| unfit(index + 1, value, of))
    };
    values.iter().zip(types).enumerate().map(bound).collect()
}

fn unfit(number: usize, value: &SqlValue<'_>, of: &Type) -> SqlError {
    let shown = match value {
        SqlValue::Integer(value) => format!(" {value}"),
        SqlValue::Text(text) if text.contains('\0') => " with a zero byte".to_owned(),
        _ => String::new(),
    };
    SqlError::Value(format!(
        "the parameter `${number}` is {}{shown}, which does not fit the type `{of}`",
        value.kind()
    ))
}

/// A value in the server's own form, or as text that the server reads.
#[derive(Debug)]
pub(super) enum Bound<'a> {
    Null,
    Bool(bool),
    Small(i16),
    Medium(i32),
    Large(i64),
    Single(f32),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
}

fn bound<'a>(value: &'a SqlValue<'a>, of: &Type) -> Option<Bound<'a>> {
    if let Kind::Domain(of) = of.kind() {
        return bound(value, of);
    }
    Some(match value {
        SqlValue::Null => Bound::Null,
        SqlValue::Bool(value) if *of == Type::BOOL => Bound::Bool(*value),
        SqlValue::Bool(value) => integer(i64::from(*value), of)?,
        SqlValue::Integer(value) => integer(*value, of)?,
        SqlValue::Real(value) => match *of {
            Type::FLOAT4 => Bound::Single(*value as f32),
            Type::FLOAT8 => Bound::Double(*value),
            Type::NUMERIC => Bound::Text(value.to_string().into()),
            _ => return None,
        },
        SqlValue::Text(text) if *of == Type::BYTEA || text.contains('\0') => return None,
        SqlValue::Text(text) => Bound::Text(Cow::Borrowed(text)),
        SqlValue::Blob(bytes) if *of == Type::BYTEA => Bound::Bytes(bytes),
        SqlValue::Blob(_) => return None,
    })
}

fn integer(value: i64, of: &Type) -> Option<Bound<'static>> {
    Some(match *of {
        Type::INT2 => Bound::Small(value.try_into().ok()?),
        Type::INT4 => Bound::Medium(value.try_into().ok()?),
        Type::INT8 => Bound::Large(value),
        Type::BOOL if value == 0 || value == 1 => Bound::Bool(value == 1),
        Type::FLOAT4 => Bound::Single(value as f32),
        Type::FLOAT8 => Bound::Double(value as f64),
        Type::NUMERIC => Bound::Text(value.to_string().into()),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => Bound::Large(value.checked_sub(EPOCH)?),
        _ => return None,
    })
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Bool(value) => out.extend_from_slice(&[u8::from(*value)]),
            Self::Small(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Medium(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Large(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Single(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Double(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Bytes(bytes) => return bytes.to_sql(of, out),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        self.to_sql(of, out)
    }

    /// What is text is read by the server, which knows every type.
    fn encode_format(&self, _: &Type) -> Format {
        if matches!(self, Self::Text(_)) { Format::Text } else { Format::Binary }
    }
}

/// The rows of a statement's answer.
pub(super) fn rows(statement: &Statement, rows: &[Row]) -> Result<Vec<SqlRow>, SqlError> {
    let columns: Arc<[Box<str>]> = statement.columns().iter().map(|column| column.name().into()).collect();
    let row = |row: &Row| {
        let values = (0..columns.len()).map(|column| value(row, column));
        Ok(SqlRow::new(columns.clone(), values.collect::<Result<_, SqlError>>()?))
    };
    rows.iter().map(row).collect()
}

fn value(row: &Row, column: usize) -> Result<SqlValue<'static>, SqlError> {
    match row.try_get(column) {
        Ok(Found(Some(value))) => Ok(value),
        Ok(Found(None)) | Err(_) => {
            let column = &row.columns()[column];
            let (name, of) = (column.name(), column.type_());
            Err(SqlError::Value(format!(
                "column `{name}` holds a value of the type `{of}` that cannot be read; have it answered as text, by \
                 `{name}::text`"
            )))
        }
    }
}

/// A value that was read, if it is of a type that we know.
struct Found(Option<SqlValue<'static>>);

impl<'a> FromSql<'a> for Found {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Failed> {
        read(of, raw).map(Self)
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failed> {
        Ok(Self(Some(SqlValue::Null)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn read(of: &Type, raw: &[u8]) -> Result<Option<SqlValue<'static>>, Failed> {
    if let Kind::Domain(of) = of.kind() {
        return read(of, raw);
    }
    let text = |raw: &[u8]| Ok::<_, Failed>(Some(SqlValue::Text(str::from_utf8(raw)?.to_owned().into())));
    Ok(Some(match *of {
        Type::BOOL => SqlValue::Bool(bool::from_sql(of, raw)?),
        Type::INT2 => SqlValue::Integer(i16::from_sql(of, raw)?.into()),
        Type::INT4 => SqlValue::Integer(i32::from_sql(of, raw)?.into()),
        Type::INT8 => SqlValue::Integer(i64::from_sql(of, raw)?),
        Type::OID => SqlValue::Integer(u32::from_sql(of, raw)?.into()),
        Type::FLOAT4 => SqlValue::Real(f32::from_sql(of, raw)?.into()),
        Type::FLOAT8 => SqlValue::Real(f64::from_sql(of, raw)?),
        Type::NUMERIC => numeric(raw)?,
        Type::BYTEA => SqlValue::Blob(raw.to_vec().into()),
        Type::UUID => SqlValue::Text(uuid::Uuid::from_slice(raw)?.to_string().into()),
        // Before the text stands the version of its form.
        Type::JSONB => return text(raw.get(1..).unwrap_or_default()),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let micros = i64::from_be_bytes(raw.try_into()?);
            // The ends of the range mean that there is none.
            let is_finite = micros != i64::MIN && micros != i64::MAX;
            return Ok(micros.checked_add(EPOCH).filter(|_| is_finite).map(SqlValue::Integer));
        }
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => {
            return text(raw);
        }
        _ if matches!(of.kind(), Kind::Enum(_)) || of.name() == "citext" => return text(raw),
        _ if *of == Type::VOID => SqlValue::Null,
        _ => return Ok(None),
    }))
}

/// A number of any size: whole where it fits, as `sum` and `count` answer, and text where it does not.
fn numeric(raw: &[u8]) -> Result<SqlValue<'static>, Failed> {
    let word = |at: usize| {
        let bytes = raw.get(at * 2..at * 2 + 2).ok_or("a number that is cut off")?;
        Ok::<_, Failed>(i16::from_be_bytes([bytes[0], bytes[1]]))
    };
    let (count, weight, sign, scale) = (word(0)?, i32::from(word(1)?), word(2)? as u16, word(3)?);
    let special = match sign {
        0xC000 => Some("NaN"),
        0xD000 => Some("Infinity"),
        0xF000 => Some("-Infinity"),
        _ => None,
    };
    if let Some(special) = special {
        return Ok(SqlValue::Text(special.into()));
    }
    // Digits to the base of 10,000, the first of which is worth 10,000 to the power of the weight.
    let digit = |power: i32| match usize::try_from(weight - power) {
        Ok(index) if index < count as usize => word(4 + index),
        _ => Ok(0),
    };
    let mut text = String::from(if sign == 0 { "" } else { "-" });
    write!(text, "{}", if weight < 0 { 0 } else { digit(weight)? })?;
    for power in (0..weight).rev() {
        write!(text, "{:04}", digit(power)?)?;
    }
    let scale = usize::from(scale as u16);
    if scale > 0 {
        text.push('.');
        let end = text.len() + scale;
        for power in 1.. {
            if text.len() >= end {
                break;
            }
            write!(text, "{:04}", digit(-power)?)?;
        }
        text.truncate(end);
    }
    let whole = text
        .split_once('.')
        .map_or(&*text, |(whole, rest)| if rest.bytes().all(|digit| digit == b'0') { whole } else { "" });
    Ok(whole.parse().map_or(SqlValue::Text(text.into()), SqlValue::Integer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[i16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn numbers_of_any_size_are_read() {
        const MINUS: i16 = 0x4000;
        let text = |text: &'static str| SqlValue::Text(text.into());
        for (raw, value) in [
            (&[0, 0, 0, 0][..], SqlValue::Integer(0)),
            (&[1, 0, 0, 0, 7], SqlValue::Integer(7)),
            (&[1, 1, MINUS, 0, 12], SqlValue::Integer(-120_000)),
            (&[2, 1, 0, 2, 3, 45], SqlValue::Integer(30_045)),
            (&[5, 4, 0, 0, 922, 3372, 368, 5477, 5807], SqlValue::Integer(i64::MAX)),
            (&[5, 4, 0, 0, 922, 3372, 368, 5477, 5808], text("9223372036854775808")),
            (&[2, 0, 0, 2, 1, 5000], text("1.50")),
            (&[1, -1, MINUS, 4, 7], text("-0.0007")),
            (&[1, -2, 0, 8, 1000], text("0.00001000")),
            (&[0, 0, -0x4000, 0], text("NaN")),
        ] {
            assert_eq!(numeric(&words(raw)).expect("a number"), value, "{raw:?}");
        }
        assert!(numeric(&words(&[2, 1, 0, 0, 1])).is_err(), "cut off");
        assert!(numeric(&[0]).is_err(), "cut off");
    }

    #[test]
    fn a_value_fits_its_type_or_is_refused_before_it_is_sent() {
        for (value, of, fits) in [
            (SqlValue::Integer(32_767), Type::INT2, true),
            (SqlValue::Integer(32_768), Type::INT2, false),
            (SqlValue::Integer(i64::MAX), Type::INT4, false),
            (SqlValue::Integer(i64::MIN), Type::INT8, true),
            (SqlValue::Integer(1), Type::BOOL, true),
            (SqlValue::Integer(2), Type::BOOL, false),
            (SqlValue::Integer(i64::MIN), Type::TIMESTAMPTZ, false),
            (SqlValue::Integer(1), Type::TEXT, false),
            (SqlValue::Bool(true), Type::INT4, true),
            (SqlValue::Real(0.5), Type::NUMERIC, true),
            (SqlValue::Real(0.5), Type::INT4, false),
            (SqlValue::Text("a\0b".into()), Type::TEXT, false),
            (SqlValue::Text("{}".into()), Type::JSONB, true),
            (SqlValue::Text("a".into()), Type::BYTEA, false),
            (SqlValue::Blob(b"a"[..].into()), Type::BYTEA, true),
            (SqlValue::Blob(b"a"[..].into()), Type::TEXT, false),
            (SqlValue::Null, Type::JSONB, true),
        ] {
            assert_eq!(bound(&value, &of).is_some(), fits, "{value:?} as {of}");
        }
    }
}
