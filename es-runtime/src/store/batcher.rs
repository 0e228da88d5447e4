//! Group commit: whoever finds the store idle writes, whoever finds it busy waits for the next batch.
//!
//! There is no timer. What has queued up while one batch was being written is the next batch, so the
//! batches are as large as the store is slow. Before a batch is written, tasks that are ready to run go
//! first and may join it, so that there are batches too where a write never waits.

use crate::adapter::Durability;
use crate::commit::{Appended, Commit};
use crate::error::AppendError;
use crate::format::Cause;
use crate::id::CommitId;
use crate::metrics::{self, Stopwatch};
use crate::name::StreamName;
use crate::store::erased::DynAdapter;
use crate::store::sending::Sending;
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The most commits that are written at once.
const BATCH_COMMITS: usize = 1024;
/// The most bytes that are written at once, unless one commit has more.
const BATCH_BYTES: usize = 8 << 20;
/// How much may wait, in units of a kibibyte.
const WAITING_KIB: usize = 64 << 10;

type Outcome = Result<Appended, AppendError>;

#[derive(Clone)]
pub(crate) struct Batcher(Arc<Shared>);

struct Shared {
    adapter: Arc<dyn DynAdapter>,
    /// Whether a batch costs less than its commits one by one.
    gathers: bool,
    /// How many commands have begun and not ended.
    underway: AtomicUsize,
    queue: Mutex<Queue>,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct Queue {
    /// Somebody is writing, and will look at the queue when done.
    is_busy: bool,
    waiting: VecDeque<Job>,
}

struct Job {
    commit: Commit,
    answer: oneshot::Sender<Outcome>,
    _room: OwnedSemaphorePermit,
}

impl Batcher {
    pub(crate) fn new(adapter: Arc<dyn DynAdapter>) -> Self {
        let room = Arc::new(Semaphore::new(WAITING_KIB));
        let gathers = adapter.capabilities().durability > Durability::Memory;
        Self(Arc::new(Shared {
            adapter,
            gathers,
            underway: AtomicUsize::new(0),
            queue: Mutex::default(),
            room,
        }))
    }

    /// Tells that a command has begun, until the answer is dropped.
    pub(crate) fn begin_command(&self) -> Underway<'_> {
        self.0.underway.fetch_add(1, Ordering::Relaxed);
        Underway(&self.0.underway)
    }

    /// Stores `commit`, together with what others want to store at the same time.
    ///
    /// Dropping the future leaves the outcome unknown, and harms no other commit.
    pub(crate) async fn append(&self, commit: &Commit, sending: &mut Sending) -> Outcome {
        loop {
            if let Some(turn) = self.take_turn() {
                return turn.write_first(commit.clone()).await;
            }
            let Some(answer) = self.wait_for_room(commit.clone()).await else { continue };
            match answer.await {
                Ok(outcome) => return outcome,
                // Whoever was to write it went away. Sent again, it is stored once all the same.
                Err(_) => sending.was_not_answered(),
            }
        }
    }

    /// The right to write, if nobody has it.
    fn take_turn(&self) -> Option<Turn> {
        let mut queue = self.0.queue();
        let is_free = !std::mem::replace(&mut queue.is_busy, true);
        is_free.then(|| Turn { shared: Arc::clone(&self.0), is_held: true })
    }

    /// Where the outcome will come from, or nothing if nobody is there to write any more.
    async fn wait_for_room(&self, commit: Commit) -> Option<oneshot::Receiver<Outcome>> {
        let kib = (size_of(&commit) / 1024 + 1).min(WAITING_KIB);
        let permits = u32::try_from(kib).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.0.room).acquire_many_owned(permits).await.ok()?;
        let (answer, outcome) = oneshot::channel();
        let mut queue = self.0.queue();
        queue.is_busy.then(|| {
            queue.waiting.push_back(Job { commit, answer, _room: room });
            outcome
        })
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No foreign code runs under the lock, so the queue of a poisoned one is still whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command that has begun and not ended.
pub(crate) struct Underway<'a>(&'a AtomicUsize);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to write. There is one.
struct Turn {
    shared: Arc<Shared>,
    is_held: bool,
}

impl Turn {
    /// Writes `commit` and those that have joined it. Should the caller go away, they send theirs again.
    async fn write_first(self, commit: Commit) -> Outcome {
        let id = commit.id;
        self.gather().await;
        let joined = self.shared.queue().take_batch(Some(&commit));
        let outcome = self.write(Some(commit), joined).await;
        self.pass_on();
        outcome.unwrap_or_else(|| Err(unanswered(id)))
    }

    /// Lets tasks that are ready to run go first, for as long as they join the batch. A command that is
    /// alone has nobody to wait for.
    async fn gather(&self) {
        let is_alone = self.shared.underway.load(Ordering::Relaxed) < 2;
        // On a single thread nobody else can begin before this task waits.
        if !self.shared.gathers || (is_alone && has_many_threads()) {
            return;
        }
        let mut waiting = self.shared.queue().waiting.len();
        while waiting < BATCH_COMMITS {
            tokio::task::yield_now().await;
            let before = std::mem::replace(&mut waiting, self.shared.queue().waiting.len());
            if waiting <= before {
                return;
            }
        }
    }

    /// Writes a batch and answers those who wait; the outcome of the `first` commit is for the caller.
    async fn write(&self, first: Option<Commit>, jobs: Vec<Job>) -> Option<Outcome> {
        let is_first = first.is_some();
        let (commits, answers): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.commit, (job.answer, job._room))).unzip();
        let commits: Vec<_> = first.into_iter().chain(commits).collect();
        if commits.is_empty() {
            return None;
        }
        metrics::observe(metrics::BATCH_COMMITS, commits.len() as f64);
        let stopwatch = Stopwatch::start();
        let mut outcomes = self.shared.adapter.append_batch(commits).await.into_iter();
        stopwatch.stop(metrics::APPEND_SECONDS);
        let outcome = if is_first { outcomes.next() } else { None };
        // An adapter that answers too few leaves the rest to send theirs again.
        for ((answer, _), outcome) in answers.into_iter().zip(outcomes) {
            let _ = answer.send(outcome);
        }
        outcome
    }

    /// Lets a task of its own write what has queued up: a caller that is dropped must take no other with it.
    fn pass_on(mut self) {
        if self.is_over() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(self.write_queue());
        }
    }

    async fn write_queue(mut self) {
        loop {
            self.gather().await;
            let batch = self.shared.queue().take_batch(None);
            self.write(None, batch).await;
            if self.is_over() {
                return;
            }
        }
    }

    /// Gives the turn back if nobody waits.
    fn is_over(&mut self) -> bool {
        let mut queue = self.shared.queue();
        queue.is_busy = !queue.waiting.is_empty();
        self.is_held = queue.is_busy;
        !queue.is_busy
    }
}

/// Whoever holds the turn may go away at any time: dropped, panicked, or its runtime shut down. Those who
/// wait are told so by their channel closing, and take a turn of their own.
impl Drop for Turn {
    fn drop(&mut self) {
        if self.is_held {
            let mut queue = self.shared.queue();
            queue.is_busy = false;
            queue.waiting.clear();
        }
    }
}

impl Queue {
    /// The commits to write next, with or after `first`: in order, none that touches a stream touched by
    /// one before it.
    fn take_batch(&mut self, first: Option<&Commit>) -> Vec<Job> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let (mut batch, mut later, mut bytes) = (Vec::new(), VecDeque::new(), first.map_or(0, size_of));
        let mut touched: HashSet<StreamName> =
            first.iter().flat_map(|commit| commit.touched()).cloned().collect();
        let is_empty = first.is_none();
        for job in self.waiting.drain(..) {
            if job.answer.is_closed() {
                continue;
            }
            let is_free = job.commit.touched().all(|stream| !touched.contains(stream));
            touched.extend(job.commit.touched().cloned());
            let size = size_of(&job.commit);
            let has_room = (is_empty && batch.is_empty())
                || (batch.len() + 1 < BATCH_COMMITS && bytes + size <= BATCH_BYTES);
            if is_free && has_room {
                bytes += size;
                batch.push(job);
            } else {
                later.push_back(job);
            }
        }
        self.waiting = later;
        batch
    }
}

fn has_many_threads() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() != RuntimeFlavor::CurrentThread)
}

/// About how much memory a commit takes.
fn size_of(commit: &Commit) -> usize {
    commit.events.iter().map(|event| event.payload.bytes().len() + event.metadata.size() + 256).sum()
}

/// An adapter must answer every commit; one that does not leaves its outcome unknown.
#[cold]
fn unanswered(id: CommitId) -> AppendError {
    AppendError::Unknown { id, source: Cause::new("the adapter did not answer") }
}
