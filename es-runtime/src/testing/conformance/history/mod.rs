//! What clients asked of a store and what they were told: recorded, and then checked.

mod check;
mod evidence;
#[cfg(test)]
mod tests;

pub use self::evidence::Evidence;

use super::{Broken, Kept};
use crate::{
    Adapter, AppendError, Appended, Commit, CommitId, Direction, Found, Freshness, Limit, ReadError,
    Recorded, StreamName, Version,
};
use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A record of calls, for a check that everything clients were told fits together. Clones are the same record.
///
/// Call the store through it, from as many tasks and through as many handles as you like, and look at the
/// [`evidence`](Self::evidence) in the end:
///
/// ```
/// use es_runtime::testing::conformance::{Broken, History, draft};
/// use es_runtime::{Expected, memory::Memory};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Broken> {
/// let (store, history) = (Memory::new(), History::new());
/// let (order, other) = (draft::stream("1"), history.clone());
/// let (one, two) = tokio::join!(
///     history.append(&store, draft::commit("a", &order, Expected::NoStream, 2)),
///     other.append(&store, draft::commit("b", &order, Expected::NoStream, 2)),
/// );
/// assert!(one.is_ok() != two.is_ok());
/// history.evidence(&store).await?.check()
/// # }
/// ```
///
/// A call whose future is dropped is recorded as one that was told nothing.
#[derive(Debug, Clone, Default)]
pub struct History(Arc<Record>);

#[derive(Debug, Default)]
struct Record {
    ticks: AtomicU64,
    calls: Mutex<Vec<Call>>,
}

/// What a client asked and was told, and when.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it was sent, on a clock that all clients share and that never stands still.
    pub invoked: u64,
    /// When it was answered, on the same clock, if it was.
    pub answered: Option<u64>,
    /// What was asked and told.
    pub exchange: Exchange,
}

/// What a client asked and was told.
#[derive(Debug, Clone)]
pub enum Exchange {
    /// It appended, and was told this, or nothing because it gave up.
    Append(Commit, Option<Result<Appended, AppendError>>),
    /// It read a stream from the first event to the last, and there were these.
    Read(StreamName, Vec<Recorded>),
    /// It looked a commit up.
    Find(CommitId, Option<Found>),
}

/// As a sentence for a report.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.exchange {
            Exchange::Append(commit, told) => {
                write!(f, "the append of commit {} with {} expected, ", commit.id, commit.expected)?;
                match told {
                    Some(Ok(Appended::Committed(range))) => {
                        write!(f, "answered as stored at {}", Span(range))
                    }
                    Some(Ok(Appended::AlreadyCommitted(range))) => {
                        write!(f, "answered as stored before at {}", Span(range))
                    }
                    Some(Err(error)) => write!(f, "answered with \"{error}\""),
                    None => f.write_str("given up"),
                }?;
            }
            Exchange::Read(stream, events) => {
                write!(f, "the read of `{stream}` with {} events", events.len())?
            }
            Exchange::Find(id, Some(_)) => write!(f, "the search for commit {id}, which was found")?,
            Exchange::Find(id, None) => write!(f, "the search for commit {id}, which was not found")?,
        }
        match self.answered {
            Some(answered) => write!(f, " (from {} to {answered})", self.invoked),
            None => write!(f, " (from {} on)", self.invoked),
        }
    }
}

struct Span<'a>(&'a crate::Range);

impl fmt::Display for Span<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "versions {} to {}", self.0.first, self.0.last)
    }
}

impl History {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a call that was recorded elsewhere, such as in another process.
    pub fn push(&self, call: Call) {
        self.calls().push(call);
    }

    fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) -> u64 {
        self.0.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// Appends a commit.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn append<A: Adapter>(&self, store: &A, commit: Commit) -> Result<Appended, AppendError> {
        self.append_batch(store, vec![commit]).await.remove(0)
    }

    /// Appends commits that are independent of each other.
    ///
    /// # Panics
    ///
    /// When the store has not as many answers as commits.
    pub async fn append_batch<A: Adapter>(
        &self,
        store: &A,
        commits: Vec<Commit>,
    ) -> Vec<Result<Appended, AppendError>> {
        let mut asked = Asked { history: self, invoked: self.tick(), commits: commits.clone() };
        let outcomes = store.append_batch(commits).await;
        assert_eq!(outcomes.len(), asked.commits.len(), "outcomes of a batch of so many commits");
        let answered = Some(self.tick());
        for (commit, told) in std::mem::take(&mut asked.commits).into_iter().zip(&outcomes) {
            let exchange = Exchange::Append(commit, Some(told.clone()));
            self.push(Call { invoked: asked.invoked, answered, exchange });
        }
        outcomes
    }

    /// Reads a stream from the first event to the last.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn read<A: Adapter>(&self, store: &A, stream: &StreamName) -> Result<Vec<Recorded>, ReadError> {
        let invoked = self.tick();
        let events = read_whole(store, stream).await?;
        let exchange = Exchange::Read(stream.clone(), events.clone());
        self.push(Call { invoked, answered: Some(self.tick()), exchange });
        Ok(events)
    }

    /// Looks a commit up by its id.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn find<A: Adapter>(&self, store: &A, id: CommitId) -> Result<Option<Found>, ReadError> {
        let invoked = self.tick();
        let found = store.find_commit(id).await?;
        let exchange = Exchange::Find(id, found.clone());
        self.push(Call { invoked, answered: Some(self.tick()), exchange });
        Ok(found)
    }

    /// Sends each commit again of which nobody knows whether it is stored, until that is known.
    ///
    /// # Errors
    ///
    /// When the store does not tell, however often it is asked.
    pub async fn settle<A: Adapter>(&self, store: &A) -> Kept {
        const TRIES: usize = 20;
        for commit in self.open_ends() {
            let mut last = None;
            for _ in 0..TRIES {
                last = Some(self.append(store, commit.clone()).await);
                if !matches!(&last, Some(Err(error)) if error.is_retryable()) {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            if let Some(Err(error)) = last
                && error.is_retryable()
            {
                return Err(Broken::new(format!(
                    "commit {} was sent {TRIES} times, and: {error}",
                    commit.id
                )));
            }
        }
        Ok(())
    }

    /// The commits whose last answer was none.
    fn open_ends(&self) -> Vec<Commit> {
        let calls = self.calls();
        let appends = calls.iter().filter_map(|call| match &call.exchange {
            Exchange::Append(commit, told) => Some((commit, told)),
            _ => None,
        });
        let is_open = |told: &Option<Result<Appended, AppendError>>| match told {
            None => true,
            Some(outcome) => matches!(outcome, Err(error) if !error.is_not_stored()),
        };
        let known: HashSet<_> =
            appends.clone().filter(|(_, told)| matches!(told, Some(Ok(_)))).map(|(c, _)| c.id).collect();
        let mut seen = HashSet::new();
        appends
            .filter(|(commit, told)| is_open(told) && !known.contains(&commit.id) && seen.insert(commit.id))
            .map(|(commit, _)| commit.clone())
            .collect()
    }

    /// What the store has in the end, beside the calls. Nobody may be writing any more.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or its log does not get to where its streams are.
    pub async fn evidence<A: Adapter>(&self, store: &A) -> Result<Evidence, Broken> {
        let calls = self.calls().clone();
        Evidence::collect(store, calls).await
    }
}

/// Commits that are on their way: who gives them up was told nothing.
struct Asked<'a> {
    history: &'a History,
    invoked: u64,
    commits: Vec<Commit>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        for commit in self.commits.drain(..) {
            let exchange = Exchange::Append(commit, None);
            self.history.push(Call { invoked: self.invoked, answered: None, exchange });
        }
    }
}

/// Every event of a stream.
async fn read_whole<A: Adapter>(store: &A, stream: &StreamName) -> Result<Vec<Recorded>, ReadError> {
    let (mut events, mut from) = (Vec::new(), Some(Version::new(1)));
    while let Some(version) = from {
        let (direction, freshness) = (Direction::Forward, Freshness::Latest);
        let page = store.read_stream(stream, version, direction, Limit::default(), freshness).await?;
        events.extend(page.events);
        from = page.next;
    }
    Ok(events)
}
