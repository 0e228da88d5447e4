//! The owner of a part at work.

use super::super::engine::{Delivered, Engine, Failure, Portion};
use super::super::error::{EventPlace, FollowError};
use super::super::lease::{Lease, Moved};
use super::super::parked::{ParkedState, ParkedStream};
use super::super::part::{Checkpoint, Last};
use super::super::policy::{OnUnknown, Then};
use super::super::race::{Either, race};
use super::{Interrupt, Worker, is_told, told};
use crate::adapter::{Filter, Limit};
use crate::error::ReadError;
use crate::follow::Follower;
use crate::metrics;
use crate::name::StreamName;
use crate::position::Cursor;
use crate::recorded::Recorded;
use crate::register::Write;
use crate::store::Retry;
use crate::subscription::{Batch, Subscription};
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How soon a checkpoint is written that moved past nothing but events of others.
const IDLE_SAVE: Duration = Duration::from_millis(250);
/// How soon the loop hears that the log goes on with nothing but events of others.
const PROGRESS: Duration = Duration::from_millis(50);

pub(super) type Step<T> = Result<T, Interrupt>;

pub(super) struct Owner<'a, F, E> {
    pub(super) worker: &'a Worker<F, E>,
    pub(super) lease: Lease,
    stop: watch::Receiver<bool>,
    nudges: watch::Receiver<()>,
    /// How far it has come. Ahead of the register while it passes over events of others.
    pub(super) checkpoint: Checkpoint,
    /// When it ran ahead.
    ahead_since: Option<Instant>,
    pub(super) parked: BTreeMap<StreamName, ParkedStream>,
    /// The names of the parked streams, to be shared with what hands events on.
    pub(super) passed: Arc<HashSet<StreamName>>,
    pub(super) look_at: Instant,
}

impl<'a, F: Follower, E: Engine<F>> Owner<'a, F, E> {
    pub(super) fn new(worker: &'a Worker<F, E>, lease: Lease, stop: watch::Receiver<bool>) -> Self {
        let mut nudges = worker.board.nudges();
        nudges.borrow_and_update();
        Self {
            worker,
            checkpoint: lease.checkpoint().clone(),
            lease,
            stop,
            nudges,
            ahead_since: None,
            parked: BTreeMap::new(),
            passed: Arc::default(),
            look_at: Instant::now(),
        }
    }

    /// Works until something comes in between.
    pub(super) async fn work(&mut self) -> Interrupt {
        match self.go_on().await {
            Ok(never) => match never {},
            Err(interrupt) => interrupt,
        }
    }

    /// Gives the part back, so that nobody has to wait for it.
    pub(super) async fn release(self) {
        if let Err(error) = self.lease.release(self.checkpoint).await {
            tracing::warn!(%error, "could not give a part back; others take it when its lease is over");
        }
    }

    async fn go_on(&mut self) -> Step<Infallible> {
        self.verify().await?;
        self.look_at_parked().await?;
        self.report(true);
        let filter =
            F::FOLLOWS.iter().fold(Filter::all(), |filter, followed| filter.category(followed.category()));
        let limit = Limit::events(self.worker.settings.batch);
        let subscribe = self.worker.store.subscribe(filter).after(self.checkpoint.cursor.clone());
        let mut log = subscribe.batch(limit).progress(PROGRESS).start().await?;
        loop {
            if is_told(&self.stop) {
                return Err(Interrupt::Stopped);
            }
            if !self.parked.is_empty() && Instant::now() >= self.look_at {
                self.settle_parked().await?;
            }
            if self.ahead_since.is_some_and(|since| since.elapsed() >= IDLE_SAVE) {
                self.save(self.checkpoint.clone(), Vec::new()).await?;
            }
            if let Some(batch) = self.next(&mut log).await? {
                self.take_batch(batch).await?;
            }
        }
    }

    /// Refuses to go on in a log that is not the one that was followed.
    async fn verify(&mut self) -> Step<()> {
        let (store, checkpoint) = (&self.worker.store, &self.checkpoint);
        let Some(Last { commit, position }) = checkpoint.last else { return Ok(()) };
        let diverged = |found: String| {
            let follower = self.lease.part.follower;
            Err(Interrupt::Failed(FollowError::Diverged { follower, position, found }))
        };
        if checkpoint.store != store.identity() {
            return diverged(format!("this is another store, {}", store.identity()));
        }
        match store.find_commit(commit).await? {
            Some(found) if found.range.position.commit() == position.commit() => Ok(()),
            Some(found) => diverged(format!("its commit is at {} now", found.range.position)),
            None => diverged("its commit is not in the log".to_owned()),
        }
    }

    /// The next events, or nothing where there is something else to be done.
    async fn next(&mut self, log: &mut Subscription) -> Step<Option<Batch>> {
        let save_at = self.ahead_since.map(|since| since + IDLE_SAVE);
        let look_at = (!self.parked.is_empty()).then_some(self.look_at);
        let (stop, nudges) = (self.stop.clone(), &mut self.nudges);
        let timer = async {
            match save_at.into_iter().chain(look_at).min() {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let nudged = async {
            if nudges.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let woken = race(told(stop), race(timer, nudged));
        match self.lease.hold(race(log.next_batch(), woken)).await? {
            Either::First(batch) => Ok(Some(batch?)),
            Either::Second(why) => {
                if let Either::Second(Either::Second(())) = why {
                    self.look_at = Instant::now();
                }
                Ok(None)
            }
        }
    }

    async fn take_batch(&mut self, batch: Batch) -> Step<()> {
        let part = self.lease.part;
        let Batch { mut events, cursor, is_end } = batch;
        events.retain(|event| part.takes(event.stream()));
        let (events, end) = (Arc::new(events), End { cursor, is_end });
        let mut at = self.checkpoint.skip.min(events.len());
        let is_done = at == events.len();
        while at < events.len() {
            at = self.advance(&events, at, &end).await?;
        }
        let newest = events.last().filter(|_| !is_end).map(Recorded::recorded_at);
        if is_done {
            self.pass(end, events.len()).await?;
        }
        metrics::level_of(metrics::LAG_SECONDS, F::NAME, self.lag(newest));
        self.report(true);
        Ok(())
    }

    /// How many seconds ago `newest` was; 0 at the end of the log.
    fn lag(&self, newest: Option<Timestamp>) -> f64 {
        let micros =
            |newest: Timestamp| self.worker.store.now().as_micros().saturating_sub(newest.as_micros());
        newest.map_or(0.0, |newest| micros(newest) as f64 / 1e6)
    }

    /// Moves past a batch of which nothing is left to do: it has nothing for this part, or less than what was handled
    /// before, because batches end elsewhere each time. That is not worth a write.
    async fn pass(&mut self, end: End, handled: usize) -> Step<()> {
        let is_first_end = end.is_end && !self.checkpoint.is_live;
        self.checkpoint.cursor = end.cursor;
        self.checkpoint.skip -= handled;
        self.checkpoint.is_live |= end.is_end;
        self.ahead_since.get_or_insert_with(Instant::now);
        if is_first_end { self.save(self.checkpoint.clone(), Vec::new()).await } else { Ok(()) }
    }

    /// Handles events from `at` on, and answers with the place that it has reached.
    async fn advance(&mut self, events: &Arc<Vec<Recorded>>, at: usize, end: &End) -> Step<usize> {
        let mut until = events.len();
        loop {
            let (failed, failure) = match self.deliver(events, at..until, end, 1).await? {
                Delivered::Failed { at: failed, kept, failure } => {
                    if failed > at && kept.is_none() {
                        self.redo(events, at..failed, end).await?;
                    }
                    (failed, failure)
                }
                // Which one it is shows when it is alone.
                Delivered::Refused(_) if until - at > 1 => {
                    until = at + (until - at) / 2;
                    continue;
                }
                Delivered::Refused(cause) => (at, Failure::Handler(cause)),
                Delivered::Done { until, .. } => return Ok(until),
                Delivered::Stale => return Err(Interrupt::Again),
            };
            self.decide(events, failed, end, failure).await?;
            return Ok(failed + 1);
        }
    }

    /// Handles again what went well before another event failed and took it along.
    async fn redo(&mut self, events: &Arc<Vec<Recorded>>, range: Range<usize>, end: &End) -> Step<()> {
        let mut at = range.start;
        while at < range.end {
            at = match self.deliver(events, at..range.end, end, 1).await? {
                Delivered::Done { until, .. } => until,
                // What failed now did not fail before: look at it as if for the first time.
                _ => return Err(Interrupt::Again),
            };
        }
        Ok(())
    }

    /// Does with an event that failed as the policy says.
    async fn decide(
        &mut self,
        events: &Arc<Vec<Recorded>>,
        at: usize,
        end: &End,
        mut failure: Failure,
    ) -> Step<()> {
        let policy = &self.worker.settings.on_failure;
        let place = Box::new(EventPlace::of(&events[at]));
        let mut attempts = 1;
        let then = match failure {
            Failure::Unknown if self.worker.settings.on_unknown == OnUnknown::Park => Then::Park,
            Failure::Unknown => Then::Stop,
            Failure::Unreadable(_) => policy.then,
            Failure::Handler(_) | Failure::Panicked(_) => {
                while attempts <= policy.retries {
                    tracing::warn!(event = %place, attempts, error = %failure.cause(), "a handler failed");
                    self.wait_before(attempts).await?;
                    attempts += 1;
                    match self.deliver(events, at..at + 1, end, attempts).await? {
                        Delivered::Failed { failure: again, .. } => failure = again,
                        Delivered::Refused(cause) => failure = Failure::Handler(cause),
                        Delivered::Done { .. } | Delivered::Stale => return Ok(()),
                    }
                }
                policy.then
            }
        };
        if then == Then::Park {
            return self.park(events, at, end, *place, &failure, attempts).await;
        }
        Err(Interrupt::Failed(match failure {
            Failure::Unknown => FollowError::Unknown(place),
            Failure::Unreadable(error) => FollowError::Unreadable { event: place, error },
            failure => FollowError::Handler { event: place, attempts, error: failure.cause() },
        }))
    }

    async fn wait_before(&mut self, attempt: u32) -> Step<()> {
        let policy = &self.worker.settings.on_failure;
        let waits = Retry { conflicts: 0, failures: 0, first: policy.first, longest: policy.longest };
        let wait = waits.wait(attempt - 1, self.worker.store.entropy());
        match self.lease.hold(race(wait, told(self.stop.clone()))).await? {
            Either::First(()) => Ok(()),
            Either::Second(()) => Err(Interrupt::Stopped),
        }
    }

    /// Notes an event as parked and moves past it, both at once.
    async fn park(
        &mut self,
        events: &Arc<Vec<Recorded>>,
        at: usize,
        end: &End,
        place: EventPlace,
        failure: &Failure,
        attempts: u32,
    ) -> Step<()> {
        tracing::error!(event = %place, attempts, error = %failure.cause(), "parked an event");
        let (stream, now) = (place.stream.clone(), self.worker.store.now());
        let state = ParkedState::new(place, failure.cause().to_string(), attempts, now);
        let key = self.lease.part.parked_key(&stream);
        let passed = Steps { base: self.checkpoint.clone(), events: Arc::clone(events), end: end.clone() };
        let checkpoint = Checkpoint { handled: self.checkpoint.handled, ..passed.after(at + 1, 0) };
        self.save(checkpoint, vec![state.write(key.clone(), 0)]).await?;
        self.parked.insert(stream, ParkedStream { key, revision: 1, state });
        self.name_parked();
        Ok(())
    }

    /// Hands events of a batch on, and moves the checkpoint behind them.
    async fn deliver(
        &mut self,
        events: &Arc<Vec<Recorded>>,
        range: Range<usize>,
        end: &End,
        attempt: u32,
    ) -> Step<Delivered> {
        let portion = Portion {
            events: Arc::clone(events),
            range: range.clone(),
            parked: Arc::clone(&self.passed),
            skips_unknown: self.worker.settings.on_unknown == OnUnknown::Skip,
            budget: self.worker.settings.budget,
            attempt,
        };
        let steps = Steps { base: self.checkpoint.clone(), events: Arc::clone(events), end: end.clone() };
        let counted = portion.clone();
        let after = move |at| steps.after(at, counted.due_before(at));
        let note = {
            let after = after.clone();
            self.lease.note(move |at| (after(at), Vec::new()))
        };
        let worker = self.worker;
        let delivered = self.lease.hold(worker.engine.deliver(&worker.follower, portion, note)).await??;
        match &delivered {
            Delivered::Done { until, revision } => self.moved(*revision, after(*until)),
            Delivered::Failed { at, kept, failure } => {
                if let Some(revision) = kept {
                    self.moved(*revision, after(*at));
                }
                self.blame(failure).await?;
            }
            Delivered::Refused(_) => {}
            Delivered::Stale => return Err(Interrupt::Again),
        }
        Ok(delivered)
    }

    /// A store that is in the way is no failure of the handler. Where its error does not say so, because it is one
    /// of the handler's own, the store is asked: one that does not answer had a part in it.
    pub(super) async fn blame(&self, failure: &Failure) -> Step<()> {
        if failure.is_of_the_database() {
            return Err(Interrupt::Trouble(ReadError::Unavailable(failure.cause()).into()));
        }
        if let Failure::Handler(_) = failure {
            self.lease.probe().await?;
        }
        metrics::count_of(metrics::FAILED_EVENTS, F::NAME, 1);
        Ok(())
    }

    pub(super) fn moved(&mut self, revision: u64, checkpoint: Checkpoint) {
        let handled = checkpoint.handled.saturating_sub(self.checkpoint.handled);
        metrics::count_of(metrics::HANDLED_EVENTS, F::NAME, handled);
        self.lease.moved(revision, checkpoint.clone());
        self.checkpoint = checkpoint;
        self.ahead_since = None;
        self.report(true);
    }

    /// Writes the checkpoint by itself, and other registers with it.
    pub(super) async fn save(&mut self, checkpoint: Checkpoint, others: Vec<Write>) -> Step<()> {
        match self.lease.save(checkpoint.clone(), others).await? {
            Moved::To(_) => {}
            Moved::Stale => return Err(Interrupt::Again),
        }
        self.checkpoint = checkpoint;
        self.ahead_since = None;
        self.report(true);
        Ok(())
    }

    pub(super) fn report(&self, is_ours: bool) {
        self.worker.board.report(self.lease.part, |report| {
            report.is_ours = is_ours;
            report.parked = self.parked.len();
            report.reach(&self.checkpoint);
        });
    }
}

/// How far a batch reaches.
#[derive(Debug, Clone)]
struct End {
    cursor: Cursor,
    is_end: bool,
}

/// The checkpoints within a batch.
#[derive(Clone)]
struct Steps {
    base: Checkpoint,
    events: Arc<Vec<Recorded>>,
    end: End,
}

impl Steps {
    /// Behind the events before `at`, of which `handled` were handled since the base.
    fn after(&self, at: usize, handled: usize) -> Checkpoint {
        let mut checkpoint = self.base.clone();
        checkpoint.handled += handled as u64;
        if let Some(event) = at.checked_sub(1).and_then(|at| self.events.get(at)) {
            checkpoint.last = Some(Last { commit: event.commit(), position: event.position() });
        }
        checkpoint.skip = at;
        if at == self.events.len() {
            checkpoint.cursor = self.end.cursor.clone();
            checkpoint.skip = 0;
            checkpoint.is_live |= self.end.is_end;
        }
        checkpoint
    }
}
