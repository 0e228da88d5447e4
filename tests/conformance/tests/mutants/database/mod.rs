//! A small database: transactions that see what was committed when they began, positions that are given out
//! before a commit, and commits that take their time. Right, and wrong in the ways of stores that are built on one.

mod append;
mod cases;
mod read;
mod state;

pub(crate) use self::cases::REJECTING;

use self::state::Database;
use es_runtime::testing::conformance::Setup;
use es_runtime::{
    Adapter, AppendError, Appended, Capabilities, Clock, Commit, CommitId, Cursor, Direction, Durability,
    Filter, Found, Freshness, Limit, LogPage, Page, ReadError, Snapshot, Snapshots, StoreId, StreamName,
    Version,
};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tokio::sync::watch;

/// What is wrong with a store on this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing: readers wait for who was writing, and then look at what is there.
    None,
    /// Nothing either, but every fifth answer gets lost, and the caller is told so.
    LosesAnswers,
    /// It reads the log by position, whoever may still be writing at a lower one.
    ReadsWithoutAFence,
    /// It looks at what is there, and then at who is still writing.
    LooksBeforeTheFence,
    /// The log is in the order in which transactions began.
    OrdersByBeginning,
    /// Each handle takes positions in advance.
    TakesPositionsInAdvance,
    /// Versions are checked in what the transaction sees, and nothing is locked.
    ChecksThenInserts,
    /// Guards are checked in what the transaction sees, and nothing is locked.
    LocksNoGuards,
    /// All events of a commit get the version of the first.
    StampsACommitWithOneVersion,
    /// All commits of a batch go on from the version of the first one's stream.
    StampsABatchWithOneVersion,
    /// It answers, and commits afterwards.
    AnswersBeforeItCommits,
    /// It flushes what was committed with the commit after it.
    FlushesLate,
    /// A handle sees what it has written itself and what was there when it was opened.
    SeesItsOwnOnly,
    /// The version is checked before the commit id.
    ChecksTheVersionFirst,
    /// It tries again under another id when an answer got lost.
    RetriesUnderAnotherId,
    /// It answers as if all was well when the database was not there.
    SwallowsFailures,
    /// It says that nothing was written when an answer got lost.
    TakesUnknownForFailed,
    /// It says that there was a conflict when an answer got lost.
    TakesUnknownForAConflict,
}

/// A handle to a database.
#[derive(Clone)]
pub(crate) struct Session(Arc<Inner>);

pub(crate) struct Inner {
    database: Arc<Database>,
    flaw: Flaw,
    clock: Arc<dyn Clock>,
    number: u64,
    /// How many commits there were when it was opened.
    opened_at: usize,
    appends: AtomicU64,
    /// Positions taken in advance.
    reserve: Mutex<std::ops::Range<u64>>,
}

impl Deref for Session {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.database.close();
    }
}

impl Session {
    /// The database of this setup, which is there as long as the test.
    pub(crate) fn open(setup: &Setup, flaw: Flaw) -> Self {
        static DATABASES: LazyLock<Mutex<HashMap<String, Arc<Database>>>> = LazyLock::new(Mutex::default);
        static SESSIONS: AtomicU64 = AtomicU64::new(0);
        let mut databases = DATABASES.lock().unwrap_or_else(PoisonError::into_inner);
        let database = databases.entry(setup.name.clone()).or_insert_with(|| {
            let name = setup.name.clone();
            setup.afterwards(async move {
                DATABASES.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
            });
            Arc::new(Database::new(&setup.name))
        });
        let (database, number) = (database.clone(), SESSIONS.fetch_add(1, Ordering::Relaxed));
        let opened_at = database.open();
        let (clock, appends) = (setup.clock.clone(), AtomicU64::new(0));
        Self(Arc::new(Inner { database, flaw, clock, number, opened_at, appends, reserve: Mutex::new(0..0) }))
    }
}

impl Adapter for Session {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        self.append_each(commits).await
    }

    async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        Commit::expect_distinct(&commits)?;
        self.transact(commits, None).await
    }

    async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        Ok(self.database.look(self.sight(), |rows| {
            let row = rows.iter().find(|row| row.id == id)?;
            Some(Found { stream: row.stream.clone(), range: row.range() })
        }))
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        _: Freshness,
    ) -> Result<Page, ReadError> {
        Ok(self.page_of_stream(stream, from, direction, limit))
    }

    async fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> Result<LogPage, ReadError> {
        Ok(self.page_of_log(after, filter, limit).await)
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.database.changed.subscribe()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::full(Durability::Fsync);
        (capabilities.max_commit_events, capabilities.max_commit_bytes) = (10_000, 64 << 20);
        capabilities
    }

    fn identity(&self) -> StoreId {
        self.database.identity
    }

    fn snapshots(&self) -> Option<impl Snapshots> {
        Some(self.clone())
    }
}

impl Snapshots for Session {
    async fn load_snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, ReadError> {
        self.database.cache.load_snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), ReadError> {
        self.database.cache.save_snapshot(stream, snapshot).await
    }

    async fn delete_snapshot(&self, stream: &StreamName) -> Result<(), ReadError> {
        self.database.cache.delete_snapshot(stream).await
    }
}
