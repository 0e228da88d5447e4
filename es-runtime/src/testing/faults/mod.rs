//! A store that fails when it is told to, so that a program's way out can be tested.

mod chaos;
mod hold;
mod registers;
mod script;
#[cfg(test)]
mod tests;

pub use self::chaos::{Chaos, ChaosGuard};
pub use self::hold::Hold;
pub use self::script::{Calls, Fate, Faults};

use self::script::Call;
use crate::adapter::{
    Adapter, Capabilities, Direction, Filter, Found, Freshness, Limit, LogPage, Page, Reader,
};
use crate::commit::{Appended, Commit};
use crate::error::{AppendError, ReadError};
use crate::id::{CommitId, StoreId};
use crate::name::StreamName;
use crate::position::{Cursor, Version};
use crate::recorded::Recorded;
use crate::register::Registers;
use crate::snapshot::{Snapshot, Snapshots};
use crate::sql::Transactions;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// Any store, with faults to order: see [`Faults`]. Without any it does what the store does.
///
/// Clones are the same store.
///
/// ```
/// use es_runtime::memory::Memory;
/// use es_runtime::testing::{Fate, Faulty};
/// use es_runtime::{Adapter, Store};
///
/// let faulty = Faulty::new(Memory::new());
/// let store = Store::new(faulty.clone());
/// faulty.faults().nth_commit(3, Fate::Conflict);
/// # let _ = store;
/// ```
pub struct Faulty<A> {
    adapter: Arc<A>,
    faults: Faults,
}

impl<A: Adapter> Faulty<A> {
    /// `adapter`, without a fault so far.
    pub fn new(adapter: A) -> Self {
        Self { adapter: Arc::new(adapter), faults: Faults::default() }
    }

    /// The faults of this store and of its clones.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The store behind the faults, for a look that meets none of them.
    pub fn behind(&self) -> &A {
        &self.adapter
    }

    async fn read(&self) -> Result<(), ReadError> {
        self.faults.arrive(Call::Read).await;
        self.outcome(Call::Read)
    }

    fn outcome(&self, call: Call) -> Result<(), ReadError> {
        let fails = self.faults.fails(call);
        if fails { Err(ReadError::Unavailable(self.faults.cause("it failed"))) } else { Ok(()) }
    }

    /// The answer to a commit that does not arrive, or none to one that does.
    async fn stopped(&self, fate: Fate, commit: &Commit) -> Option<AppendError> {
        match fate {
            Fate::Fine | Fate::AnswerLost => None,
            Fate::Unavailable => Some(AppendError::Unavailable(self.faults.cause("it never arrived"))),
            Fate::Lost => Some(self.unknown(commit.id)),
            // What is stored is answered as the first time, whoever has written since.
            Fate::Conflict if self.is_stored(commit.id).await => None,
            Fate::Conflict => {
                let (stream, expected) = (commit.stream.clone(), commit.expected);
                let newest = self.adapter.read_stream(
                    &stream,
                    Version::new(u64::MAX),
                    Direction::Backward,
                    Limit::events(1),
                    Freshness::Latest,
                );
                let actual = newest.await.map(|page| page.events.first().map(Recorded::version));
                let actual = actual.ok().flatten().unwrap_or(Version::NONE);
                Some(AppendError::Conflict { stream, expected, actual })
            }
        }
    }

    async fn is_stored(&self, id: CommitId) -> bool {
        !matches!(self.adapter.find_commit(id).await, Ok(None))
    }

    fn unknown(&self, id: CommitId) -> AppendError {
        AppendError::Unknown { id, source: self.faults.cause("the answer was lost") }
    }
}

impl<A: Adapter> Adapter for Faulty<A> {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        let gate = self.faults.arrive(Call::Append).await;
        let (mut answers, mut sent) = (Vec::new(), Vec::new());
        for commit in commits {
            let fate = self.faults.fate();
            let stopped = self.stopped(fate, &commit).await;
            answers.push((stopped, (fate == Fate::AnswerLost).then_some(commit.id)));
            if answers.last().is_some_and(|(stopped, _)| stopped.is_none()) {
                sent.push(commit);
            }
        }
        let outcomes = if sent.is_empty() { Vec::new() } else { self.adapter.append_batch(sent).await };
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let mut outcomes = outcomes.into_iter();
        let answer = |(stopped, lost): (Option<AppendError>, Option<CommitId>)| match (stopped, lost) {
            (Some(error), _) => Some(Err(error)),
            (None, Some(id)) => outcomes.next().map(|_| Err(self.unknown(id))),
            (None, None) => outcomes.next(),
        };
        answers.into_iter().filter_map(answer).collect()
    }

    async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        let gate = self.faults.arrive(Call::Append).await;
        let fate = self.faults.fate();
        let id = commits.first().map_or(CommitId::ROOT, |commit| commit.id);
        if let Some(first) = commits.first()
            && let Some(error) = self.stopped(fate, first).await
        {
            return Err(error);
        }
        let outcome = self.adapter.append_all(commits).await;
        if let Some(gate) = gate {
            gate.pass().await;
        }
        if fate == Fate::AnswerLost { Err(self.unknown(id)) } else { outcome }
    }

    async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        self.read().await?;
        self.adapter.find_commit(id).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        freshness: Freshness,
    ) -> Result<Page, ReadError> {
        self.read().await?;
        if freshness == Freshness::Any && self.faults.lags() {
            return Ok(Page { events: Vec::new(), next: None });
        }
        self.adapter.read_stream(stream, from, direction, limit, freshness).await
    }

    async fn replay(&self, stream: &StreamName, from: Version, reader: Reader<'_>) -> Result<(), ReadError> {
        self.read().await?;
        self.adapter.replay(stream, from, reader).await
    }

    async fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> Result<LogPage, ReadError> {
        self.read().await?;
        if self.faults.lags() {
            return Ok(LogPage { events: Vec::new(), next: after.clone(), is_end: true });
        }
        self.adapter.read_all(after, filter, limit).await
    }

    async fn head(&self) -> Result<Cursor, ReadError> {
        self.read().await?;
        self.adapter.head().await
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.adapter.changes()
    }

    fn capabilities(&self) -> Capabilities {
        self.adapter.capabilities()
    }

    fn identity(&self) -> StoreId {
        self.adapter.identity()
    }

    fn snapshots(&self) -> Option<impl Snapshots> {
        self.adapter.snapshots().map(|_| self.clone())
    }

    fn registers(&self) -> Option<impl Registers> {
        self.adapter.registers().map(|_| self.clone())
    }

    fn transactions(&self) -> Option<impl Transactions> {
        self.adapter.transactions().map(|_| self.clone())
    }
}

/// Those of the store behind; it fails where that keeps none.
impl<A: Adapter> Snapshots for Faulty<A> {
    async fn load_snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, ReadError> {
        self.faults.arrive(Call::Snapshot).await;
        self.outcome(Call::Snapshot)?;
        self.adapter.snapshots().ok_or(NO_SNAPSHOTS)?.load_snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), ReadError> {
        self.faults.arrive(Call::Snapshot).await;
        self.outcome(Call::Snapshot)?;
        self.adapter.snapshots().ok_or(NO_SNAPSHOTS)?.save_snapshot(stream, snapshot).await
    }

    async fn delete_snapshot(&self, stream: &StreamName) -> Result<(), ReadError> {
        self.faults.arrive(Call::Snapshot).await;
        self.outcome(Call::Snapshot)?;
        self.adapter.snapshots().ok_or(NO_SNAPSHOTS)?.delete_snapshot(stream).await
    }
}

const NO_SNAPSHOTS: ReadError = ReadError::Unsupported("snapshots");

impl<A: Adapter + Default> Default for Faulty<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

impl<A> Clone for Faulty<A> {
    fn clone(&self) -> Self {
        Self { adapter: Arc::clone(&self.adapter), faults: self.faults.clone() }
    }
}

impl<A> fmt::Debug for Faulty<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").field("faults", &self.faults).finish_non_exhaustive()
    }
}
