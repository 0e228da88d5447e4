//! What is particular to the PostgreSQL adapter; what every adapter promises is tested in `tests/conformance`.

#[path = "../common/mod.rs"]
mod common;

mod batches;
mod faults;
mod fence;
mod large;
mod loads;
mod open;
mod pool;
mod roles;
mod secrets;
mod sql;
mod transactions;
mod upgrade;
mod watch;

use es_runtime::postgres::{Postgres, PostgresOptions, tokio_postgres};
use es_runtime::*;
use servers::postgres::Server;
use std::sync::Arc;
use std::time::Duration;

/// A database of the test's own, on the server that all tests share.
struct Place {
    url: String,
}

impl Place {
    fn new() -> Self {
        Self { url: Server::shared().new_database() }
    }

    fn name(&self) -> &str {
        self.url.rsplit('/').next().expect("a database")
    }

    fn options(&self) -> PostgresOptions {
        Postgres::options(&self.url).expect("the server's own URL")
    }

    async fn open(&self) -> Postgres {
        self.options().open().await.expect("a store")
    }

    /// What an operator may do to the database.
    fn sql(&self, sql: &str) -> Vec<Vec<String>> {
        Server::shared().sql(self.name(), sql)
    }

    /// A connection of the user's own.
    async fn client(&self) -> tokio_postgres::Client {
        client(&self.url).await
    }

    /// How many events are stored.
    fn count(&self) -> u64 {
        self.sql("SELECT count(*) FROM es.es_event")[0][0].parse().expect("a number")
    }
}

async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

fn stream(name: &str) -> StreamName {
    name.parse().expect(name)
}

fn id(number: u128) -> CommitId {
    uuid::Uuid::from_u128(number).into()
}

fn event(name: &'static str, payload: &[u8]) -> NewEvent {
    NewEvent {
        name: name.into(),
        schema_version: 1,
        payload: Encoded::new(Format::Json, payload),
        metadata: Arc::default(),
        occurred_at: Timestamp::EPOCH,
    }
}

/// A commit of so many events, whose payloads are numbers.
fn commit(number: u128, to: &str, expected: Expected, events: u64) -> Commit {
    let events = (0..events).map(|place| event("order.placed", place.to_string().as_bytes())).collect();
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

async fn append(store: &Postgres, commit: Commit) -> Result<Appended, AppendError> {
    let mut outcomes = store.append_batch(vec![commit]).await;
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

async fn whole(store: &Postgres, of: &str) -> Vec<Recorded> {
    let (of, mut from, mut events) = (stream(of), Version::new(1), Vec::new());
    loop {
        let page = store.read_stream(&of, from, Direction::Forward, Limit::default(), Freshness::Latest);
        let page = page.await.expect("a page");
        events.extend(page.events);
        match page.next {
            Some(next) => from = next,
            None => return events,
        }
    }
}

/// Every event after `cursor`, and the cursor behind them.
async fn log_after(store: &Postgres, mut cursor: Cursor, filter: &Filter) -> (Vec<Recorded>, Cursor) {
    let mut events = Vec::new();
    loop {
        let page = store.read_all(&cursor, filter, Limit::events(100)).await.expect("a page");
        events.extend(page.events);
        let before = std::mem::replace(&mut cursor, page.next);
        if page.is_end {
            return (events, cursor);
        }
        assert_ne!(before, cursor, "a page that is not the end goes on");
    }
}

async fn log(store: &Postgres) -> Vec<Recorded> {
    log_after(store, Cursor::start(), &Filter::all()).await.0
}

/// The streams of events.
fn streams(events: &[Recorded]) -> Vec<String> {
    events.iter().map(|event| event.stream().to_string()).collect()
}

/// Lets a future wait, for at most this long.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it hangs")
}
