//! Reading: streams, the log, and where a commit is.
//!
//! No transaction is held open. Events are never changed, and each page needs one statement that sees
//! more than one of them; what is looked up before it can only be older, never contradict it.

use super::connection::{Db, Names};
use super::errors::read_error;
use super::rows::{self, Decoder, event_columns, natural, rowid};
use crate::adapter::{Direction, Filter, Found, Limit, LogPage, Page};
use crate::commit::Range;
use crate::error::ReadError;
use crate::id::CommitId;
use crate::name::StreamName;
use crate::position::{Cursor, Position, Version};
use crate::recorded::Recorded;
use crate::store::paging::{Filling, Standing, corrupt, expect_next, gap, torn};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;
use std::fmt::Display;

/// A part of `stream`.
pub(super) fn stream_page(
    db: &mut Db,
    stream: &StreamName,
    from: Version,
    direction: Direction,
    limit: Limit,
) -> Result<Page, ReadError> {
    let id = db.stream_id(stream).map_err(|error| read_error(&error, &format!("`{stream}`")))?;
    let Some(id) = id else { return Ok(Page { events: Vec::new(), next: None }) };
    match direction {
        Direction::Forward => forward(db, stream, id, from, limit),
        Direction::Backward => backward(db, stream, id, from, limit),
    }
}

fn forward(
    db: &mut Db,
    stream: &StreamName,
    id: i64,
    from: Version,
    limit: Limit,
) -> Result<Page, ReadError> {
    const SQL: &str = concat!(
        "SELECT ",
        event_columns!(),
        " FROM es_event e WHERE e.stream = ?1 AND e.version >= ?2 ORDER BY e.version"
    );
    let failed = |error| read_error(&error, &format!("`{stream}`"));
    let Db { connection, names, .. } = db;
    let mut statement = connection.prepare_cached(SQL).map_err(failed)?;
    let mut expected = from.max(Version::new(1));
    let mut rows = statement.query(params![id, signed(expected)]).map_err(failed)?;
    let mut decoder = Decoder::new(connection, names);
    let mut page = Filling::new(limit);
    while let Some(row) = rows.next().map_err(failed)? {
        if page.is_full() {
            return Ok(Page { events: page.events, next: Some(expected) });
        }
        let (event, standing) = decoder.event(row, stream)?;
        let is_in_order = page.last.is_none_or(|last| last.leads_to(standing));
        expect_next(stream, expected, &event, is_in_order)?;
        page.push(event, standing, standing.ends_commit());
        expected = expected.next();
    }
    match page.last {
        Some(last) if !last.ends_commit() => Err(gap(stream, expected)),
        _ => Ok(Page { events: page.events, next: None }),
    }
}

fn backward(
    db: &mut Db,
    stream: &StreamName,
    id: i64,
    from: Version,
    limit: Limit,
) -> Result<Page, ReadError> {
    const HEAD: &str = "SELECT max(version) FROM es_event WHERE stream = ?1";
    const SQL: &str = concat!(
        "SELECT ",
        event_columns!(),
        " FROM es_event e WHERE e.stream = ?1 AND e.version <= ?2 ORDER BY e.version DESC"
    );
    let failed = |error| read_error(&error, &format!("`{stream}`"));
    let Db { connection, names, .. } = db;
    let head: Option<i64> = connection
        .prepare_cached(HEAD)
        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
        .map_err(failed)?;
    let head = u64::try_from(head.unwrap_or(0))
        .map_err(|_| corrupt(&format_args!("`{stream}`"), "its version is negative"))?;
    let mut expected = from.min(Version::new(head));

    let mut statement = connection.prepare_cached(SQL).map_err(failed)?;
    let mut rows = statement.query(params![id, signed(expected)]).map_err(failed)?;
    let mut decoder = Decoder::new(connection, names);
    let mut page = Filling::new(limit);
    while expected > Version::NONE && !page.is_full() {
        let Some(row) = rows.next().map_err(failed)? else { return Err(gap(stream, expected)) };
        let (event, standing) = decoder.event(row, stream)?;
        let is_in_order = page.last.is_none_or(|last| standing.leads_to(last));
        expect_next(stream, expected, &event, is_in_order)?;
        page.push(event, standing, standing.starts_commit());
        expected = Version::new(expected.get() - 1);
    }
    match page.last {
        Some(last) if expected == Version::NONE && !last.starts_commit() => {
            Err(torn(stream, Version::new(1)))
        }
        _ => Ok(Page { events: page.events, next: (expected > Version::NONE).then_some(expected) }),
    }
}

/// A part of the log, which looks at no more than `scan` events and the rest of a commit.
///
/// A filter that lets little through gives pages with little in them, so that each takes bounded time.
pub(super) fn log_page(
    db: &mut Db,
    after: &Cursor,
    filter: &Filter,
    limit: Limit,
    scan: u64,
) -> Result<LogPage, ReadError> {
    let Db { connection, names, .. } = db;
    let from = after.position().map_or(0, rowid);
    let end = LogPage { events: Vec::new(), next: after.clone(), is_end: true };
    let Some(head) = last_up_to(connection, i64::MAX as u64)? else { return Ok(end) };
    let head = head.end_of_commit();
    if rowid(head) <= from {
        return Ok(end);
    }
    let until = match from.saturating_add(scan) {
        far if far >= rowid(head) => head,
        far => match last_up_to(connection, far)? {
            Some(near) if rowid(near.at()) > from => near.end_of_commit(),
            _ => first_after(connection, from)?.map_or(head, Standing::end_of_commit),
        },
    };

    // Only now: a name that is looked up before `until` could be given to an event between the two.
    let Some(wanted) = Wanted::by(filter, connection, names)? else {
        return Ok(LogPage { events: Vec::new(), next: Cursor::at(until), is_end: until == head });
    };
    let failed = |error| read_error(&error, "the log");
    let mut statement = connection.prepare_cached(wanted.sql).map_err(failed)?;
    let mut rows = statement
        .query(params![from as i64, rowid(until) as i64, wanted.names, wanted.categories])
        .map_err(failed)?;
    let mut streams = HashMap::new();
    let mut decoder = Decoder::new(connection, names);
    let mut page = Filling::new(limit);
    let mut reached = until;
    while let Some(row) = rows.next().map_err(failed)? {
        let position = natural(row, 0, "position", &"the log")?;
        let at = format_args!("position {position}");
        let standing = rows::standing(row, [0, 3, 4], &at)?;
        let is_same_commit = page.last.is_some_and(|last| last.is_same_commit(standing));
        if let Some(last) = page.last
            && page.is_full()
            && !is_same_commit
        {
            reached = last.end_of_commit();
            break;
        }
        let id = natural(row, 1, "stream", &at)?;
        let stream = match streams.get(&id) {
            Some(stream) => stream,
            None => streams.entry(id).or_insert(stream_name(connection, id, &at)?),
        };
        let (event, standing) = decoder.event(row, stream)?;
        page.push(event, standing, true);
    }
    Ok(LogPage { events: page.events, next: Cursor::at(reached), is_end: reached == head })
}

/// Where the log ends.
pub(super) fn head(db: &Db) -> Result<Cursor, ReadError> {
    let last = last_up_to(&db.connection, i64::MAX as u64)?;
    Ok(last.map_or_else(Cursor::start, |last| Cursor::at(last.end_of_commit())))
}

/// A filter in the numbers of the file.
struct Wanted {
    sql: &'static str,
    names: Option<String>,
    categories: Option<String>,
}

impl Wanted {
    /// Nothing where no event can be wanted, because none has one of the names.
    fn by(filter: &Filter, connection: &Connection, names: &mut Names) -> Result<Option<Self>, ReadError> {
        // `CROSS JOIN` keeps SQLite from going through the streams of a category one by one.
        macro_rules! select {
            ($($condition:literal),*) => {
                concat!(
                    "SELECT ",
                    event_columns!(),
                    " FROM es_event e CROSS JOIN es_stream s ON s.id = e.stream \
                     WHERE e.position > ?1 AND e.position <= ?2",
                    $($condition,)*
                    " ORDER BY e.position"
                )
            };
        }
        const BY_NAME: &str = select!(" AND e.name IN (SELECT value FROM json_each(?3)) AND ?4 IS NULL");
        const BY_CATEGORY: &str =
            select!(" AND ?3 IS NULL AND s.category IN (SELECT value FROM json_each(?4))");
        const BY_BOTH: &str = select!(
            " AND e.name IN (SELECT value FROM json_each(?3))",
            " AND s.category IN (SELECT value FROM json_each(?4))"
        );
        const ALL: &str = concat!(
            "SELECT ",
            event_columns!(),
            " FROM es_event e WHERE e.position > ?1 AND e.position <= ?2 AND ?3 IS NULL AND ?4 IS NULL \
             ORDER BY e.position"
        );

        let categories = (!filter.categories.is_empty()).then(|| {
            let categories = filter.categories.iter().map(|category| serde_json::Value::from(&**category));
            serde_json::Value::from_iter(categories).to_string()
        });
        if filter.events.is_empty() {
            let sql = if categories.is_some() { BY_CATEGORY } else { ALL };
            return Ok(Some(Self { sql, names: None, categories }));
        }
        let mut ids = Vec::new();
        for name in &filter.events {
            ids.extend(
                names.id(connection, name).map_err(|error| read_error(&error, "the names of events"))?,
            );
        }
        if ids.is_empty() {
            return Ok(None);
        }
        let sql = if categories.is_some() { BY_BOTH } else { BY_NAME };
        Ok(Some(Self { sql, names: Some(format!("{ids:?}")), categories }))
    }
}

/// The event with the largest position up to `position`.
fn last_up_to(connection: &Connection, position: u64) -> Result<Option<Standing>, ReadError> {
    const SQL: &str = "SELECT position, place, commit_size FROM es_event WHERE position <= ?1 \
                       ORDER BY position DESC LIMIT 1";
    standing(connection, SQL, position)
}

/// The event with the smallest position above `position`.
fn first_after(connection: &Connection, position: u64) -> Result<Option<Standing>, ReadError> {
    const SQL: &str = "SELECT position, place, commit_size FROM es_event WHERE position > ?1 \
                       ORDER BY position LIMIT 1";
    standing(connection, SQL, position)
}

fn standing(connection: &Connection, sql: &str, position: u64) -> Result<Option<Standing>, ReadError> {
    let failed = |error| read_error(&error, "the log");
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query([position as i64]).map_err(failed)?;
    match rows.next().map_err(failed)? {
        Some(row) => rows::standing(row, [0, 1, 2], &"the log").map(Some),
        None => Ok(None),
    }
}

fn stream_name(connection: &Connection, id: u64, at: &dyn Display) -> Result<StreamName, ReadError> {
    const SQL: &str = "SELECT category, key FROM es_stream WHERE id = ?1";
    let name = connection
        .prepare_cached(SQL)
        .and_then(|mut statement| {
            let text = |row: &Row<'_>, column| {
                let text = row.get_ref(column)?.as_str();
                Ok::<_, rusqlite::Error>(text.map(String::from).ok())
            };
            statement.query_row([id as i64], |row| Ok((text(row, 0)?, text(row, 1)?))).optional()
        })
        .map_err(|error| read_error(&error, &at.to_string()))?;
    let Some((Some(category), Some(key))) = name else {
        return Err(corrupt(at, "the name of its stream is missing or not text"));
    };
    StreamName::new(&category, &key).map_err(|error| corrupt(at, error.to_string()))
}

/// A stored commit.
pub(super) struct Stored {
    pub(super) found: Found,
    pub(super) stream_id: i64,
    pub(super) size: u64,
}

/// The commit with this id.
pub(super) fn find_commit(connection: &Connection, id: CommitId) -> Result<Option<Stored>, ReadError> {
    const SQL: &str = "SELECT position, place, commit_size, version, stream FROM es_event \
                       WHERE commit_id = ?1 AND place = 0";
    let at = format_args!("commit {id}");
    let failed = |error| read_error(&error, &at.to_string());
    let mut statement = connection.prepare_cached(SQL).map_err(failed)?;
    let mut rows = statement.query([id.as_uuid().as_bytes()]).map_err(failed)?;
    let Some(row) = rows.next().map_err(failed)? else { return Ok(None) };
    let standing = rows::standing(row, [0, 1, 2], &at)?;
    let first = Version::new(natural(row, 3, "version", &at)?);
    let stream_id = natural(row, 4, "stream", &at)?;
    let size = standing.commit_size();
    let range = range(first, size, standing.end_of_commit());
    let stream = stream_name(connection, stream_id, &at)?;
    Ok(Some(Stored { found: Found { stream, range }, stream_id: stream_id as i64, size }))
}

/// Where the `size` events are whose last is at `position`.
pub(super) const fn range(first: Version, size: u64, position: Position) -> Range {
    Range { first, last: first.plus(size - 1), position }
}

/// The events of a commit that was found.
pub(super) fn events_of(db: &mut Db, stored: &Stored) -> Result<Vec<Recorded>, ReadError> {
    let limit = Limit { events: usize::try_from(stored.size).unwrap_or(usize::MAX), bytes: usize::MAX };
    let Found { stream, range } = &stored.found;
    forward(db, stream, stored.stream_id, range.first, limit).map(|page| page.events)
}

/// As SQLite keeps it. No stream comes near the largest.
fn signed(version: Version) -> i64 {
    i64::try_from(version.get()).unwrap_or(i64::MAX)
}
