//! Faults on request, so that a program's way out of them can be tested.

use crate::error::{AppendError, ReadError};
use crate::format::Cause;
use crate::id::CommitId;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Makes a [`Memory`](super::Memory) misbehave, in the ways a store across a network does.
///
/// Clones script the same store. What is scripted for "the next n" is used up by them; a number given
/// later takes the place of one given before.
///
/// ```
/// # use es_runtime::memory::Memory;
/// # use es_runtime::{Adapter, CommitId, ReadError};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let memory = Memory::new();
/// memory.faults().fail_reads(1);
/// assert!(matches!(memory.find_commit(CommitId::ROOT).await, Err(ReadError::Unavailable(_))));
/// assert!(memory.find_commit(CommitId::ROOT).await.is_ok());
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Whether the script says anything, so that nobody else has to take its lock.
    scripted: AtomicBool,
    script: Mutex<Script>,
}

#[derive(Default)]
struct Script {
    before: usize,
    after: usize,
    reads: usize,
    snapshots: usize,
    delay: Duration,
    holds: Vec<(Point, Gate)>,
}

impl Faults {
    /// The next `commits` never arrive: nothing of them is stored, and they are answered with
    /// [`Unavailable`](AppendError::Unavailable). An append of several streams counts as one.
    ///
    /// ```
    /// # use es_runtime::memory::Memory;
    /// # use es_runtime::*;
    /// # use std::sync::Arc;
    /// # fn commit() -> Commit {
    /// #     let event = NewEvent {
    /// #         name: "order.placed".into(),
    /// #         schema_version: 1,
    /// #         payload: Encoded::new(Format::Json, *b"{}"),
    /// #         metadata: Arc::default(),
    /// #         occurred_at: Timestamp::EPOCH,
    /// #     };
    /// #     let (stream, events) = (StreamName::new("order", 1).unwrap(), NonEmpty::new(vec![event]).unwrap());
    /// #     let id = CommitId::derive(&CommitId::ROOT, "placed");
    /// #     Commit { id, stream, expected: Expected::NoStream, events, requires: vec![] }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let memory = Memory::new();
    /// memory.faults().fail_before(1);
    /// let first = memory.append_batch(vec![commit()]).await;
    /// assert!(matches!(first[0], Err(AppendError::Unavailable(_))));
    /// let again = memory.append_batch(vec![commit()]).await;
    /// assert!(matches!(again[0], Ok(Appended::Committed(_))));
    /// # }
    /// ```
    pub fn fail_before(&self, commits: usize) {
        self.change(|script| script.before = commits);
    }

    /// The next `commits` are done as always, but their answers, whatever they are, get lost: the caller
    /// is told [`Unknown`](AppendError::Unknown). An append of several streams counts as one.
    ///
    /// ```
    /// # use es_runtime::memory::Memory;
    /// # use es_runtime::*;
    /// # use std::sync::Arc;
    /// # fn commit() -> Commit {
    /// #     let event = NewEvent {
    /// #         name: "order.placed".into(),
    /// #         schema_version: 1,
    /// #         payload: Encoded::new(Format::Json, *b"{}"),
    /// #         metadata: Arc::default(),
    /// #         occurred_at: Timestamp::EPOCH,
    /// #     };
    /// #     let (stream, events) = (StreamName::new("order", 1).unwrap(), NonEmpty::new(vec![event]).unwrap());
    /// #     let id = CommitId::derive(&CommitId::ROOT, "placed");
    /// #     Commit { id, stream, expected: Expected::NoStream, events, requires: vec![] }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let memory = Memory::new();
    /// memory.faults().fail_after(1);
    /// let first = memory.append_batch(vec![commit()]).await;
    /// assert!(matches!(first[0], Err(AppendError::Unknown { .. })));
    /// let again = memory.append_batch(vec![commit()]).await;
    /// assert!(matches!(again[0], Ok(Appended::AlreadyCommitted(_))));
    /// # }
    /// ```
    pub fn fail_after(&self, commits: usize) {
        self.change(|script| script.after = commits);
    }

    /// The next `reads` of streams, of the log and of commits fail. Those of snapshots are not counted.
    pub fn fail_reads(&self, reads: usize) {
        self.change(|script| script.reads = reads);
    }

    /// The next `calls` to load, save or delete a snapshot fail, and change nothing.
    ///
    /// ```
    /// # use es_runtime::memory::Memory;
    /// # use es_runtime::{Snapshots, StreamName};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let memory = Memory::new();
    /// let stream = StreamName::new("order", 1)?;
    /// memory.faults().fail_snapshots(1);
    /// assert!(memory.load_snapshot(&stream).await.is_err());
    /// assert_eq!(memory.load_snapshot(&stream).await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fail_snapshots(&self, calls: usize) {
        self.change(|script| script.snapshots = calls);
    }

    /// Every call from now on takes `delay` to arrive, until it is set to zero. It is tokio's time, which
    /// a test can pause.
    ///
    /// ```
    /// # use es_runtime::memory::Memory;
    /// # use es_runtime::{Adapter, CommitId};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// tokio::time::pause();
    /// let memory = Memory::new();
    /// memory.faults().delay(Duration::from_secs(60));
    /// let slow = memory.find_commit(CommitId::ROOT);
    /// assert!(tokio::time::timeout(Duration::from_secs(30), slow).await.is_err());
    /// # }
    /// ```
    pub fn delay(&self, delay: Duration) {
        self.change(|script| script.delay = delay);
    }

    /// Stops the next append before anything of it is stored, until the [`Hold`] is released or dropped.
    /// Others overtake it.
    ///
    /// ```
    /// # use es_runtime::memory::Memory;
    /// # use es_runtime::*;
    /// # use std::sync::Arc;
    /// # fn commit(id: &str) -> Commit {
    /// #     let event = NewEvent {
    /// #         name: "order.placed".into(),
    /// #         schema_version: 1,
    /// #         payload: Encoded::new(Format::Json, *b"{}"),
    /// #         metadata: Arc::default(),
    /// #         occurred_at: Timestamp::EPOCH,
    /// #     };
    /// #     let (stream, events) = (StreamName::new("order", 1).unwrap(), NonEmpty::new(vec![event]).unwrap());
    /// #     let id = CommitId::derive(&CommitId::ROOT, id);
    /// #     Commit { id, stream, expected: Expected::NoStream, events, requires: vec![] }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let memory = Memory::new();
    /// let hold = memory.faults().hold_before();
    /// let slow = tokio::spawn({
    ///     let memory = memory.clone();
    ///     async move { memory.append_batch(vec![commit("slow")]).await }
    /// });
    /// hold.reached().await;
    /// let quick = memory.append_batch(vec![commit("quick")]).await;
    /// hold.release();
    /// assert!(quick[0].is_ok());
    /// assert!(matches!(slow.await.unwrap()[0], Err(AppendError::Conflict { .. })));
    /// # }
    /// ```
    pub fn hold_before(&self) -> Hold {
        self.hold(Point::BeforeAppend)
    }

    /// Stops the next append when it is stored and not answered yet, until the [`Hold`] is released or
    /// dropped. Aborting a task that is held here is a commit whose caller never hears of it.
    pub fn hold_after(&self) -> Hold {
        self.hold(Point::AfterAppend)
    }

    /// Stops the next read of a stream, of the log or of a commit before it looks, until the [`Hold`] is
    /// released or dropped.
    pub fn hold_read(&self) -> Hold {
        self.hold(Point::BeforeRead)
    }

    /// Forgets what is scripted, and releases whoever is held.
    pub fn clear(&self) {
        self.change(|script| {
            for (_, gate) in std::mem::take(script).holds {
                gate.open();
            }
        });
    }

    fn hold(&self, point: Point) -> Hold {
        let gate = Gate(Arc::new(watch::Sender::new(Stage::Waiting)));
        self.change(|script| script.holds.push((point, gate.clone())));
        Hold { gate, faults: self.clone() }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        let mut script = self.shared.script.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = change(&mut script);
        self.shared.scripted.store(script.says_anything(), Ordering::Relaxed);
        answer
    }

    pub(super) fn are_scripted(&self) -> bool {
        self.shared.scripted.load(Ordering::Relaxed)
    }

    /// Takes the time to arrive, and gives the gate to pass before the answer.
    pub(super) async fn arrive(&self, call: Call) -> Option<Gate> {
        let (delay, before, after) = self.change(|script| {
            let mut take = |wanted| {
                let at = script.holds.iter().position(|(point, _)| Some(*point) == wanted)?;
                Some(script.holds.remove(at).1)
            };
            let (before, after) = (take(call.before()), take(call.after()));
            (script.delay, before, after)
        });
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        self.leave(before).await;
        after
    }

    pub(super) async fn leave(&self, gate: Option<Gate>) {
        if let Some(gate) = gate {
            gate.pass().await;
        }
    }

    /// What becomes of the next commit.
    pub(super) fn fate(&self) -> Fate {
        self.change(|script| {
            if use_up(&mut script.before) {
                Fate::NeverArrives
            } else if use_up(&mut script.after) {
                Fate::AnswerLost
            } else {
                Fate::Fine
            }
        })
    }

    pub(super) async fn read(&self, call: Call) -> Result<(), ReadError> {
        self.arrive(call).await;
        let fails = self.change(|script| match call {
            Call::Snapshot => use_up(&mut script.snapshots),
            Call::Append | Call::Read => use_up(&mut script.reads),
        });
        if fails { Err(ReadError::Unavailable(unavailable())) } else { Ok(()) }
    }
}

impl Script {
    fn says_anything(&self) -> bool {
        [self.before, self.after, self.reads, self.snapshots].iter().any(|count| *count > 0)
            || !self.delay.is_zero()
            || !self.holds.is_empty()
    }
}

fn use_up(count: &mut usize) -> bool {
    let any = *count > 0;
    *count -= usize::from(any);
    any
}

/// What a call wants.
#[derive(Clone, Copy)]
pub(super) enum Call {
    Append,
    Read,
    Snapshot,
}

impl Call {
    const fn before(self) -> Option<Point> {
        match self {
            Self::Append => Some(Point::BeforeAppend),
            Self::Read => Some(Point::BeforeRead),
            Self::Snapshot => None,
        }
    }

    const fn after(self) -> Option<Point> {
        match self {
            Self::Append => Some(Point::AfterAppend),
            Self::Read | Self::Snapshot => None,
        }
    }
}

/// What becomes of a commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Fine,
    NeverArrives,
    AnswerLost,
}

pub(super) fn unavailable() -> Cause {
    Cause::new("a fault that was asked for")
}

pub(super) fn lost(id: CommitId) -> AppendError {
    AppendError::Unknown { id, source: Cause::new("the answer was lost, as was asked for") }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Point {
    BeforeAppend,
    AfterAppend,
    BeforeRead,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Reached,
    Open,
}

#[derive(Clone)]
pub(super) struct Gate(Arc<watch::Sender<Stage>>);

impl Gate {
    fn open(&self) {
        self.0.send_replace(Stage::Open);
    }

    async fn pass(&self) {
        self.0.send_if_modified(|stage| {
            let waiting = *stage == Stage::Waiting;
            if waiting {
                *stage = Stage::Reached;
            }
            waiting
        });
        self.wait_for(|stage| stage == Stage::Open).await;
    }

    async fn wait_for(&self, wanted: impl Fn(Stage) -> bool) {
        // The sender is ours, so it cannot be gone.
        let _ = self.0.subscribe().wait_for(|stage| wanted(*stage)).await;
    }
}

/// A call that is stopped at a point, or will be. Dropping it lets the call go on.
#[must_use = "a hold that is dropped lets the call go on"]
pub struct Hold {
    gate: Gate,
    faults: Faults,
}

impl Hold {
    /// Waits until a call has come to the point.
    pub async fn reached(&self) {
        self.gate.wait_for(|stage| stage != Stage::Waiting).await;
    }

    /// Lets the call go on, or stops none if none has come yet.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.faults.change(|script| script.holds.retain(|(_, gate)| !Arc::ptr_eq(&gate.0, &self.gate.0)));
        self.gate.open();
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("are_scripted", &self.are_scripted()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}
