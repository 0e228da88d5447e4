//! Works on one part: takes it when it can, reads on from its checkpoint, and stops when told.

mod owner;
mod settle;

use super::board::Board;
use super::engine::{Engine, EngineError};
use super::error::FollowError;
use super::lease::{Candidate, Lease, Look, Lost};
use super::part::Part;
use super::policy::{OnFailure, OnUnknown};
use super::race::{Either, race};
use crate::error::ReadError;
use crate::follow::Follower;
use crate::store::{Retry, Store};
use owner::Owner;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// The waits after the store failed.
const TROUBLE: Retry =
    Retry { conflicts: 0, failures: 0, first: Duration::from_millis(10), longest: Duration::from_secs(2) };

/// How a part is worked on.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The most events of a page, and so of a batch.
    pub(crate) batch: usize,
    /// How long a transaction may go on to the next event.
    pub(crate) budget: Duration,
    /// The length of a lease.
    pub(crate) lease: Duration,
    pub(crate) on_failure: OnFailure,
    pub(crate) on_unknown: OnUnknown,
    /// How often in a row the store may fail before that is an error; without end if there is no number.
    pub(crate) patience: Option<u32>,
}

pub(crate) struct Worker<F, E> {
    pub(crate) store: Store,
    pub(crate) follower: Arc<F>,
    pub(crate) engine: Arc<E>,
    pub(crate) part: Part,
    pub(crate) settings: Settings,
    pub(crate) board: Board,
    /// Tells this worker from every other.
    pub(crate) name: Arc<str>,
}

/// Why work on a part ended.
pub(crate) enum Interrupt {
    /// It was told to stop.
    Stopped,
    /// The part may be somebody else's now, or was changed: look again.
    Again,
    /// The store failed; it may be well in a moment.
    Trouble(FollowError),
    /// It cannot go on.
    Failed(FollowError),
}

impl From<Lost> for Interrupt {
    fn from(_: Lost) -> Self {
        Self::Again
    }
}

impl From<ReadError> for Interrupt {
    fn from(error: ReadError) -> Self {
        let is_passing = matches!(error, ReadError::Unavailable(_));
        if is_passing { Self::Trouble(error.into()) } else { Self::Failed(error.into()) }
    }
}

impl From<EngineError> for Interrupt {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Read(error) => error.into(),
            EngineError::Sql(error) if error.is_retryable() => Self::Trouble(error.into()),
            EngineError::Sql(error) => Self::Failed(error.into()),
        }
    }
}

impl<F: Follower, E: Engine<F>> Worker<F, E> {
    pub(crate) const fn part(&self) -> Part {
        self.part
    }

    /// Works until it is told to stop, or the part is gone, or it cannot go on.
    pub(crate) async fn run(self, stop: watch::Receiver<bool>) -> Result<(), FollowError> {
        let mut failures = 0;
        loop {
            let handled_before = self.handled();
            let interrupt = match self.take(stop.clone()).await {
                Ok(Some(lease)) => self.own(*lease, stop.clone()).await,
                Ok(None) => return Ok(()),
                Err(error) => error.into(),
            };
            self.board.report(self.part, |report| report.is_ours = false);
            if self.handled() != handled_before {
                failures = 0;
            }
            match interrupt {
                Interrupt::Stopped => return Ok(()),
                // Somebody else may be about to take it.
                Interrupt::Again => {
                    race(TROUBLE.wait(0, self.store.entropy()), told(stop.clone())).await;
                }
                Interrupt::Failed(error) => return Err(error),
                Interrupt::Trouble(error) => {
                    if self.settings.patience.is_some_and(|most| failures >= most) {
                        return Err(error);
                    }
                    tracing::warn!(%error, failures, "the store fails; following waits for it");
                    let wait = TROUBLE.wait(failures.min(16), self.store.entropy());
                    race(wait, told(stop.clone())).await;
                    failures += 1;
                }
            }
        }
    }

    fn handled(&self) -> Option<u64> {
        let reports = self.board.all();
        let mine = reports.into_iter().find(|(part, _)| *part == self.part);
        mine.and_then(|(_, report)| Some(report.checkpoint?.handled))
    }

    /// Waits until nobody else works on the part. Nothing where it is told to stop first, or there is no such part
    /// any more.
    async fn take(&self, stop: watch::Receiver<bool>) -> Result<Option<Box<Lease>>, ReadError> {
        let (name, length) = (Arc::clone(&self.name), self.settings.lease);
        let mut candidate = Candidate::new(self.store.clone(), self.part, name, length);
        loop {
            if is_told(&stop) {
                return Ok(None);
            }
            match candidate.look().await? {
                Look::Taken(lease) => return Ok(Some(lease)),
                Look::Gone => return Ok(None),
                Look::Busy(checkpoint) => self.board.report(self.part, |report| report.reach(&checkpoint)),
            }
            if let Either::Second(()) = race(sleep(candidate.pause()), told(stop.clone())).await {
                return Ok(None);
            }
        }
    }

    async fn own(&self, lease: Lease, stop: watch::Receiver<bool>) -> Interrupt {
        let mut owner = Owner::new(self, lease, stop);
        let interrupt = owner.work().await;
        if matches!(interrupt, Interrupt::Stopped | Interrupt::Failed(_)) {
            owner.release().await;
        }
        interrupt
    }
}

/// Whether the worker was told to stop, or whoever could tell it is gone.
pub(crate) fn is_told(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// Waits until the worker is told to stop, or whoever could tell it is gone.
pub(crate) async fn told(mut stop: watch::Receiver<bool>) {
    while !*stop.borrow_and_update() {
        if stop.changed().await.is_err() {
            return;
        }
    }
}
