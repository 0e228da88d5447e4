//! What is particular to the SQLite adapter; what every adapter promises is tested in `tests/conformance`.
#![cfg(feature = "sqlite")]

mod append;
mod damage;
mod open;
mod processes;
mod read;
mod snapshot;
mod transactions;
mod upgrade;
mod watch;

use es_runtime::sqlite::Sqlite;
use es_runtime::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A folder that is gone with the test, and the path of a file in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("events.db")
    }

    async fn open(&self) -> Sqlite {
        open(&self.path(), Durability::Fsync).await
    }

    async fn open_fast(&self) -> Sqlite {
        open(&self.path(), Durability::ProcessCrash).await
    }

    /// What another program may do to the file.
    fn sql(&self, sql: &str) {
        sql_at(&self.path(), sql);
    }
}

async fn open(path: &Path, durability: Durability) -> Sqlite {
    Sqlite::options().durability(durability).open(path).await.expect("a store")
}

fn sql_at(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).expect("the file");
    connection.busy_timeout(std::time::Duration::from_secs(5)).expect("a timeout");
    connection.execute_batch(sql).expect(sql);
}

fn stream(name: &str) -> StreamName {
    name.parse().expect(name)
}

fn id(number: u128) -> CommitId {
    uuid::Uuid::from_u128(number).into()
}

fn event(name: &'static str, payload: &str) -> NewEvent {
    NewEvent {
        name: name.into(),
        schema_version: 1,
        payload: Encoded::new(Format::Json, payload.as_bytes()),
        metadata: Arc::default(),
        occurred_at: Timestamp::EPOCH,
    }
}

/// A commit of so many events, whose payloads are numbers.
fn commit(number: u128, to: &str, expected: Expected, events: u64) -> Commit {
    let events = (0..events).map(|place| event("order.placed", &place.to_string())).collect();
    Commit {
        id: id(number),
        stream: stream(to),
        expected,
        events: NonEmpty::new(events).expect("events"),
        requires: Vec::new(),
    }
}

fn exactly(version: u64) -> Expected {
    Expected::Exactly(Version::new(version))
}

async fn append(store: &Sqlite, commit: Commit) -> Result<Appended, AppendError> {
    let mut outcomes = store.append_batch(vec![commit]).await;
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

async fn page(
    store: &Sqlite,
    of: &str,
    from: u64,
    direction: Direction,
    limit: usize,
) -> Result<Page, ReadError> {
    let (from, limit) = (Version::new(from), Limit::events(limit));
    store.read_stream(&stream(of), from, direction, limit, Freshness::Latest).await
}

/// The versions of a page, and where to read on.
fn versions(page: &Page) -> (Vec<u64>, Option<u64>) {
    (page.events.iter().map(|event| event.version().get()).collect(), page.next.map(Version::get))
}

async fn whole(store: &Sqlite, of: &str) -> Vec<Recorded> {
    page(store, of, 1, Direction::Forward, usize::MAX).await.expect("a page").events
}

/// Every event of the log, and how many pages it took.
async fn log(store: &Sqlite, filter: &Filter, limit: Limit) -> Result<(Vec<Recorded>, usize), ReadError> {
    let (mut events, mut cursor, mut pages) = (Vec::new(), Cursor::start(), 0);
    loop {
        let page = store.read_all(&cursor, filter, limit).await?;
        events.extend(page.events);
        pages += 1;
        if page.is_end {
            return Ok((events, pages));
        }
        assert_ne!(page.next, cursor, "a page that is not the end goes on");
        cursor = page.next;
    }
}
