//! From a row to an event. Whatever the row holds, the answer is an event or says what is wrong with it.

use super::errors::Failure;
use crate::error::ReadError;
use crate::format::{Encoded, Format};
use crate::metadata::Metadata;
use crate::name::{EventName, StreamName};
use crate::position::{Position, Version};
use crate::recorded::{Envelope, Recorded};
use crate::store::paging::{Standing, corrupt};
use crate::time::Timestamp;
use std::fmt::Display;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

/// A read that was not answered, or with something that makes no sense.
#[derive(Debug)]
pub(super) enum Unread {
    Failed(Failure),
    Corrupt(ReadError),
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<ReadError> for Unread {
    fn from(error: ReadError) -> Self {
        Self::Corrupt(error)
    }
}

/// Reads rows into events, keeping what neighbours share.
#[derive(Default)]
pub(super) struct Decoder {
    /// Most events have none, and those of one commit share theirs.
    metadata: (Vec<u8>, Arc<Metadata>),
    /// An aggregate has a handful.
    names: Vec<EventName>,
}

impl Decoder {
    /// The event in a row of `event_columns`, which belongs to `stream`.
    pub(super) fn event(
        &mut self,
        row: &Row,
        stream: &StreamName,
    ) -> Result<(Recorded, Standing), ReadError> {
        let version = natural::<i64>(row, 3, "version", stream)?;
        let at = &format_args!("`{stream}` version {version}") as &dyn Display;
        if version == 0 {
            return Err(corrupt(at, "versions start at 1"));
        }
        let standing = standing(row, at)?;
        let envelope = Envelope {
            commit: get::<Uuid>(row, 6, "commit_id", at)?.into(),
            index: standing.at().index(),
            stream: stream.clone(),
            version: Version::new(version),
            position: standing.at(),
            recorded_at: timestamp(row, 7, "recorded_at", at)?,
            occurred_at: timestamp(row, 8, "occurred_at", at)?,
            name: self.name(get(row, 9, "name", at)?),
            schema_version: schema_version(row, 4, at)?,
            metadata: self.metadata(get(row, 10, "metadata", at)?, at)?,
        };
        let payload = Encoded::new(format(row, 5, at)?, get::<&[u8]>(row, 11, "payload", at)?);
        Ok((Recorded::from_store(envelope, payload), standing))
    }

    fn name(&mut self, name: &str) -> EventName {
        if let Some(known) = self.names.iter().find(|known| ***known == *name) {
            return known.clone();
        }
        let fresh = EventName::from(Arc::<str>::from(name));
        if self.names.len() < 16 {
            self.names.push(fresh.clone());
        }
        fresh
    }

    fn metadata(&mut self, stored: Option<&[u8]>, at: &dyn Display) -> Result<Arc<Metadata>, ReadError> {
        let bytes = stored.unwrap_or_default();
        if *bytes != *self.metadata.0 {
            let metadata = match bytes {
                [] => Metadata::default(),
                json => Metadata::from_json(json)
                    .map_err(|error| corrupt(at, format!("its metadata is malformed: {error}")))?,
            };
            self.metadata = (bytes.into(), Arc::new(metadata));
        }
        Ok(self.metadata.1.clone())
    }
}

/// From the columns `position`, `place` and `commit_size`, which come first.
pub(super) fn standing(row: &Row, at: &dyn Display) -> Result<Standing, ReadError> {
    let position = natural::<i64>(row, 0, "position", at)?;
    let place = natural::<i32>(row, 1, "place", at)?;
    let commit_size = natural::<i32>(row, 2, "commit_size", at)?;
    let standing = Standing::new(Position::new(position, place), commit_size);
    standing.ok_or_else(|| corrupt(at, format!("it is at place {place} of a commit of {commit_size}")))
}

pub(super) fn get<'row, T: FromSql<'row>>(
    row: &'row Row,
    column: usize,
    name: &str,
    at: &dyn Display,
) -> Result<T, ReadError> {
    row.try_get(column).map_err(|error| {
        let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        corrupt(at, format!("its {name} cannot be read: {reason}"))
    })
}

/// A number that is not negative.
pub(super) fn natural<'row, T: FromSql<'row> + Into<i64>>(
    row: &'row Row,
    column: usize,
    name: &str,
    at: &dyn Display,
) -> Result<u64, ReadError> {
    let number: i64 = get::<T>(row, column, name, at)?.into();
    u64::try_from(number).map_err(|_| corrupt(at, format!("its {name} is {number}")))
}

pub(super) fn schema_version(row: &Row, column: usize, at: &dyn Display) -> Result<u16, ReadError> {
    let version = natural::<i32>(row, column, "schema_version", at)?;
    u16::try_from(version).map_err(|_| corrupt(at, format!("it has the schema version {version}")))
}

pub(super) fn format(row: &Row, column: usize, at: &dyn Display) -> Result<Format, ReadError> {
    let code = natural::<i16>(row, column, "format", at)?;
    let format = u8::try_from(code).ok().and_then(Format::from_code);
    format.ok_or_else(|| corrupt(at, format!("its format has the unknown code {code}")))
}

fn timestamp(row: &Row, column: usize, name: &str, at: &dyn Display) -> Result<Timestamp, ReadError> {
    let Micros(since_2000) = get(row, column, name, at)?;
    let micros = since_2000.checked_add(EPOCH).and_then(|micros| u64::try_from(micros).ok());
    let timestamp = micros.and_then(Timestamp::from_micros);
    timestamp.ok_or_else(|| corrupt(at, format!("its {name} is not a time from 1970 to 9999")))
}

/// Microseconds from 1970 to 2000, where PostgreSQL begins to count.
const EPOCH: i64 = 946_684_800_000_000;

/// A `timestamptz` as it travels. The driver's own way over `SystemTime` takes a third of the time of a row.
struct Micros(i64);

impl<'a> FromSql<'a> for Micros {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(i64::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMPTZ
    }
}
