//! What the workers in this program are doing, for those who wait for them.

use super::error::FollowError;
use super::part::{Checkpoint, Part};
use crate::position::{Cursor, Position};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Clones are the same board.
#[derive(Clone)]
pub(crate) struct Board(Arc<Shared>);

struct Shared {
    reports: Mutex<BTreeMap<Part, Report>>,
    error: Mutex<Option<FollowError>>,
    active: AtomicU32,
    changed: watch::Sender<()>,
    nudges: watch::Sender<()>,
}

/// What is known of a part.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// Whether it is worked on in this program.
    pub(crate) is_ours: bool,
    /// How far it has come; not known before the first look.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// How many streams are parked.
    pub(crate) parked: usize,
    /// Why it was given up.
    pub(crate) error: Option<FollowError>,
    meter: Option<Meter>,
}

/// Counts events by time, over the last seconds.
#[derive(Debug, Clone, Copy)]
struct Meter {
    earlier: Mark,
    later: Mark,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    handled: u64,
    commit: u64,
}

impl Mark {
    fn now(checkpoint: &Checkpoint) -> Self {
        let commit = checkpoint.reached().map_or(0, Position::commit);
        Self { at: Instant::now(), handled: checkpoint.handled, commit }
    }
}

const WINDOW: Duration = Duration::from_secs(2);

impl Report {
    /// How many events a second were handled of late.
    pub(crate) fn rate(&self) -> f64 {
        self.each_second(|mark| mark.handled)
    }

    /// How many positions a second were passed of late.
    pub(crate) fn pace(&self) -> f64 {
        self.each_second(|mark| mark.commit)
    }

    fn each_second(&self, count: impl Fn(&Mark) -> u64) -> f64 {
        let (Some(meter), Some(checkpoint)) = (&self.meter, &self.checkpoint) else { return 0.0 };
        let now = Mark::now(checkpoint);
        let seconds = now.at.duration_since(meter.earlier.at).as_secs_f64();
        let counted = count(&now).saturating_sub(count(&meter.earlier));
        if self.is_ours && seconds > 0.0 { counted as f64 / seconds } else { 0.0 }
    }

    /// Notes how far the part has come.
    pub(crate) fn reach(&mut self, checkpoint: &Checkpoint) {
        let now = Mark::now(checkpoint);
        let meter = self.meter.get_or_insert(Meter { earlier: now, later: now });
        if now.at.duration_since(meter.later.at) >= WINDOW {
            *meter = Meter { earlier: meter.later, later: now };
        }
        self.checkpoint = Some(checkpoint.clone());
    }
}

impl Board {
    pub(crate) fn new() -> Self {
        let (changed, nudges) = (watch::Sender::new(()), watch::Sender::new(()));
        let (reports, error, active) = Default::default();
        Self(Arc::new(Shared { reports, error, active, changed, nudges }))
    }

    fn reports(&self) -> MutexGuard<'_, BTreeMap<Part, Report>> {
        self.0.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the report of a part and tells whoever waits.
    pub(crate) fn report(&self, part: Part, change: impl FnOnce(&mut Report)) {
        change(self.reports().entry(part).or_default());
        self.0.changed.send_replace(());
    }

    /// Forgets the parts of which `is_gone` holds.
    pub(crate) fn forget(&self, is_gone: impl Fn(&Part) -> bool) {
        self.reports().retain(|part, _| !is_gone(part));
        self.0.changed.send_replace(());
    }

    pub(crate) fn all(&self) -> Vec<(Part, Report)> {
        self.reports().iter().map(|(part, report)| (*part, report.clone())).collect()
    }

    /// Notes which build readers see.
    pub(crate) fn set_active(&self, build: u32) {
        if self.0.active.swap(build, Ordering::Relaxed) != build {
            self.0.changed.send_replace(());
        }
    }

    /// The parts of the build that readers see.
    pub(crate) fn active(&self) -> Vec<(Part, Report)> {
        let active = self.0.active.load(Ordering::Relaxed);
        let reports = self.reports();
        let seen = reports.iter().filter(|(part, _)| part.build == active);
        seen.map(|(part, report)| (*part, report.clone())).collect()
    }

    /// Whether all parts of `build` have reached the end of the log once.
    pub(crate) fn is_live(&self, build: u32) -> bool {
        let reports = self.reports();
        let mut parts = reports.iter().filter(|(part, _)| part.build == build).peekable();
        parts.peek().is_some()
            && parts.all(|(_, report)| report.checkpoint.as_ref().is_some_and(|at| at.is_live))
    }

    /// Whether all parts that are known here have come to `end`, or one of them has been given up.
    pub(crate) fn is_past(&self, end: &Cursor) -> bool {
        let reports = self.reports();
        let is_past = |report: &Report| report.checkpoint.as_ref().is_some_and(|at| at.is_past(end));
        !reports.is_empty() && reports.values().all(is_past)
            || reports.values().any(|report| report.error.is_some())
    }

    /// Notes why nothing is worked on any more.
    pub(crate) fn fail(&self, error: FollowError) {
        *self.0.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.0.changed.send_replace(());
    }

    /// Why something is not worked on any more.
    pub(crate) fn error(&self) -> Option<FollowError> {
        let error = self.0.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        error.or_else(|| self.reports().values().find_map(|report| report.error.clone()))
    }

    /// Why `build` is not worked on any more.
    pub(crate) fn error_of(&self, build: u32) -> Option<FollowError> {
        let error = self.0.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reports = self.reports();
        let mut of_build = reports.iter().filter(|(part, _)| part.build == build);
        error.or_else(|| of_build.find_map(|(_, report)| report.error.clone()))
    }

    /// Whether there was a worker on `part`, here or elsewhere.
    pub(crate) fn has_seen(&self, part: &Part) -> bool {
        self.reports().get(part).is_some_and(|report| report.checkpoint.is_some())
    }

    /// Tells of every report.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// Asks the workers to look at what others may have written into their registers.
    pub(crate) fn nudge(&self) {
        self.0.nudges.send_replace(());
    }

    pub(crate) fn nudges(&self) -> watch::Receiver<()> {
        self.0.nudges.subscribe()
    }
}
