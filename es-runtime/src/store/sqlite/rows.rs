//! From a row to an event. Whatever the row holds, the answer is an event or says what is wrong with it.

use super::connection::Names;
use super::errors;
use crate::error::ReadError;
use crate::format::{Encoded, Format};
use crate::id::CommitId;
use crate::metadata::Metadata;
use crate::name::{EventName, StreamName};
use crate::position::{Position, Version};
use crate::recorded::{Envelope, Recorded};
use crate::store::paging::{Standing, corrupt};
use crate::time::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use std::fmt::Display;
use std::sync::Arc;
use uuid::Uuid;

/// The columns that [`Decoder::event`] reads, in its order.
macro_rules! event_columns {
    () => {
        "e.position, e.stream, e.version, e.place, e.commit_size, e.name, e.schema_version, e.format, \
         e.commit_id, e.recorded_at, e.occurred_at, e.metadata, e.payload"
    };
}
pub(super) use event_columns;

/// From the columns `position`, `place` and `commit_size`.
pub(super) fn standing(row: &Row<'_>, columns: [usize; 3], at: &dyn Display) -> Result<Standing, ReadError> {
    let position = natural(row, columns[0], "position", at)?;
    let place = natural(row, columns[1], "place", at)?;
    let commit_size = natural(row, columns[2], "commit_size", at)?;
    let first = position.checked_sub(place).filter(|first| *first > 0);
    let standing = first.and_then(|first| Standing::new(Position::new(first, place), commit_size));
    standing.ok_or_else(|| corrupt(at, format!("it is at place {place} of a commit of {commit_size}")))
}

/// The rowid of the event at `position`; the largest there is for one that this store never gave.
pub(super) fn rowid(position: Position) -> u64 {
    position.commit().saturating_add(position.index()).min(i64::MAX as u64)
}

/// Reads rows into events, keeping what neighbours share.
pub(super) struct Decoder<'a> {
    connection: &'a Connection,
    names: &'a mut Names,
    /// Most events have none, and those of one commit share theirs.
    metadata: (Vec<u8>, Arc<Metadata>),
    /// Neighbours often have the same.
    name: Option<(i64, EventName)>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(connection: &'a Connection, names: &'a mut Names) -> Self {
        Self { connection, names, metadata: (Vec::new(), Arc::default()), name: None }
    }

    /// The event in a row of [`event_columns`], which belongs to `stream`.
    pub(super) fn event(
        &mut self,
        row: &Row<'_>,
        stream: &StreamName,
    ) -> Result<(Recorded, Standing), ReadError> {
        let version = natural(row, 2, "version", &format_args!("`{stream}`"))?;
        let at = &format_args!("`{stream}` version {version}") as &dyn Display;
        if version == 0 {
            return Err(corrupt(at, "versions start at 1"));
        }
        let standing = standing(row, [0, 3, 4], at)?;

        let name = self.name(natural(row, 5, "name", at)? as i64, at)?;
        let schema_version = natural(row, 6, "schema_version", at)?;
        let schema_version = u16::try_from(schema_version)
            .map_err(|_| corrupt(at, format!("it has the schema version {schema_version}")))?;

        let envelope = Envelope {
            commit: commit_id(row, 8, at)?,
            index: standing.at().index(),
            stream: stream.clone(),
            version: Version::new(version),
            position: standing.at(),
            recorded_at: timestamp(row, 9, "recorded_at", at)?,
            occurred_at: timestamp(row, 10, "occurred_at", at)?,
            name,
            schema_version,
            metadata: self.metadata(row, 11, at)?,
        };
        let payload = Encoded::new(format(row, 7, at)?, blob(row, 12, "payload", at)?);
        Ok((Recorded::from_store(envelope, payload), standing))
    }

    fn name(&mut self, id: i64, at: &dyn Display) -> Result<EventName, ReadError> {
        if let Some((last, name)) = &self.name
            && *last == id
        {
            return Ok(name.clone());
        }
        let found = self.names.name(self.connection, id);
        let found = found.map_err(|error| errors::read_error(&error, &at.to_string()))?;
        let name = found.ok_or_else(|| corrupt(at, "its name is missing or not text"))?;
        self.name = Some((id, name.clone()));
        Ok(name)
    }

    fn metadata(
        &mut self,
        row: &Row<'_>,
        column: usize,
        at: &dyn Display,
    ) -> Result<Arc<Metadata>, ReadError> {
        let bytes = match row.get_ref(column) {
            Ok(ValueRef::Null) => &[],
            _ => blob(row, column, "metadata", at)?,
        };
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

/// A number that is not negative.
pub(super) fn natural(row: &Row<'_>, column: usize, name: &str, at: &dyn Display) -> Result<u64, ReadError> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(number)) if number >= 0 => Ok(number as u64),
        Ok(ValueRef::Integer(number)) => Err(corrupt(at, format!("its {name} is {number}"))),
        found => Err(not_a("number", name, found, at)),
    }
}

pub(super) fn blob<'row>(
    row: &'row Row<'_>,
    column: usize,
    name: &str,
    at: &dyn Display,
) -> Result<&'row [u8], ReadError> {
    match row.get_ref(column) {
        Ok(ValueRef::Blob(bytes)) => Ok(bytes),
        found => Err(not_a("blob", name, found, at)),
    }
}

pub(super) fn text<'row>(
    row: &'row Row<'_>,
    column: usize,
    name: &str,
    at: &dyn Display,
) -> Result<&'row str, ReadError> {
    match row.get_ref(column) {
        Ok(found) => found.as_str().map_err(|_| not_a("text", name, Ok(found), at)),
        Err(error) => Err(not_a("text", name, Err(error), at)),
    }
}

pub(super) fn commit_id(row: &Row<'_>, column: usize, at: &dyn Display) -> Result<CommitId, ReadError> {
    let bytes = blob(row, column, "commit_id", at)?;
    let uuid = Uuid::from_slice(bytes).map_err(|_| corrupt(at, "its commit id is not a UUID"))?;
    Ok(uuid.into())
}

pub(super) fn format(row: &Row<'_>, column: usize, at: &dyn Display) -> Result<Format, ReadError> {
    let code = natural(row, column, "format", at)?;
    let format = u8::try_from(code).ok().and_then(Format::from_code);
    format.ok_or_else(|| corrupt(at, format!("its format has the unknown code {code}")))
}

fn timestamp(row: &Row<'_>, column: usize, name: &str, at: &dyn Display) -> Result<Timestamp, ReadError> {
    let micros = natural(row, column, name, at)?;
    Timestamp::from_micros(micros).ok_or_else(|| corrupt(at, format!("its {name} is {micros}")))
}

fn not_a(kind: &str, name: &str, found: rusqlite::Result<ValueRef<'_>>, at: &dyn Display) -> ReadError {
    match found {
        Ok(found) => corrupt(at, format!("its {name} is {:?}, not a {kind}", found.data_type())),
        Err(error) => errors::read_error(&error, &at.to_string()),
    }
}
