//! Events in a schema of a PostgreSQL database, version 13 or later.
//!
//! A batch of commits is one call of one function, so it is one round trip and one flush, and a client that
//! stops in the middle holds no lock. A load is one round trip too. Readers of the log pass nothing by that is
//! stored later below their position, and nobody who writes waits for them: see the comments in `v1.sql`, the
//! tables and functions that opening a store makes.
//!
//! | the server's settings | [`Durability`](crate::Durability) |
//! | --- | --- |
//! | as they come | `Fsync` |
//! | `synchronous_standby_names` is set | `QuorumFsync`; `Quorum` with `synchronous_commit = remote_write` |
//! | `fsync = off` | `ProcessCrash` |
//! | `synchronous_commit = off` | `Memory`: a crash of the server loses what it had acknowledged |
//!
//! A connection that breaks is replaced, for as long as [`patience`](PostgresOptions::patience) lasts: reads are
//! made again, and an append that was on its way is [`Unknown`](AppendError::Unknown), which
//! [`Store`](crate::Store) answers by sending the same commit again. With several hosts in the URL the one that
//! can be written to is taken, so a standby that was promoted takes over. Decisions are never made on a standby.
//!
//! ```no_run
//! use es_runtime::{Adapter, postgres::Postgres};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), es_runtime::ConnectError> {
//! let store = Postgres::options("postgres://app@db.internal/shop?schema=orders")?.open().await?;
//! println!("{:?}", store.capabilities().durability);
//! # Ok(())
//! # }
//! ```
//!
//! A connection keeps prepared statements and settings for its session, so a pooler between this program and the
//! server has to give each connection a session of its own (PgBouncer: `pool_mode = session`).
//!
//! # A role that cannot change the past
//!
//! The owner of the schema opens the store once, which makes the tables, and runs what [`grants`] answers with
//! for the role of the application: it can add events, and neither update nor delete any.

mod append;
mod arrays;
mod connection;
mod errors;
mod fence;
mod kinds;
mod loads;
mod one;
mod open;
mod options;
mod pool;
mod read;
mod registers;
mod rows;
mod schema;
mod server;
mod snapshots;
mod sql;
mod statements;
mod tls;
mod transaction;
mod values;
mod watch;

pub use options::PostgresOptions;
pub use schema::grants;
/// The driver, in the version that [`Postgres::append_in`] takes transactions of.
pub use tokio_postgres;

use crate::adapter::{
    Adapter, Capabilities, Direction, Filter, Found, Freshness, Limit, LogPage, Page, Reader,
};
use crate::commit::{Appended, Commit};
use crate::error::{AppendError, ConnectError, ReadError};
use crate::id::{CommitId, StoreId};
use crate::name::StreamName;
use crate::position::{Cursor, Version};
use crate::register::{Register, Registers, Write};
use crate::snapshot::{Snapshot, Snapshots};
use crate::sql::Transactions;
use crate::store::sizes::{self, Outcomes};
use crate::time::Timestamp;
use connection::Connection;
use fence::Held;
use loads::{Answer, Loads};
use pool::Pool;
use read::Logged;
use rows::Unread;
use schema::MOST_EVENTS;
use sql::Works;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch::{Receiver, Sender};
use watch::Watcher;

/// How often a read is made again whose connection broke.
const READS: u32 = 3;

/// A store in a database. Cheap to clone; the clones share their connections.
#[derive(Clone)]
pub struct Postgres(Arc<Shared>);

struct Shared {
    pool: Arc<Pool>,
    works: Works,
    loads: Arc<Loads>,
    name: Arc<str>,
    changes: Sender<()>,
    watcher: Watcher,
}

/// Waits for a transaction that a reader of the log may not pass by begin here, and double up to
/// [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_micros(500);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unread>> + Send + 'a>>;

impl Postgres {
    /// How the store at `url` can be opened: see [`PostgresOptions::from_url`].
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`](ConnectError::InvalidUrl), which says what is wrong with it.
    pub fn options(url: &str) -> Result<PostgresOptions, ConnectError> {
        PostgresOptions::from_url(url)
    }

    /// Tells those who wait for [`changes`](Adapter::changes) that a transaction was committed in which
    /// [`append_in`](Self::append_in) stored events.
    pub fn committed(&self) {
        self.0.changes.send_replace(());
    }

    fn now(&self) -> Option<Timestamp> {
        self.0.pool.manager().options.clock.as_ref().map(|clock| clock.now())
    }

    fn told<T>(&self, outcome: T, is_new: impl Fn(&T) -> bool) -> T {
        if is_new(&outcome) {
            self.committed();
        }
        outcome
    }

    async fn batch(&self, commits: &[Commit]) -> Outcomes {
        match self.0.pool.get().await {
            Ok(mut connection) => {
                let lock_timeout = self.0.pool.manager().options.lock_timeout;
                let mut outcomes = Vec::with_capacity(commits.len());
                for commits in numbered(commits, MOST_EVENTS) {
                    let chunk = append::batch(&mut connection, commits, self.now(), lock_timeout).await;
                    outcomes.extend(chunk);
                }
                outcomes
            }
            Err(failure) => commits.iter().map(|commit| Err(failure.append_error(commit.id))).collect(),
        }
    }

    /// Reads, and once more on another connection where the one it had broke.
    async fn read<T: Send>(
        &self,
        at: &(dyn fmt::Display + Sync),
        read: impl for<'a> Fn(&'a mut Connection) -> Reading<'a, T> + Send + Sync,
    ) -> Result<T, ReadError> {
        let mut reads = 1;
        loop {
            let unread = match self.0.pool.get().await {
                Ok(mut connection) => match read(&mut connection).await {
                    Ok(done) => return Ok(done),
                    Err(Unread::NewKind(number)) => match kinds::learn(&mut connection, number, at).await {
                        Ok(()) => continue,
                        Err(unread) => unread,
                    },
                    Err(unread) => unread,
                },
                Err(failure) => Unread::Failed(failure),
            };
            reads = again(unread, reads, at)?;
        }
    }

    /// Looks at the log until nobody is in the way of that.
    async fn log<T: Send>(
        &self,
        look: impl for<'a> Fn(&'a mut Connection, Option<Held>) -> Reading<'a, Result<T, Held>> + Send + Sync,
    ) -> Result<T, ReadError> {
        let patience = self.0.pool.manager().options.patience;
        let (begin, mut wait, mut held) = (Instant::now(), FIRST_WAIT, None::<Held>);
        loop {
            match self.read(&"the log", |connection| look(connection, held.clone())).await? {
                Ok(seen) => return Ok(seen),
                Err(by) if begin.elapsed() > patience => {
                    return Err(ReadError::Unavailable(by.reason(patience)));
                }
                Err(by) => held = Some(by),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

impl Adapter for Postgres {
    async fn append_batch(&self, commits: Vec<Commit>) -> Outcomes {
        let (fitting, sieve) = sizes::sieve(commits);
        let outcomes = if fitting.is_empty() { Vec::new() } else { self.batch(&fitting).await };
        let is_new = |outcomes: &Outcomes| outcomes.iter().any(|o| matches!(o, Ok(Appended::Committed(_))));
        sieve.merge(self.told(outcomes, is_new))
    }

    async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        commits.iter().try_for_each(sizes::check)?;
        Commit::expect_distinct(&commits)?;
        let Some(first) = commits.first() else { return Ok(Vec::new()) };
        let events = commits.iter().map(|commit| commit.events.len()).sum();
        if events > MOST_EVENTS {
            let what = "an append to several streams, in events,".to_owned();
            return Err(AppendError::TooLarge { what, size: events, limit: MOST_EVENTS });
        }
        let lent = self.0.pool.get().await;
        let mut connection = lent.map_err(|failure| failure.append_error(first.id))?;
        let outcome = append::group(&mut connection, &commits, self.now()).await;
        self.told(outcome, Result::is_ok)
    }

    async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        self.read(&"a commit", |connection| Box::pin(read::find_commit(connection, id))).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        _: Freshness,
    ) -> Result<Page, ReadError> {
        self.read(stream, |connection| {
            let stream = stream.clone();
            Box::pin(async move { read::stream_page(connection, &stream, from, direction, limit).await })
        })
        .await
    }

    async fn replay(&self, stream: &StreamName, from: Version, reader: Reader<'_>) -> Result<(), ReadError> {
        let (mut next, mut reads) = (from.max(Version::new(1)), 1);
        let mut turn = match self.0.loads.join(stream, next).await {
            // What goes wrong with it is found out, and told, by reading on alone.
            Some(Answer::Read(part)) => match part.show(stream, &mut next, reader) {
                Ok(true) => return Ok(()),
                Ok(false) | Err(_) => None,
            },
            Some(Answer::Alone(turn)) => Some(turn),
            Some(Answer::Failed(error)) => return Err(error),
            None => None,
        };
        loop {
            let unread = match self.0.pool.get().await {
                Ok(mut lent) => match read::replay(&mut lent, stream, &mut next, &mut turn, reader).await {
                    Ok(()) => return Ok(()),
                    Err(Unread::NewKind(number)) => match kinds::learn(&mut lent, number, stream).await {
                        Ok(()) => continue,
                        Err(unread) => unread,
                    },
                    Err(unread) => unread,
                },
                Err(failure) => Unread::Failed(failure),
            };
            // On another connection it goes on where it was.
            reads = again(unread, reads, stream)?;
        }
    }

    async fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> Result<LogPage, ReadError> {
        self.log(|connection, held| {
            let (after, filter) = (after.clone(), filter.clone());
            Box::pin(async move {
                match read::log_page(connection, &after, &filter, limit, held).await? {
                    Logged::Page(page) => Ok(Ok(page)),
                    Logged::Held(held) => Ok(Err(held)),
                }
            })
        })
        .await
    }

    async fn head(&self) -> Result<Cursor, ReadError> {
        self.log(|connection, held| Box::pin(read::end(connection, held))).await
    }

    fn changes(&self) -> Receiver<()> {
        let receiver = self.0.changes.subscribe();
        self.0.watcher.wake(&self.0);
        receiver
    }

    fn capabilities(&self) -> Capabilities {
        let server = self.0.pool.manager().server();
        let mut capabilities = sizes::limit(Capabilities::full(server.durability()));
        capabilities.warnings = server.warnings();
        capabilities
    }

    fn identity(&self) -> StoreId {
        self.0.pool.manager().identity
    }

    fn snapshots(&self) -> Option<impl Snapshots> {
        Some(self.clone())
    }

    fn registers(&self) -> Option<impl Registers> {
        Some(self.clone())
    }

    fn transactions(&self) -> Option<impl Transactions> {
        Some(self.clone())
    }
}

impl Registers for Postgres {
    async fn read_register(&self, key: &str) -> Result<Option<Register>, ReadError> {
        self.read(&"a register", |connection| {
            let key = key.to_owned();
            Box::pin(async move { registers::read(connection, &key).await })
        })
        .await
    }

    async fn list_registers(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Register)>, ReadError> {
        self.read(&"the registers", |connection| {
            let prefix = prefix.to_owned();
            Box::pin(async move { registers::list(connection, &prefix, limit).await })
        })
        .await
    }

    async fn write_registers(&self, writes: Vec<Write>) -> Result<bool, ReadError> {
        let written = match self.0.pool.get().await {
            Ok(mut connection) => registers::write(&mut connection, &writes).await,
            Err(failure) => Err(failure),
        };
        written.map_err(|failure| failure.read_error("the registers"))
    }
}

impl Snapshots for Postgres {
    async fn load_snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, ReadError> {
        self.read(stream, |connection| {
            let stream = stream.clone();
            Box::pin(async move { snapshots::load(connection, &stream).await })
        })
        .await
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), ReadError> {
        let saved = match self.0.pool.get().await {
            Ok(mut connection) => snapshots::save(&mut connection, stream, &snapshot).await,
            Err(failure) => Err(failure),
        };
        saved.map_err(|failure| failure.read_error("a snapshot"))
    }

    async fn delete_snapshot(&self, stream: &StreamName) -> Result<(), ReadError> {
        let deleted = match self.0.pool.get().await {
            Ok(mut connection) => snapshots::delete(&mut connection, stream).await,
            Err(failure) => Err(failure),
        };
        deleted.map_err(|failure| failure.read_error("a snapshot"))
    }
}

/// Parts of `commits` that have at most so many events each: a number of the sequence has room for no more.
fn numbered(commits: &[Commit], most: usize) -> impl Iterator<Item = &[Commit]> {
    let mut events = 0;
    commits.chunk_by(move |before, next| {
        events += before.events.len();
        let fits = events + next.events.len() <= most;
        if !fits {
            events = 0;
        }
        fits
    })
}

/// The number of the next try, if there is one.
fn again(unread: Unread, reads: u32, at: &dyn fmt::Display) -> Result<u32, ReadError> {
    match unread {
        Unread::Failed(failure) if failure.is_broken() && reads < READS => Ok(reads + 1),
        unread => Err(unread.error(&at.to_string())),
    }
}

/// Without the password.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manager = self.0.pool.manager();
        f.debug_struct("Postgres")
            .field("store", &self.0.name)
            .field("identity", &manager.identity)
            .field("durability", &manager.server().durability())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::{Expected, NewEvent, NonEmpty};
    use crate::format::{Encoded, Format};

    fn commit(events: usize) -> Commit {
        let event = NewEvent {
            name: "order.placed".into(),
            schema_version: 1,
            payload: Encoded::new(Format::Json, *b"1"),
            metadata: Arc::default(),
            occurred_at: Timestamp::EPOCH,
        };
        Commit {
            id: CommitId::ROOT,
            stream: "order/1".parse().expect("a stream"),
            expected: Expected::Any,
            events: NonEmpty::new(vec![event; events]).expect("events"),
            requires: Vec::new(),
        }
    }

    #[test]
    fn no_part_of_a_batch_has_more_events_than_a_number_has_room_for() {
        let commits: Vec<_> = [3, 4, 3, 1, 10, 9, 1, 1].into_iter().map(commit).collect();
        let parts =
            numbered(&commits, 10).map(|part| part.iter().map(|c| c.events.len()).collect::<Vec<_>>());
        assert_eq!(parts.collect::<Vec<_>>(), [vec![3, 4, 3], vec![1], vec![10], vec![9, 1], vec![1]]);
    }
}
