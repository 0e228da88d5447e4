//! Reading pages. A page of the log ends where the fence allows, a page of a stream at once.

use super::connection::Connection;
use super::fence::{self, Held};
use super::rows::{Decoder, Unread, format, get, natural, schema_version, standing};
use super::statements::Sql;
use crate::adapter::{Bare, Direction, Filter, Found, Limit, LogPage, Page, Reader};
use crate::commit::Range;
use crate::error::ReadError;
use crate::id::CommitId;
use crate::name::{InvalidName, StreamName};
use crate::position::{Cursor, Position, Version};
use crate::recorded::Recorded;
use crate::store::paging::{Filling, Standing, corrupt, expect_next, gap, torn};
use std::collections::HashMap;
use std::fmt::Display;
use std::pin::pin;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// How many events a page of the log looks at where a filter lets little through.
const SCAN: i64 = 16_384;

/// The most rows of one statement.
const ROWS: usize = 100_000;

/// The most events that are replayed by one statement, which sees the database as it was when it began.
const REPLAYED: i64 = 10_000;

/// The place of an event that no commit is large enough for.
const BEHIND_EVERY_PLACE: u64 = i32::MAX as u64;

/// A part of `stream`.
pub(super) async fn stream_page(
    connection: &mut Connection,
    stream: &StreamName,
    from: Version,
    direction: Direction,
    limit: Limit,
) -> Result<Page, Unread> {
    match direction {
        Direction::Forward => forward(connection, stream, from, limit).await,
        Direction::Backward => backward(connection, stream, from, limit).await,
    }
}

/// One more than fits, which tells whether there is more.
fn rows(limit: Limit) -> i64 {
    limit.events.clamp(1, ROWS) as i64 + 1
}

/// So many at most, as far as the pages before tell. What a page has no room for travels all the same.
fn wanted(connection: &Connection, limit: Limit) -> i64 {
    rows(limit).min(connection.rows)
}

/// Notes how many rows a page had room for.
fn note(connection: &mut Connection, events: usize, limit: Limit) {
    let is_full_of_bytes = events < limit.events;
    connection.rows = if is_full_of_bytes { events as i64 * 2 + 2 } else { connection.rows.max(rows(limit)) };
}

pub(super) async fn forward(
    connection: &mut Connection,
    stream: &StreamName,
    from: Version,
    limit: Limit,
) -> Result<Page, Unread> {
    let mut expected = from.max(Version::new(1));
    let mut decoder = Decoder::default();
    let mut page = Filling::new(limit);
    // Once for every page, unless a commit at its end is larger than the rest of the page.
    loop {
        let wanted = wanted(connection, limit);
        let parameters: [&(dyn ToSql + Sync); 3] = [&stream.as_str(), &signed(expected), &wanted];
        let mut stored = pin!(connection.stream(Sql::Forward, &parameters).await?);
        let mut seen = 0;
        while let Some(row) = connection.next(stored.as_mut()).await? {
            if page.is_full() {
                note(connection, page.events.len(), limit);
                return Ok(Page { events: page.events, next: Some(expected) });
            }
            let (event, standing) = decoder.event(&row, stream)?;
            let is_in_order = page.last.is_none_or(|last| last.leads_to(standing));
            expect_next(stream, expected, &event, is_in_order)?;
            page.push(event, standing, standing.ends_commit());
            expected = expected.next();
            seen += 1;
        }
        if seen == wanted {
            connection.rows = connection.rows.saturating_mul(2);
            continue;
        }
        return match page.last {
            Some(last) if !last.ends_commit() => Err(gap(stream, expected).into()),
            _ => Ok(Page { events: page.events, next: None }),
        };
    }
}

/// Shows the events of `stream` from `next` on, which it moves along.
pub(super) async fn replay(
    connection: &mut Connection,
    stream: &StreamName,
    next: &mut Version,
    reader: Reader<'_>,
) -> Result<(), Unread> {
    loop {
        let parameters: [&(dyn ToSql + Sync); 3] = [&stream.as_str(), &signed(*next), &REPLAYED];
        let mut stored = pin!(connection.stream(Sql::Replay, &parameters).await?);
        let mut seen = 0;
        while let Some(row) = connection.next(stored.as_mut()).await? {
            let version = Version::new(natural::<i64>(&row, 0, "version", stream)?);
            if version != *next {
                return Err(gap(stream, *next).into());
            }
            let at = format_args!("`{stream}` version {version}");
            let event = Bare {
                version,
                name: get(&row, 1, "name", &at)?,
                schema_version: schema_version(&row, 2, &at)?,
                format: format(&row, 3, &at)?,
                payload: get(&row, 4, "payload", &at)?,
            };
            if reader(&event).is_break() {
                return Ok(());
            }
            *next = version.next();
            seen += 1;
        }
        if seen < REPLAYED {
            return Ok(());
        }
    }
}

async fn backward(
    connection: &mut Connection,
    stream: &StreamName,
    from: Version,
    limit: Limit,
) -> Result<Page, Unread> {
    let mut decoder = Decoder::default();
    let mut page = Filling::new(limit);
    // The newest there is tells where to begin.
    let mut expected = None;
    loop {
        let (wanted, first) = (wanted(connection, limit), signed(expected.unwrap_or(from)));
        let parameters: [&(dyn ToSql + Sync); 3] = [&stream.as_str(), &first, &wanted];
        let mut stored = pin!(connection.stream(Sql::Backward, &parameters).await?);
        let mut seen = 0;
        while let Some(row) = connection.next(stored.as_mut()).await? {
            if page.is_full() {
                note(connection, page.events.len(), limit);
                return Ok(Page { events: page.events, next: expected });
            }
            let (event, standing) = decoder.event(&row, stream)?;
            let version = expected.unwrap_or_else(|| event.version());
            let is_in_order = page.last.is_none_or(|last| standing.leads_to(last));
            expect_next(stream, version, &event, is_in_order)?;
            page.push(event, standing, standing.starts_commit());
            expected = Some(Version::new(version.get() - 1));
            seen += 1;
        }
        if seen == wanted {
            connection.rows = connection.rows.saturating_mul(2);
            continue;
        }
        return match (expected, page.last) {
            (Some(missing), _) if missing > Version::NONE => Err(gap(stream, missing).into()),
            (_, Some(last)) if !last.starts_commit() => Err(torn(stream, Version::new(1)).into()),
            _ => Ok(Page { events: page.events, next: None }),
        };
    }
}

/// What a look at the log gives.
pub(super) enum Logged {
    Page(LogPage),
    /// Nothing yet: these must end before.
    Held(Held),
}

/// A part of the log, for a reader that has waited for those who were `held` to be in its way.
///
/// A filter that lets little through gives pages with little in them, so that each takes bounded time.
pub(super) async fn log_page(
    connection: &mut Connection,
    after: &Cursor,
    filter: &Filter,
    limit: Limit,
    held: Option<Held>,
) -> Result<Logged, Unread> {
    let start = after.position();
    let (commit, index) = start.map_or((0, 0), |position| (position.commit(), position.index()));
    // The rest of the commit that a reader stands in is there: a commit is seen whole or not at all.
    let reached = start.map_or(0, |_| commit);
    let is_at_end = connection.settled <= reached;
    if is_at_end && let Some(held) = fence::settle(connection, held).await? {
        return Ok(Logged::Held(held));
    }
    let settled = connection.settled;
    if settled < reached || (settled == reached && index >= BEHIND_EVERY_PLACE) {
        return Ok(Logged::Page(LogPage { events: Vec::new(), next: after.clone(), is_end: true }));
    }
    let until = if *filter == Filter::all() { settled } else { window(connection, reached, settled).await? };
    let parameters = Wanted::by(filter);
    let mut decoder = Decoder::default();
    let mut streams = Streams::default();
    let mut page = Filling::new(limit);
    let mut from = start.map_or((0, -1), |position| {
        (position.commit().min(i64::MAX as u64) as i64, position.index().min(BEHIND_EVERY_PLACE) as i32)
    });
    loop {
        let (until, rows) = (until as i64, wanted(connection, limit));
        let mut bound: Vec<&(dyn ToSql + Sync)> = vec![&from.0, &from.1, &until, &rows];
        bound.extend(parameters.lists.iter().map(|list| list as &(dyn ToSql + Sync)));
        let mut stored = pin!(connection.stream(parameters.sql, &bound).await?);
        let mut seen = 0;
        let mut newest = None;
        while let Some(row) = connection.next(stored.as_mut()).await? {
            let stream = streams.of(&row)?;
            let (event, standing) = decoder.event(&row, stream)?;
            if let Some(last) = page.last
                && page.is_full()
                && !last.is_same_commit(standing)
            {
                note(connection, page.events.len(), limit);
                let next = Cursor::at(last.end_of_commit());
                return Ok(Logged::Page(LogPage { events: page.events, next, is_end: false }));
            }
            page.push(event, standing, true);
            newest = Some(standing);
            seen += 1;
        }
        match newest {
            // The commit at its end may go on.
            Some(last) if seen == rows => {
                connection.rows = connection.rows.saturating_mul(2);
                from = (last.at().commit() as i64, last.at().index() as i32);
            }
            _ => break,
        }
    }
    let next = match page.last.map(Standing::end_of_commit) {
        Some(last) if last.commit() == until => Cursor::at(last),
        None if reached == until => after.clone(),
        _ => Cursor::at(Position::new(until, BEHIND_EVERY_PLACE)),
    };
    let is_end = is_at_end && until == settled;
    Ok(Logged::Page(LogPage { events: page.events, next, is_end }))
}

/// Where the log ends, for somebody who has waited for those who were `held` to be in the way.
pub(super) async fn end(
    connection: &mut Connection,
    held: Option<Held>,
) -> Result<Result<Cursor, Held>, Unread> {
    let held = fence::settle(connection, held).await?;
    let end = match connection.settled {
        0 => Cursor::start(),
        settled => Cursor::at(Position::new(settled, BEHIND_EVERY_PLACE)),
    };
    Ok(held.map_or(Ok(end), Err))
}

/// Up to where a page looks.
async fn window(connection: &mut Connection, from: u64, settled: u64) -> Result<u64, Unread> {
    let rows = connection.query(Sql::After, &[&(from as i64), &(settled as i64), &SCAN]).await?;
    match rows.first() {
        Some(row) => Ok(natural::<i64>(row, 0, "position", &"the log")?),
        None => Ok(settled),
    }
}

/// A filter as parameters of a statement.
struct Wanted<'a> {
    sql: Sql,
    lists: Vec<Vec<&'a str>>,
}

impl<'a> Wanted<'a> {
    fn by(filter: &'a Filter) -> Self {
        let texts = |list: &'a [std::sync::Arc<str>]| list.iter().map(|text| &**text).collect::<Vec<_>>();
        let (names, categories) = (texts(&filter.events), texts(&filter.categories));
        let (sql, lists) = match (names.is_empty(), categories.is_empty()) {
            (true, true) => (Sql::Log, vec![]),
            (false, true) => (Sql::LogByName, vec![names]),
            (true, false) => (Sql::LogByCategory, vec![categories]),
            (false, false) => (Sql::LogByBoth, vec![names, categories]),
        };
        Self { sql, lists }
    }
}

/// The commit with this id.
pub(super) async fn find_commit(connection: &mut Connection, id: CommitId) -> Result<Option<Found>, Unread> {
    let rows = connection.query(Sql::FindCommit, &[id.as_uuid()]).await?;
    let at = format_args!("commit {id}");
    let Some(row) = rows.first() else { return Ok(None) };
    let standing = standing(row, &at)?;
    let first = Version::new(natural::<i64>(row, 3, "version", &at)?);
    let stream = stream_name(get(row, 4, "stream", &at)?, &at)?;
    let range = range(first, standing.commit_size(), standing.at().commit());
    Ok(Some(Found { stream, range }))
}

/// The events of one commit, in rows with their stream.
pub(super) fn events_of(rows: &[Row]) -> Result<Vec<Recorded>, ReadError> {
    let (mut decoder, mut streams) = (Decoder::default(), Streams::default());
    rows.iter().map(|row| Ok(decoder.event(row, streams.of(row)?)?.0)).collect()
}

/// The streams of a page, each read once.
#[derive(Default)]
struct Streams(HashMap<Box<str>, StreamName>);

impl Streams {
    /// The stream of a row that names it after the other columns.
    fn of(&mut self, row: &Row) -> Result<&StreamName, ReadError> {
        let at = format_args!("position {}", natural::<i64>(row, 0, "position", &"the log")?);
        let name: &str = get(row, 12, "stream", &at)?;
        if !self.0.contains_key(name) {
            self.0.insert(name.into(), stream_name(name, &at)?);
        }
        Ok(&self.0[name])
    }
}

fn stream_name(name: &str, at: &dyn Display) -> Result<StreamName, ReadError> {
    name.parse().map_err(|error: InvalidName| corrupt(at, error.to_string()))
}

/// Where the `size` events are that begin with version `first` in the commit at `position`.
pub(super) const fn range(first: Version, size: u64, position: u64) -> Range {
    Range { first, last: first.plus(size - 1), position: Position::new(position, size - 1) }
}

/// As PostgreSQL keeps it. No stream comes near the largest.
fn signed(version: Version) -> i64 {
    i64::try_from(version.get()).unwrap_or(i64::MAX)
}
