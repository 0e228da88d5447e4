//! What is asked of an aggregate that keeps snapshots, without knowing its type.

use crate::aggregate::{Aggregate, replay};
use crate::format::{Cause, Encoded, Format};
use crate::snapshot::shape;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An aggregate whose state serde can write.
#[derive(Clone, Copy)]
pub(crate) struct Folding {
    fold: fn(&[Stored]) -> Option<Value>,
    reread: fn(&Value) -> Result<Value, Cause>,
    shape: fn() -> u64,
}

/// An event as it was stored.
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) version: u16,
    pub(crate) payload: Encoded,
}

impl Folding {
    pub(crate) const fn of<A: Aggregate>() -> Option<Self> {
        match A::SNAPSHOT {
            Some(_) => Some(Self { fold: fold::<A>, reread: reread::<A>, shape: shape::<A> }),
            None => None,
        }
    }

    /// The state after these events; none where one does not decode, or a handler panics at it, as it may where
    /// a decision would never have led to such an event.
    pub(crate) fn fold(&self, events: &[Stored]) -> Option<Value> {
        (self.fold)(events)
    }

    /// Reads a state, and writes it again.
    pub(crate) fn reread(&self, state: &Value) -> Result<Value, Cause> {
        (self.reread)(state)
    }

    /// Which type the state has: another one when it changes.
    pub(crate) fn shape(&self) -> u64 {
        (self.shape)()
    }
}

fn fold<A: Aggregate>(events: &[Stored]) -> Option<Value> {
    let state = catch_unwind(AssertUnwindSafe(|| {
        let mut state = A::default();
        for event in events {
            replay(&mut state, &event.name, event.version, event.payload.as_payload())?.ok()?;
        }
        Some(state)
    }));
    written(&state.ok()??).ok()
}

fn reread<A: Aggregate>(state: &Value) -> Result<Value, Cause> {
    let plan = A::SNAPSHOT.ok_or_else(|| Cause::new("it keeps no snapshots"))?;
    let bytes = serde_json::to_vec(state).map_err(Cause::new)?;
    written(&plan.decode(&Encoded::new(Format::Json, bytes))?)
}

fn written<A: Aggregate>(state: &A) -> Result<Value, Cause> {
    let plan = A::SNAPSHOT.ok_or_else(|| Cause::new("it keeps no snapshots"))?;
    plan.to_json(state)
}
