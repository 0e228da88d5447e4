//! Calls that are stopped until a test lets them go on.

use super::script::Faults;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// Where a call can be stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
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
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Stage::Waiting)))
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn open(&self) {
        self.0.send_replace(Stage::Open);
    }

    pub(super) async fn pass(&self) {
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
    pub(super) const fn new(gate: Gate, faults: Faults) -> Self {
        Self { gate, faults }
    }

    /// Waits until a call has come to the point.
    pub async fn reached(&self) {
        self.gate.wait_for(|stage| stage != Stage::Waiting).await;
    }

    /// Lets the call go on, or stops none if none has come yet.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.faults.forget(&self.gate);
        self.gate.open();
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}
