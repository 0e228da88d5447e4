//! The store in memory: for tests, for trying things out, and the model that other adapters are held to.

mod log;
mod registers;

use self::log::Log;
use crate::adapter::{
    Adapter, Capabilities, Direction, Durability, Filter, Found, Freshness, Limit, LogPage, Page,
};
use crate::commit::{Appended, Commit};
use crate::error::{AppendError, ReadError};
use crate::id::{CommitId, Entropy, StoreId, SystemEntropy, fresh};
use crate::name::StreamName;
use crate::position::{Cursor, Version};
use crate::register::{Register, Registers};
use crate::snapshot::{Snapshot, Snapshots};
use crate::time::{Clock, SystemClock};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A store in memory, which keeps every promise of [`Adapter`] until the process ends.
///
/// Clones are the same store. Tests make it misbehave by `es_runtime::testing::Faulty`.
///
/// ```
/// use es_runtime::memory::Memory;
/// use es_runtime::{Adapter, CommitId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), es_runtime::ReadError> {
/// let memory = Memory::new();
/// assert_eq!(memory.find_commit(CommitId::ROOT).await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Inner>,
}

struct Inner {
    log: Mutex<Log>,
    registers: Mutex<BTreeMap<String, Register>>,
    changed: watch::Sender<()>,
    clock: Arc<dyn Clock>,
    identity: StoreId,
}

impl Memory {
    /// The most events one commit may have.
    pub const MAX_COMMIT_EVENTS: usize = 100_000;
    /// The most bytes of payload one commit may have.
    pub const MAX_COMMIT_BYTES: usize = 64 << 20;

    /// An empty store, on the clock and the entropy of the operating system.
    pub fn new() -> Self {
        Self::with(SystemClock, SystemEntropy::default())
    }

    /// An empty store that takes the time from `clock`, and its identity from both.
    ///
    /// ```
    /// use es_runtime::memory::Memory;
    /// use es_runtime::{Adapter, Timestamp};
    ///
    /// let same_each_time = || Memory::with(|| Timestamp::EPOCH, || 7);
    /// assert_eq!(same_each_time().identity(), same_each_time().identity());
    /// ```
    pub fn with(clock: impl Clock, entropy: impl Entropy) -> Self {
        let identity = fresh(clock.now(), &entropy).into();
        let clock = Arc::new(clock);
        let (log, registers, changed) = (Mutex::default(), Mutex::default(), watch::Sender::new(()));
        Self { inner: Arc::new(Inner { log, registers, changed, clock, identity }) }
    }

    /// No code of a user runs under the lock and nothing there awaits, so it is held for one page or one
    /// batch at most, and a panic cannot leave half a commit behind.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.inner.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply_batch(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        let now = self.inner.clock.now();
        let mut log = self.log();
        let outcomes = commits.into_iter().map(|commit| log.append(commit, now)).collect();
        drop(log);
        self.tell();
        outcomes
    }

    fn apply_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        let now = self.inner.clock.now();
        let appended = self.log().append_all(commits, now)?;
        self.tell();
        Ok(appended)
    }

    fn tell(&self) {
        // It fails when nobody listens, which is cheaper than to replace the value regardless.
        let _ = self.inner.changed.send(());
    }
}

impl Adapter for Memory {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        self.apply_batch(commits)
    }

    async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        self.apply_all(commits)
    }

    async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        Ok(self.log().find(id))
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        _: Freshness,
    ) -> Result<Page, ReadError> {
        Ok(self.log().read_stream(stream, from, direction, limit))
    }

    async fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> Result<LogPage, ReadError> {
        Ok(self.log().read_all(after, filter, limit))
    }

    async fn head(&self) -> Result<Cursor, ReadError> {
        Ok(self.log().head())
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.inner.changed.subscribe()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_commit_events: Self::MAX_COMMIT_EVENTS,
            max_commit_bytes: Self::MAX_COMMIT_BYTES,
            ..Capabilities::full(Durability::Memory)
        }
    }

    fn identity(&self) -> StoreId {
        self.inner.identity
    }

    fn snapshots(&self) -> Option<impl Snapshots> {
        Some(self.clone())
    }

    fn registers(&self) -> Option<impl Registers> {
        Some(self.clone())
    }
}

impl Snapshots for Memory {
    async fn load_snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, ReadError> {
        Ok(self.log().snapshots.get(stream).cloned())
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), ReadError> {
        let mut log = self.log();
        let newer =
            |kept: &Snapshot| kept.version > snapshot.version && kept.fingerprint == snapshot.fingerprint;
        if !log.snapshots.get(stream).is_some_and(newer) {
            log.snapshots.insert(stream.clone(), snapshot);
        }
        Ok(())
    }

    async fn delete_snapshot(&self, stream: &StreamName) -> Result<(), ReadError> {
        self.log().snapshots.remove(stream);
        Ok(())
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("identity", &self.inner.identity).finish_non_exhaustive()
    }
}
