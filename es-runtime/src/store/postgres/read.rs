//! Reading pages. A page of the log ends where the fence allows, a page of a stream at once.

use super::connection::Connection;
use super::fence::{self, Held};
use super::kinds::Kinds;
use super::loads::Turn;
use super::rows::{Decoder, Unread, flat, get, natural, placed, stream_name};
use super::statements::Sql;
use crate::adapter::{Direction, Filter, Found, Limit, LogPage, Page, Reader};
use crate::commit::Range;
use crate::id::CommitId;
use crate::name::StreamName;
use crate::position::{Cursor, Position, Version};
use crate::recorded::Recorded;
use crate::store::paging::{Filling, Standing, corrupt, expect_next, gap, torn};
use std::pin::pin;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// How many events a page of the log looks at where a filter lets little through.
const SCAN: i64 = 16_384;

/// The most rows of one statement.
const ROWS: usize = 100_000;

/// The most events that are replayed by one statement, which sees the database as it was when it began.
const REPLAYED: i64 = 10_000;

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
    let kinds = Arc::clone(&connection.kinds);
    let mut decoder = Decoder::new(&kinds);
    let mut page = Filling::new(limit);
    // Once for every page, unless a commit at its end is larger than the rest of the page.
    loop {
        let wanted = wanted(connection, limit);
        let parameters: [&(dyn ToSql + Sync); 3] = [&stream.as_str(), &signed(expected), &wanted];
        let mut stored = pin!(connection.stream(Sql::Forward, &parameters).await?);
        let mut seen = 0;
        loop {
            let chunk = connection.chunk(stored.as_mut()).await?;
            for row in &chunk.rows {
                if page.is_full() {
                    note(connection, page.events.len(), limit);
                    return Ok(Page { events: page.events, next: Some(expected) });
                }
                let (event, standing) = decoder.event(row, Some(stream))?;
                let is_in_order = page.last.is_none_or(|last| last.leads_to(standing));
                expect_next(stream, expected, &event, is_in_order)?;
                page.push(event, standing, standing.ends_commit());
                expected = expected.next();
                seen += 1;
            }
            if chunk.is_last {
                break;
            }
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

/// Shows the events of `stream` from `next` on, which it moves along. The turn, if there is one, is given back when
/// the first of them are here: others need not wait for the rest.
pub(super) async fn replay(
    connection: &mut Connection,
    stream: &StreamName,
    next: &mut Version,
    turn: &mut Option<Turn>,
    reader: Reader<'_>,
) -> Result<(), Unread> {
    let kinds = Arc::clone(&connection.kinds);
    let mut decoder = Decoder::new(&kinds);
    loop {
        let parameters: [&(dyn ToSql + Sync); 3] = [&stream.as_str(), &signed(*next), &REPLAYED];
        let mut stored = pin!(connection.stream(Sql::Replay, &parameters).await?);
        let mut seen = 0;
        loop {
            let chunk = connection.chunk(stored.as_mut()).await?;
            drop(turn.take());
            for row in &chunk.rows {
                if reader(&decoder.bare(row, stream, *next)?).is_break() {
                    return Ok(());
                }
                *next = next.next();
                seen += 1;
            }
            if chunk.is_last {
                break;
            }
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
    let kinds = Arc::clone(&connection.kinds);
    let mut decoder = Decoder::new(&kinds);
    let mut page = Filling::new(limit);
    // The newest there is tells where to begin.
    let mut expected = None;
    loop {
        let (wanted, first) = (wanted(connection, limit), signed(expected.unwrap_or(from)));
        let parameters: [&(dyn ToSql + Sync); 3] = [&stream.as_str(), &first, &wanted];
        let mut stored = pin!(connection.stream(Sql::Backward, &parameters).await?);
        let mut seen = 0;
        loop {
            let chunk = connection.chunk(stored.as_mut()).await?;
            for row in &chunk.rows {
                if page.is_full() {
                    note(connection, page.events.len(), limit);
                    return Ok(Page { events: page.events, next: expected });
                }
                let (event, standing) = decoder.event(row, Some(stream))?;
                let version = expected.unwrap_or_else(|| event.version());
                let is_in_order = page.last.is_none_or(|last| standing.leads_to(last));
                expect_next(stream, version, &event, is_in_order)?;
                page.push(event, standing, standing.starts_commit());
                expected = Some(Version::new(version.get() - 1));
                seen += 1;
            }
            if chunk.is_last {
                break;
            }
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
    let reached = after.position().map_or(0, flat);
    let is_at_end = connection.settled <= reached;
    if is_at_end && let Some(held) = fence::settle(connection, held).await? {
        return Ok(Logged::Held(held));
    }
    let settled = connection.settled;
    if settled <= reached {
        return Ok(Logged::Page(LogPage { events: Vec::new(), next: after.clone(), is_end: true }));
    }
    let until = if *filter == Filter::all() { settled } else { window(connection, reached, settled).await? };
    let parameters = Wanted::by(filter);
    let kinds = Arc::clone(&connection.kinds);
    let mut decoder = Decoder::new(&kinds);
    let mut page = Filling::new(limit);
    let mut from = reached as i64;
    loop {
        let (until, rows) = (until as i64, wanted(connection, limit));
        let mut bound: Vec<&(dyn ToSql + Sync)> = vec![&from, &until, &rows];
        bound.extend(parameters.lists.iter().map(|list| list as &(dyn ToSql + Sync)));
        let mut stored = pin!(connection.stream(parameters.sql, &bound).await?);
        let mut seen = 0;
        let mut newest = None;
        loop {
            let chunk = connection.chunk(stored.as_mut()).await?;
            for row in &chunk.rows {
                let (event, standing) = decoder.event(row, None)?;
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
            if chunk.is_last {
                break;
            }
        }
        match newest {
            // The commit at its end may go on.
            Some(last) if seen == rows => {
                connection.rows = connection.rows.saturating_mul(2);
                from = flat(last.at()) as i64;
            }
            _ => break,
        }
    }
    // One that covers what is up to there, whether it is of this page or not.
    let next = match page.last.map(Standing::end_of_commit) {
        Some(last) if flat(last) == until => last,
        _ => position_of(connection, until).await?,
    };
    let is_end = is_at_end && until == settled;
    Ok(Logged::Page(LogPage { events: page.events, next: Cursor::at(next), is_end }))
}

/// Where the log ends, for somebody who has waited for those who were `held` to be in the way.
pub(super) async fn end(
    connection: &mut Connection,
    held: Option<Held>,
) -> Result<Result<Cursor, Held>, Unread> {
    if let Some(held) = fence::settle(connection, held).await? {
        return Ok(Err(held));
    }
    match connection.settled {
        0 => Ok(Ok(Cursor::start())),
        settled => Ok(Ok(Cursor::at(position_of(connection, settled).await?))),
    }
}

/// The position of the event with this key. There is one way to say where a reader is, or two who are at the same
/// event would not find that they are.
async fn position_of(connection: &mut Connection, key: u64) -> Result<Position, Unread> {
    let (rows, at) = (connection.query(Sql::Place, &[&(key as i64)]).await?, format_args!("position {key}"));
    let row = rows.first().ok_or_else(|| corrupt(&at, "its event was there a moment ago"))?;
    Ok(placed(key, get(row, 0, "place", &at)?, get(row, 1, "commit_size", &at)?, &at)?.at())
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
    let (position, place) = (natural::<i64>(row, 0, "position", &at)?, get(row, 1, "place", &at)?);
    let standing = placed(position, place, get(row, 2, "commit_size", &at)?, &at)?;
    let first = Version::new(natural::<i64>(row, 3, "version", &at)?);
    let stream = stream_name(get(row, 4, "stream", &at)?, &at)?;
    let range = range(first, standing.commit_size(), standing.at().commit());
    Ok(Some(Found { stream, range }))
}

/// The events of one commit, in rows with their stream.
pub(super) fn events_of(kinds: &Kinds, rows: &[Row]) -> Result<Vec<Recorded>, Unread> {
    let mut decoder = Decoder::new(kinds);
    rows.iter().map(|row| Ok(decoder.event(row, None)?.0)).collect()
}

/// Where the `size` events are that begin with version `first` in the commit at `position`.
pub(super) const fn range(first: Version, size: u64, position: u64) -> Range {
    Range { first, last: first.plus(size - 1), position: Position::new(position, size - 1) }
}

/// As PostgreSQL keeps it. No stream comes near the largest.
pub(super) fn signed(version: Version) -> i64 {
    i64::try_from(version.get()).unwrap_or(i64::MAX)
}
