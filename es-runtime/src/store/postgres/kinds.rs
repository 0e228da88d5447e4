//! Kinds of events: a name, the version of a shape and a format, which events refer to by a number.
//!
//! Each session keeps what it has read for itself. What was committed is there for as long as the session is, but
//! a server that takes the place of another may lack the newest of it, and give the same number again.

use super::connection::Connection;
use super::errors::Failure;
use super::rows::{Unread, format, get, schema_version};
use super::statements::Sql;
use crate::commit::{Commit, NewEvent};
use crate::error::ReadError;
use crate::format::{Cause, Format};
use crate::name::EventName;
use crate::store::paging::corrupt;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::sync::Arc;
use tokio_postgres::Row;

/// What the events of a kind have in common.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub(super) name: EventName,
    pub(super) schema_version: u16,
    pub(super) format: Format,
}

impl Kind {
    fn is_of(&self, event: &NewEvent) -> bool {
        self.schema_version == event.schema_version
            && self.format == event.payload.format()
            && *self.name == *event.name
    }
}

/// The kinds that a session knows.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    by_number: HashMap<i32, Kind>,
    /// An event that is new is looked for by its name, which has a handful of versions.
    by_name: HashMap<EventName, Vec<i32>>,
}

impl Kinds {
    pub(super) fn get(&self, number: i32) -> Option<&Kind> {
        self.by_number.get(&number)
    }

    fn number(&self, event: &NewEvent) -> Option<i32> {
        let mut numbers = self.by_name.get(&event.name)?.iter().copied();
        numbers.find(|number| self.get(*number).is_some_and(|kind| kind.is_of(event)))
    }

    /// The number of each event of `commits`, where all are known.
    pub(super) fn numbers(&self, commits: &[Commit]) -> Option<Vec<i32>> {
        let mut numbers: Vec<i32> = Vec::with_capacity(commits.len());
        let mut last: Option<(i32, &Kind)> = None;
        for event in commits.iter().flat_map(|commit| commit.events.iter()) {
            // Neighbours often have the same.
            let (number, kind) = match last {
                Some(last) if last.1.is_of(event) => last,
                _ => {
                    let number = self.number(event)?;
                    (number, self.get(number)?)
                }
            };
            numbers.push(number);
            last = Some((number, kind));
        }
        Some(numbers)
    }

    /// From the rows of [`Sql::Kinds`].
    pub(super) fn read(rows: &[Row]) -> Result<Self, ReadError> {
        let mut kinds = Self::default();
        for row in rows {
            let number = get::<i32>(row, 0, "number", &"a kind of events")?;
            let at = &format_args!("kind {number} of events") as &dyn Display;
            let name = EventName::from(Arc::<str>::from(get::<&str>(row, 1, "name", at)?));
            let kind = Kind {
                name: name.clone(),
                schema_version: schema_version(row, 2, at)?,
                format: format(row, 3, at)?,
            };
            kinds.by_number.insert(number, kind);
            kinds.by_name.entry(name).or_default().push(number);
        }
        Ok(kinds)
    }
}

/// Reads the kinds that have been added meanwhile. One that an event has was stored before the event.
pub(super) async fn learn(
    connection: &mut Connection,
    number: i32,
    at: &(dyn Display + Sync),
) -> Result<(), Unread> {
    reread(connection).await?;
    if connection.kinds.get(number).is_some() {
        return Ok(());
    }
    Err(corrupt(at, missing(number)).into())
}

pub(super) fn missing(number: i32) -> String {
    format!("an event has the kind {number}, which is not in es_kind")
}

async fn reread(connection: &mut Connection) -> Result<(), Unread> {
    let rows = connection.query(Sql::Kinds, &[]).await?;
    connection.kinds = Arc::new(Kinds::read(&rows)?);
    Ok(())
}

/// The number of the kind of each event of `commits`. Those that are missing are added first, in a transaction of
/// their own: nobody who needs the same waits for the commits.
pub(super) async fn of(connection: &mut Connection, commits: &[Commit]) -> Result<Vec<i32>, Failure> {
    if let Some(numbers) = connection.kinds.numbers(commits) {
        return Ok(numbers);
    }
    add(connection, commits).await.map_err(before_the_append)?;
    let missing = || Failure::NotSent(Cause::new("a kind of events that was just added is not there"));
    connection.kinds.numbers(commits).ok_or_else(missing)
}

/// Adds the kinds that `commits` lack, unless others have done so since this session looked.
pub(super) async fn add(connection: &mut Connection, commits: &[Commit]) -> Result<(), Unread> {
    reread(connection).await?;
    let events = commits.iter().flat_map(|commit| commit.events.iter());
    let missing: BTreeSet<(&str, i32, i16)> = events
        .filter(|event| connection.kinds.number(event).is_none())
        .map(|event| (&*event.name, event.schema_version.into(), event.payload.format().code().into()))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    // Sorted, as everybody does it, so two that add the same never wait for each other in a circle.
    let (mut names, mut versions, mut formats) = (Vec::new(), Vec::new(), Vec::new());
    for (name, version, format) in missing {
        names.push(name);
        versions.push(version);
        formats.push(format);
    }
    connection.query(Sql::AddKinds, &[&names, &versions, &formats]).await?;
    reread(connection).await
}

/// No commit was sent yet, so each failed for certain.
fn before_the_append(unread: Unread) -> Failure {
    match unread {
        Unread::Failed(Failure::Lost(cause)) => Failure::NotSent(cause),
        Unread::Failed(failure) => failure,
        unread => Failure::NotSent(Cause::new(unread.error("the kinds of events"))),
    }
}
