//! Events in one file, by SQLite.
//!
//! One connection writes, and a thread of its own waits for the disk; a few others read. Any number of
//! processes may use the file, on one machine: SQLite's log does not work on a network file system.
//!
//! | | durable at | a batch of commits runs |
//! | --- | --- | --- |
//! | [`Durability::Fsync`] | its answer | on the thread |
//! | [`Durability::ProcessCrash`] | the next checkpoint, or its answer if only the process is lost | on the caller's, when nobody else writes |
//!
//! A read of up to 128 events runs on the caller's thread, a longer one on a blocking one.
//!
//! ```
//! use es_runtime::{Adapter, Durability, sqlite::Sqlite};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), es_runtime::ConnectError> {
//! # let folder = tempfile::tempdir().expect("a folder");
//! # let path = folder.path().join("orders.db");
//! let store = Sqlite::options().open(path).await?;
//! assert_eq!(store.capabilities().durability, Durability::Fsync);
//! # Ok(())
//! # }
//! ```

mod append;
mod connection;
mod errors;
mod open;
mod options;
mod pool;
mod read;
mod registers;
mod rows;
mod schema;
mod snapshots;
mod sql;
mod thread;
mod watch;
mod work;
mod writer;

pub use options::SqliteOptions;

use crate::adapter::{
    Adapter, Capabilities, Direction, Durability, Filter, Found, Freshness, Limit, LogPage, Page,
};
use crate::commit::{Appended, Commit};
use crate::error::{AppendError, ReadError};
use crate::format::Cause;
use crate::id::{CommitId, StoreId};
use crate::name::StreamName;
use crate::position::{Cursor, Version};
use crate::register::{Register, Registers, Write};
use crate::snapshot::{Snapshot, Snapshots};
use crate::sql::{SqlError, Transactions, Work};
use crate::store::sizes::{self, Outcomes};
use connection::Db;
use pool::Pool;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;
use thread::{Ended, WriterThread};
use tokio::sync::watch::{Receiver, Sender};
use watch::Watcher;
use work::{Caller, Done};
use writer::{Busy, Patience, Writer};

/// The most events that are read or written on an async thread: below half a millisecond.
const INLINE_EVENTS: usize = 128;

/// The most bytes that are written on an async thread.
const INLINE_BYTES: usize = 256 << 10;

/// How many events a page of the log looks at where a filter lets little through.
const SCAN: u64 = 16_384;

/// The same on an async thread.
const INLINE_SCAN: u64 = 1_024;

/// A store in a file. Cheap to clone; the last one to be dropped closes the file, and waits for that.
#[derive(Clone)]
pub struct Sqlite(Arc<Handle>);

struct Handle {
    /// Before the thread that writes, which closes the file and wants to be the last to.
    watcher: Watcher,
    /// Before the rest, so that it ends while that is there.
    thread: WriterThread,
    shared: Arc<Shared>,
}

struct Shared {
    writer: Mutex<Writer>,
    readers: Pool,
    changes: Sender<()>,
    /// How many transactions were committed, for the thread to see that nothing goes on.
    commits: AtomicU64,
    /// Whether the thread knows that there is something to copy from the log.
    is_dirty: AtomicBool,
    name: Arc<str>,
    identity: StoreId,
    durability: Durability,
    work_timeout: Duration,
}

/// An outcome in which every commit failed, each with an error of its own.
type Each<T> = fn(&[Commit], &dyn Fn(&Commit) -> AppendError) -> T;

impl Sqlite {
    /// How a store can be opened.
    pub fn options() -> SqliteOptions {
        SqliteOptions::new()
    }

    /// Whether the caller's thread may write so much: it waits for no flush and for nobody.
    fn may_inline(&self, commits: &[Commit]) -> bool {
        let sizes = commits.iter().map(|commit| (commit.events.len(), sizes::size(commit)));
        let (events, bytes) = sizes.fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
        self.0.shared.durability == Durability::ProcessCrash
            && events <= INLINE_EVENTS
            && bytes <= INLINE_BYTES
    }

    /// Writes on the caller's thread if nobody else writes, else on the other one.
    async fn commit<T: Send + 'static>(
        &self,
        commits: Vec<Commit>,
        write: fn(&mut Writer, &[Commit], Patience) -> Result<T, Busy>,
        each: Each<T>,
    ) -> T {
        let shared = &self.0.shared;
        if self.may_inline(&commits)
            && let Some(mut writer) = shared.try_writer()
            && let Ok(outcome) = write(&mut writer, &commits, Patience::None)
        {
            let is_due = writer.is_checkpoint_due();
            drop(writer);
            if shared.committed() || is_due {
                self.0.thread.wake();
            }
            return outcome;
        }
        let kept = commits.clone();
        let other = shared.clone();
        let written = self.0.thread.call(move |writer| {
            let outcome = write(writer, &commits, Patience::Full);
            other.committed();
            outcome
        });
        match written.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(Busy)) => {
                let cause = Cause::new("another process writes");
                each(&kept, &|_| AppendError::Unavailable(cause.clone()))
            }
            Err(ended) => {
                let source = Cause::new("the thread that writes has ended");
                each(&kept, &|commit| match ended {
                    Ended::Before => AppendError::Fatal(source.clone()),
                    Ended::Within => AppendError::Unknown { id: commit.id, source: source.clone() },
                })
            }
        }
    }

    /// Reads on the caller's thread if it `is_small` and a connection is idle, else on a blocking one.
    async fn fetch<T: Send + 'static>(
        &self,
        is_small: bool,
        read: impl FnOnce(&mut Db) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let shared = &self.0.shared;
        if is_small {
            // The writer's is the cheapest: its cache knows the newest pages.
            if let Some(mut writer) = shared.try_writer()
                && let Some(db) = writer.reader()
            {
                return read(db);
            }
            if let Some(lent) = shared.readers.idle() {
                return lent.read(read);
            }
        }
        let shared = shared.clone();
        let task = tokio::task::spawn_blocking(move || shared.readers.get()?.read(read));
        task.await.unwrap_or_else(|error| Err(ReadError::Unavailable(Cause::new(error))))
    }

    /// Runs `change` in a transaction of its own.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Db) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        let done = self.0.thread.call(move |writer| writer.change(change)).await;
        let reason = match done {
            Ok(Ok(changed)) => return Ok(changed),
            Ok(Err(error)) => Cause::new(error),
            Err(_) => Cause::new("the thread that writes has ended"),
        };
        Err(ReadError::Unavailable(reason))
    }
}

impl Shared {
    /// The writer, even after a panic: a transaction is rolled back when it is dropped.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_writer(&self) -> Option<MutexGuard<'_, Writer>> {
        match self.writer.try_lock() {
            Ok(writer) => Some(writer),
            Err(TryLockError::Poisoned(writer)) => Some(writer.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Tells those who wait that there may be something new, and answers whether the thread must be told.
    fn committed(&self) -> bool {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.changes.send_replace(());
        !self.is_dirty.swap(true, Ordering::AcqRel)
    }
}

impl Adapter for Sqlite {
    async fn append_batch(&self, commits: Vec<Commit>) -> Outcomes {
        let (fitting, sieve) = sizes::sieve(commits);
        sieve.merge(self.commit(fitting, Writer::append_batch, each_alone).await)
    }

    async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        commits.iter().try_for_each(sizes::check)?;
        Commit::expect_distinct(&commits)?;
        if commits.is_empty() {
            return Ok(Vec::new());
        }
        self.commit(commits, Writer::append_all, |commits, error| Err(error(&commits[0]))).await
    }

    async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        self.fetch(true, move |db| Ok(read::find_commit(&db.connection, id)?.map(|stored| stored.found)))
            .await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        _: Freshness,
    ) -> Result<Page, ReadError> {
        let stream = stream.clone();
        let is_small = limit.events <= INLINE_EVENTS;
        self.fetch(is_small, move |db| read::stream_page(db, &stream, from, direction, limit)).await
    }

    async fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> Result<LogPage, ReadError> {
        let (after, filter) = (after.clone(), filter.clone());
        let is_small = limit.events <= INLINE_EVENTS;
        let scan = if is_small { INLINE_SCAN } else { SCAN.max(limit.events as u64) };
        self.fetch(is_small, move |db| read::log_page(db, &after, &filter, limit, scan)).await
    }

    async fn head(&self) -> Result<Cursor, ReadError> {
        self.fetch(true, |db| read::head(db)).await
    }

    fn changes(&self) -> Receiver<()> {
        let receiver = self.0.shared.changes.subscribe();
        self.0.watcher.wake(&self.0.shared);
        receiver
    }

    fn capabilities(&self) -> Capabilities {
        sizes::limit(Capabilities::full(self.0.shared.durability))
    }

    fn identity(&self) -> StoreId {
        self.0.shared.identity
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

impl Snapshots for Sqlite {
    async fn load_snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, ReadError> {
        let stream = stream.clone();
        self.fetch(true, move |db| snapshots::load(db, &stream)).await
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), ReadError> {
        let stream = stream.clone();
        self.change(move |db| snapshots::save(db, &stream, &snapshot)).await
    }

    async fn delete_snapshot(&self, stream: &StreamName) -> Result<(), ReadError> {
        let stream = stream.clone();
        self.change(move |db| snapshots::delete(db, &stream)).await
    }
}

impl Registers for Sqlite {
    async fn read_register(&self, key: &str) -> Result<Option<Register>, ReadError> {
        let key = key.to_owned();
        self.fetch(true, move |db| registers::read(db, &key)).await
    }

    async fn list_registers(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Register)>, ReadError> {
        let prefix = prefix.to_owned();
        self.fetch(limit <= INLINE_EVENTS, move |db| registers::list(db, &prefix, limit)).await
    }

    async fn write_registers(&self, writes: Vec<Write>) -> Result<bool, ReadError> {
        self.change(move |db| registers::write(db, &writes)).await
    }
}

impl Transactions for Sqlite {
    async fn write(&self, work: Work) -> Result<bool, SqlError> {
        let (caller, _presence) = Caller::here(self.0.shared.work_timeout)?;
        match self.0.thread.call(move |writer| writer.work(work, caller)).await {
            Ok(done) => answer(done),
            Err(ended) => {
                let cause = Cause::new("the thread that writes has ended");
                Err(if ended == Ended::Before { SqlError::Refused(cause) } else { SqlError::Unknown(cause) })
            }
        }
    }

    async fn read(&self, work: Work) -> Result<(), SqlError> {
        let (caller, _presence) = Caller::here(self.0.shared.work_timeout)?;
        let shared = self.0.shared.clone();
        let task = tokio::task::spawn_blocking(move || match shared.readers.get() {
            Ok(lent) => lent.give(|db| work::read(db, work, caller)),
            Err(ReadError::Unavailable(cause)) => Ok(Err(SqlError::Unavailable(cause))),
            Err(error) => Ok(Err(SqlError::Refused(Cause::new(error)))),
        });
        answer(task.await.unwrap_or_else(|error| Ok(Err(SqlError::Unavailable(Cause::new(error))))))
    }
}

/// What came of a work; a panic in it goes on here, where its caller expects it.
fn answer<T>(done: Done<T>) -> Result<T, SqlError> {
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { name, identity, durability, .. } = &*self.0.shared;
        f.debug_struct("Sqlite")
            .field("store", name)
            .field("identity", identity)
            .field("durability", durability)
            .finish_non_exhaustive()
    }
}

fn each_alone(commits: &[Commit], error: &dyn Fn(&Commit) -> AppendError) -> Outcomes {
    commits.iter().map(|commit| Err(error(commit))).collect()
}
