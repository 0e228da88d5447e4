//! From a row to an event. Whatever the row holds, the answer is an event or says what is wrong with it.

use super::errors::Failure;
use super::kinds::{self, Kind, Kinds};
use crate::adapter::Bare;
use crate::error::ReadError;
use crate::format::{Encoded, Format};
use crate::id::CommitId;
use crate::metadata::Metadata;
use crate::name::{InvalidName, StreamName};
use crate::position::{Position, Version};
use crate::recorded::{Envelope, Recorded};
use crate::store::paging::{Standing, corrupt, gap};
use crate::time::Timestamp;
use std::fmt::{self, Display};
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

/// A read that was not answered, or with something that makes no sense.
#[derive(Debug)]
pub(super) enum Unread {
    Failed(Failure),
    Corrupt(ReadError),
    /// An event is of a kind that was added since this session looked.
    NewKind(i32),
}

impl Unread {
    /// What it means for a read at `at`.
    pub(super) fn error(self, at: &str) -> ReadError {
        match self {
            Self::Failed(failure) => failure.read_error(at),
            Self::Corrupt(error) => error,
            Self::NewKind(number) => corrupt(&at, kinds::missing(number)),
        }
    }
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
pub(super) struct Decoder<'a> {
    kinds: &'a Kinds,
    /// Most events have none, and those of one commit share theirs.
    metadata: (Vec<u8>, Arc<Metadata>),
    /// Neighbours often have the same.
    kind: Option<(i32, &'a Kind)>,
    /// What the events of the commit share that was read last, and where that event is.
    commit: Option<(Shared, Standing)>,
}

/// Where a row is, as errors say it.
struct Place<'a> {
    stream: Option<&'a StreamName>,
    version: u64,
    position: u64,
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stream {
            Some(stream) => write!(f, "`{stream}` version {}", self.version),
            None => write!(f, "position {}", self.position),
        }
    }
}

/// What comes with the first row of a commit.
struct Shared {
    id: CommitId,
    stream: StreamName,
    recorded_at: Timestamp,
}

/// Where the stream is, if a row has it: after the other columns.
const STREAM: usize = 10;

impl<'a> Decoder<'a> {
    pub(super) fn new(kinds: &'a Kinds) -> Self {
        Self { kinds, metadata: (Vec::new(), Arc::default()), kind: None, commit: None }
    }

    /// The event in a row of `event_columns`, which belongs to `stream`, or says after the other columns to which.
    pub(super) fn event(
        &mut self,
        row: &Row,
        stream: Option<&StreamName>,
    ) -> Result<(Recorded, Standing), Unread> {
        let position = natural::<i64>(row, 0, "position", &"the log")?;
        let version = natural::<i64>(row, 1, "version", &format_args!("position {position}"))?;
        let at = &Place { stream, version, position } as &dyn Display;
        let standing = self.commit(row, position, stream, at)?;
        let Some((commit, _)) = &self.commit else { return Err(torn(at).into()) };
        let (stream, recorded_at, id) = (commit.stream.clone(), commit.recorded_at, commit.id);
        if version == 0 {
            return Err(corrupt(at, "versions start at 1").into());
        }
        let kind = self.kind(get(row, 2, "kind", at)?)?;
        let envelope = Envelope {
            commit: id,
            index: standing.at().index(),
            stream,
            version: Version::new(version),
            position: standing.at(),
            recorded_at,
            occurred_at: timestamp(row, 3, "occurred_at", at)?,
            name: kind.name.clone(),
            schema_version: kind.schema_version,
            metadata: self.metadata(get(row, 4, "metadata", at)?, at)?,
        };
        let payload = Encoded::new(kind.format, get::<&[u8]>(row, 5, "payload", at)?);
        Ok((Recorded::from_store(envelope, payload), standing))
    }

    /// Where the event at `position` stands, in the commit of its own row or in that of the row before.
    fn commit(
        &mut self,
        row: &Row,
        position: u64,
        stream: Option<&StreamName>,
        at: &dyn Display,
    ) -> Result<Standing, ReadError> {
        let Some(place) = get::<Option<i32>>(row, 6, "place", at)? else {
            let Some((_, last)) = &mut self.commit else { return Err(torn(at)) };
            let next = last.next().filter(|next| flat(next.at()) == position);
            *last = next.ok_or_else(|| torn(at))?;
            return Ok(*last);
        };
        let standing = placed(position, place, get(row, 7, "commit_size", at)?, at)?;
        let stream = match stream {
            Some(stream) => stream.clone(),
            None => self.stream(get(row, STREAM, "stream", at)?, at)?,
        };
        let id = get::<Uuid>(row, 8, "commit_id", at)?.into();
        let shared = Shared { id, stream, recorded_at: timestamp(row, 9, "recorded_at", at)? };
        self.commit = Some((shared, standing));
        Ok(standing)
    }

    fn stream(&self, name: &str, at: &dyn Display) -> Result<StreamName, ReadError> {
        match &self.commit {
            Some((last, _)) if *last.stream.as_str() == *name => Ok(last.stream.clone()),
            _ => stream_name(name, at),
        }
    }

    fn kind(&mut self, number: i32) -> Result<&'a Kind, Unread> {
        if let Some((last, kind)) = self.kind
            && last == number
        {
            return Ok(kind);
        }
        let kind = self.kinds.get(number).ok_or(Unread::NewKind(number))?;
        self.kind = Some((number, kind));
        Ok(kind)
    }

    /// The event in a row of a replay of `stream`, which has version `expected`.
    pub(super) fn bare<'row>(
        &mut self,
        row: &'row Row,
        stream: &StreamName,
        expected: Version,
    ) -> Result<Bare<'row>, Unread>
    where
        'a: 'row,
    {
        let version = Version::new(natural::<i64>(row, 0, "version", stream)?);
        if version != expected {
            return Err(gap(stream, expected).into());
        }
        let at = format_args!("`{stream}` version {version}");
        let kind = self.kind(get(row, 1, "kind", &at)?)?;
        let payload = get(row, 2, "payload", &at)?;
        let (name, schema_version, format) = (&*kind.name, kind.schema_version, kind.format);
        Ok(Bare { version, name, schema_version, format, payload })
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

/// Where the event at `position` stands.
pub(super) fn placed(
    position: u64,
    place: i32,
    commit_size: i32,
    at: &dyn Display,
) -> Result<Standing, ReadError> {
    let standing = || {
        let (place, size) = (u64::try_from(place).ok()?, u64::try_from(commit_size).ok()?);
        let first = position.checked_sub(place).filter(|first| *first > 0)?;
        Standing::new(Position::new(first, place), size)
    };
    standing().ok_or_else(|| corrupt(at, format!("it is at place {place} of a commit of {commit_size}")))
}

/// The key of the event at `position`.
pub(super) const fn flat(position: Position) -> u64 {
    position.commit().saturating_add(position.index())
}

/// What stands beside a row is not what it says.
fn torn(at: &dyn Display) -> ReadError {
    corrupt(at, "the event before it, of the same commit, is missing")
}

pub(super) fn stream_name(name: &str, at: &dyn Display) -> Result<StreamName, ReadError> {
    name.parse().map_err(|error: InvalidName| corrupt(at, error.to_string()))
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
