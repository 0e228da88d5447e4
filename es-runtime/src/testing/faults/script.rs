//! What is to go wrong, as a test says it.

use super::chaos::{Chaos, ChaosGuard, fresh_seed};
use super::hold::{Gate, Hold, Point};
use crate::format::Cause;
use crate::testing::SeededEntropy;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What becomes of a commit. An append of several streams counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// It is done as always.
    Fine,
    /// It never arrives, and the caller is told so: [`Unavailable`](crate::AppendError::Unavailable).
    Unavailable,
    /// It never arrives, and nobody can tell: [`Unknown`](crate::AppendError::Unknown).
    Lost,
    /// It is done, but the answer, whatever it is, gets lost: [`Unknown`](crate::AppendError::Unknown).
    AnswerLost,
    /// It is refused as if somebody else had been faster: [`Conflict`](crate::AppendError::Conflict). Nothing
    /// is stored. The version in the answer is that of the stream, so it may be what the caller expected. A
    /// commit that is stored already is answered as always.
    Conflict,
}

/// How often a store was called, by whatever is above it. Calls that fail count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Calls {
    /// Calls to append, of a batch or of several streams.
    pub appends: u64,
    /// Commits in batches, and appends of several streams.
    pub commits: u64,
    /// Reads of streams, of the log and of commits.
    pub reads: u64,
    /// Calls to load, save or delete a snapshot.
    pub snapshots: u64,
    /// Calls about registers and transactions. One that changes something counts twice: on its way and back.
    pub registers: u64,
}

/// Makes a [`Faulty`](super::Faulty) store misbehave, in the ways a store across a network does.
///
/// Clones script the same store. What is scripted for "the next n" is used up by them; a number given
/// later takes the place of one given before. What is scripted first strikes first.
///
/// ```
/// # use es_runtime::memory::Memory;
/// # use es_runtime::testing::Faulty;
/// # use es_runtime::{Adapter, CommitId, ReadError};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = Faulty::new(Memory::new());
/// store.faults().fail_reads(1);
/// assert!(matches!(store.find_commit(CommitId::ROOT).await, Err(ReadError::Unavailable(_))));
/// assert!(store.find_commit(CommitId::ROOT).await.is_ok());
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Whether the script says anything about what is to come.
    scripted: AtomicBool,
    script: Mutex<Script>,
}

#[derive(Default)]
struct Script {
    calls: Calls,
    commits: Vec<(Fate, usize)>,
    /// By the number of the commit, or of the read.
    nth_commit: BTreeMap<u64, Fate>,
    nth_read: BTreeSet<u64>,
    reads: usize,
    lags: usize,
    snapshots: usize,
    registers: usize,
    delay: Duration,
    holds: Vec<(Point, Gate)>,
    chaos: Option<(Chaos, SeededEntropy, u64)>,
}

impl Faults {
    /// The next `commits` have this fate. Instead of a number, `usize::MAX` is all of them.
    ///
    /// ```
    /// # use es_runtime::memory::Memory;
    /// # use es_runtime::prelude::*;
    /// # use es_runtime::testing::{Fate, Faulty};
    /// # #[event("order.paid")]
    /// # pub struct OrderPaid {}
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("order", id = String, events(OrderPaid))]
    /// # pub struct Order {}
    /// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let faulty = Faulty::new(Memory::new());
    /// let orders = Store::new(faulty.clone()).repository::<Order>();
    ///
    /// // The answer is lost, so the commit is sent again, and stored once.
    /// faulty.faults().next(1, Fate::AnswerLost);
    /// let outcome = orders.execute(&"o-1".to_string(), |_| Ok::<_, String>(OrderPaid {})).await?;
    /// assert_eq!(outcome.version().get(), 1);
    /// assert_eq!(faulty.faults().calls().commits, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn next(&self, commits: usize, fate: Fate) {
        self.change(|script| {
            script.commits.retain(|(other, _)| *other != fate);
            script.commits.push((fate, commits));
            script.commits.retain(|(_, count)| *count > 0);
        });
    }

    /// The `nth` commit from now on has this fate; 1 is the next.
    pub fn nth_commit(&self, nth: u64, fate: Fate) {
        self.change(|script| script.nth_commit.insert(script.calls.commits + nth.max(1), fate));
    }

    /// The next `commits` never arrive: [`Fate::Unavailable`].
    pub fn fail_before(&self, commits: usize) {
        self.next(commits, Fate::Unavailable);
    }

    /// The answers to the next `commits` get lost: [`Fate::AnswerLost`].
    pub fn fail_after(&self, commits: usize) {
        self.next(commits, Fate::AnswerLost);
    }

    /// The next `reads` of streams, of the log and of commits fail. Those of snapshots are not counted.
    pub fn fail_reads(&self, reads: usize) {
        self.change(|script| script.reads = reads);
    }

    /// The `nth` read of a stream, of the log or of a commit from now on fails; 1 is the next.
    pub fn fail_nth_read(&self, nth: u64) {
        self.change(|script| script.nth_read.insert(script.calls.reads + nth.max(1)));
    }

    /// The next `reads` that may lag see nothing new: those of the log, and those of streams at
    /// [`Freshness::Any`](crate::Freshness::Any). Reads for decisions are never stale, as no store that keeps
    /// its promises answers them so.
    pub fn lag(&self, reads: usize) {
        self.change(|script| script.lags = reads);
    }

    /// The next `calls` to load, save or delete a snapshot fail, and change nothing.
    pub fn fail_snapshots(&self, calls: usize) {
        self.change(|script| script.snapshots = calls);
    }

    /// The next `calls` about registers, or of transactions of projections, fail, and change nothing. A change
    /// that arrives counts once more for its answer, which is then lost.
    pub fn fail_registers(&self, calls: usize) {
        self.change(|script| script.registers = calls);
    }

    /// Every call from now on takes `delay` to arrive, until it is set to zero. It is tokio's time, which
    /// a test can pause.
    ///
    /// ```
    /// # use es_runtime::memory::Memory;
    /// # use es_runtime::testing::Faulty;
    /// # use es_runtime::{Adapter, CommitId};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// tokio::time::pause();
    /// let store = Faulty::new(Memory::new());
    /// store.faults().delay(Duration::from_secs(60));
    /// let slow = store.find_commit(CommitId::ROOT);
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
    /// # use es_runtime::prelude::*;
    /// # use es_runtime::testing::Faulty;
    /// # #[event("order.paid")]
    /// # pub struct OrderPaid {}
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("order", id = String, events(OrderPaid))]
    /// # pub struct Order {}
    /// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let faulty = Faulty::new(Memory::new());
    /// let orders = Store::new(faulty.clone()).repository::<Order>();
    /// let id = "o-1".to_string();
    /// let hold = faulty.faults().hold_before();
    /// let slow = tokio::spawn({
    ///     let (orders, id) = (orders.clone(), id.clone());
    ///     async move { orders.execute(&id, |_| Ok::<_, String>(OrderPaid {})).await.is_ok() }
    /// });
    /// hold.reached().await;
    /// assert!(!orders.exists(&id).await?);
    /// hold.release();
    /// assert!(slow.await?);
    /// # Ok(())
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

    /// Lets things go wrong by chance, until the answer is dropped: the same calls in the same order meet the
    /// same faults when the seed is the same. The seed is in the text of each error, and a test that fails
    /// meanwhile shows it.
    ///
    /// ```
    /// # use es_runtime::memory::Memory;
    /// # use es_runtime::prelude::*;
    /// # use es_runtime::testing::{Chaos, Faulty};
    /// # #[event("order.paid")]
    /// # pub struct OrderPaid {}
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("order", id = String, events(OrderPaid))]
    /// # pub struct Order { payments: u64 }
    /// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) { self.payments += 1; } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let faulty = Faulty::new(Memory::new());
    /// let orders = Store::new(faulty.clone()).repository::<Order>();
    /// let id = "o-1".to_string();
    /// let mut paid = 0;
    /// {
    ///     let _chaos = faulty.faults().chaos(42, Chaos::default());
    ///     for _ in 0..100 {
    ///         paid += u64::from(orders.execute(&id, |_| Ok::<_, String>(OrderPaid {})).await.is_ok());
    ///     }
    /// }
    /// assert!(orders.load(&id).await?.payments >= paid, "what was acknowledged is there");
    /// # Ok(())
    /// # }
    /// ```
    pub fn chaos(&self, seed: u64, chaos: Chaos) -> ChaosGuard {
        self.change(|script| script.chaos = Some((chaos, SeededEntropy::new(seed), seed)));
        ChaosGuard::new(self.clone(), seed)
    }

    /// As [`chaos`](Self::chaos), with a seed that is another each time.
    pub fn fresh_chaos(&self, chaos: Chaos) -> ChaosGuard {
        self.chaos(fresh_seed(), chaos)
    }

    /// How often the store was called so far.
    pub fn calls(&self) -> Calls {
        self.change(|script| script.calls)
    }

    /// Forgets what is scripted, and releases whoever is held. Calls are counted on.
    pub fn clear(&self) {
        self.change(|script| {
            let calls = script.calls;
            for (_, gate) in std::mem::take(script).holds {
                gate.open();
            }
            script.calls = calls;
        });
    }

    /// Whether anything that is scripted has not come to pass.
    pub fn are_scripted(&self) -> bool {
        self.shared.scripted.load(Ordering::Relaxed)
    }

    fn hold(&self, point: Point) -> Hold {
        let gate = Gate::new();
        self.change(|script| script.holds.push((point, gate.clone())));
        Hold::new(gate, self.clone())
    }

    pub(super) fn forget(&self, gate: &Gate) {
        self.change(|script| script.holds.retain(|(_, other)| !other.is(gate)));
    }

    pub(super) fn end_chaos(&self) {
        self.change(|script| script.chaos = None);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        let mut script = self.shared.script.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = change(&mut script);
        self.shared.scripted.store(script.says_anything(), Ordering::Relaxed);
        answer
    }

    /// Takes the time to arrive, and gives the gate to pass before the answer.
    pub(super) async fn arrive(&self, call: Call) -> Option<Gate> {
        let (delay, before, after) = self.change(|script| {
            let mut take = |wanted| {
                let at = script.holds.iter().position(|(point, _)| Some(*point) == wanted)?;
                Some(script.holds.remove(at).1)
            };
            let (before, after) = (take(call.before()), take(call.after()));
            script.calls.appends += u64::from(matches!(call, Call::Append));
            (script.delay, before, after)
        });
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if let Some(gate) = before {
            gate.pass().await;
        }
        after
    }

    /// What becomes of the next commit.
    pub(super) fn fate(&self) -> Fate {
        self.change(|script| {
            script.calls.commits += 1;
            if let Some(fate) = script.nth_commit.remove(&script.calls.commits) {
                return fate;
            }
            if let Some((fate, count)) = script.commits.first_mut() {
                let fate = *fate;
                *count -= 1;
                script.commits.retain(|(_, count)| *count > 0);
                return fate;
            }
            script.chaos.as_ref().map_or(Fate::Fine, |(chaos, chance, _)| chaos.fate(chance))
        })
    }

    /// Whether the next read, or call about a snapshot, fails.
    pub(super) fn fails(&self, call: Call) -> bool {
        self.change(|script| {
            let by_chance = |probability: fn(&Chaos) -> f64, script: &Script| {
                script.chaos.as_ref().is_some_and(|(chaos, chance, _)| chance.is_so(probability(chaos)))
            };
            if matches!(call, Call::Snapshot) {
                script.calls.snapshots += 1;
                return use_up(&mut script.snapshots) || by_chance(|chaos| chaos.snapshots, script);
            }
            if matches!(call, Call::Register) {
                script.calls.registers += 1;
                return use_up(&mut script.registers) || by_chance(|chaos| chaos.registers, script);
            }
            script.calls.reads += 1;
            script.nth_read.remove(&script.calls.reads)
                || use_up(&mut script.reads)
                || by_chance(|chaos| chaos.reads, script)
        })
    }

    /// Whether the next read that may lag does.
    pub(super) fn lags(&self) -> bool {
        self.change(|script| {
            use_up(&mut script.lags)
                || script.chaos.as_ref().is_some_and(|(chaos, chance, _)| chance.is_so(chaos.lag))
        })
    }

    /// Why something failed.
    pub(super) fn cause(&self, what: &str) -> Cause {
        let seed = self.change(|script| script.chaos.as_ref().map(|(_, _, seed)| *seed));
        match seed {
            Some(seed) => Cause::new(format!("{what}, as was asked for (chaos of the seed {seed})")),
            None => Cause::new(format!("{what}, as was asked for")),
        }
    }
}

impl Script {
    fn says_anything(&self) -> bool {
        [self.reads, self.lags, self.snapshots, self.registers].iter().any(|count| *count > 0)
            || !self.commits.is_empty()
            || !self.nth_commit.is_empty()
            || !self.nth_read.is_empty()
            || !self.delay.is_zero()
            || !self.holds.is_empty()
            || self.chaos.is_some()
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
    Register,
}

impl Call {
    const fn before(self) -> Option<Point> {
        match self {
            Self::Append => Some(Point::BeforeAppend),
            Self::Read => Some(Point::BeforeRead),
            Self::Snapshot | Self::Register => None,
        }
    }

    const fn after(self) -> Option<Point> {
        match self {
            Self::Append => Some(Point::AfterAppend),
            Self::Read | Self::Snapshot | Self::Register => None,
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("are_scripted", &self.are_scripted()).finish_non_exhaustive()
    }
}
