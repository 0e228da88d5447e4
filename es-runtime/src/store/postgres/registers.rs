//! Registers, one row each.

use super::connection::{Connection, Parameters};
use super::errors::Failure;
use super::rows::{Unread, get, natural};
use super::statements::Sql;
use crate::error::ReadError;
use crate::register::{Register, Write};
use std::ops::Bound;
use tokio_postgres::Row;

pub(super) async fn read(connection: &mut Connection, key: &str) -> Result<Option<Register>, Unread> {
    let rows = connection.query(Sql::ReadRegister, &[&key]).await?;
    rows.first().map(|row| Ok(register(row)?.1)).transpose()
}

pub(super) async fn list(
    connection: &mut Connection,
    prefix: &str,
    limit: usize,
) -> Result<Vec<(String, Register)>, Unread> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = match after(prefix) {
        Bound::Excluded(end) => connection.query(Sql::ListRegisters, &[&prefix, &end, &limit]).await?,
        _ => connection.query(Sql::ListRegistersToEnd, &[&prefix, &limit]).await?,
    };
    Ok(rows.iter().map(register).collect::<Result<_, _>>()?)
}

/// Makes all of `writes` or none, and answers which.
pub(super) async fn write(connection: &mut Connection, writes: &[Write]) -> Result<bool, Failure> {
    let keys: Vec<_> = writes.iter().map(|write| &*write.key).collect();
    let expected = |write: &Write| i64::try_from(write.expected).unwrap_or(i64::MAX);
    let expected: Vec<_> = writes.iter().map(expected).collect();
    let values: Vec<_> = writes.iter().map(|write| write.value.as_deref()).collect();
    let parameters: Parameters<'_> = &[&keys, &expected, &values];
    let rows = connection.query(Sql::WriteRegisters, parameters).await?;
    match rows.first().map(|row| row.try_get(0)) {
        Some(answer) => Ok(answer?),
        None => Ok(false),
    }
}

fn register(row: &Row) -> Result<(String, Register), ReadError> {
    let key: String = get(row, 0, "key", &"the registers")?;
    let at = format_args!("the register `{key}`");
    let (revision, value) = (natural::<i64>(row, 1, "revision", &at)?, get(row, 2, "value", &at)?);
    Ok((key, Register { revision, value }))
}

/// The text that comes next after every text with this prefix.
fn after(prefix: &str) -> Bound<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            text.push(next);
            return Bound::Excluded(text);
        }
    }
    Bound::Unbounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_a_prefix_is_the_next_text_without_it() {
        for (prefix, next) in [
            ("a", "b"),
            ("part/orders/", "part/orders0"),
            ("\u{7f}", "\u{80}"),
            ("\u{d7ff}", "\u{e000}"),
            ("a\u{10ffff}", "b"),
        ] {
            assert_eq!(after(prefix), Bound::Excluded(next.into()), "{prefix:?}");
        }
        for prefix in ["", "\u{10ffff}", "\u{10ffff}\u{10ffff}"] {
            assert_eq!(after(prefix), Bound::Unbounded, "{prefix:?}");
        }
    }
}
