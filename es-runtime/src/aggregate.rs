//! Aggregates: state folded from a closed list of events.

use crate::event::Event;
use crate::format::{DecodeError, Payload, decode};
use crate::former::{PastEvent, past_of};
use crate::schema::EventSchema;
use crate::snapshot::SnapshotPlan;
use crate::text::fail;
use core::fmt::{Debug, Display, Formatter};

/// State folded from a closed list of events. Written by [`#[derive(Aggregate)]`](derive@crate::Aggregate).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "expected a type that derives `Aggregate`",
    note = "add `#[derive(Aggregate)]` and `#[aggregate(\"name\", id = Id, events(...))]` to `{Self}`"
)]
pub trait Aggregate: Default + Send + Sync + 'static {
    /// The category its streams are stored under.
    const NAME: &'static str;
    /// The events it is folded from.
    const EVENTS: &'static [Fold<Self>];
    /// The events that it does not raise any more, and what is read in their place.
    const PAST: &'static [PastEvent<Self>] = &[];
    /// Raised by hand when a handler's logic changes, so that older snapshots are thrown away.
    const REVISION: u32 = 1;
    /// How it is snapshotted, if it is.
    const SNAPSHOT: Option<SnapshotPlan<Self>> = None;
    /// What tells one aggregate from another.
    type Id: AggregateId;
}

/// What tells one aggregate from another: anything that can be written as text and cloned.
///
/// [`Display`] is the stored form, so it must never change, and two ids that differ must not
/// look the same.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of an aggregate",
    label = "expected a type that implements `Display`, `Clone`, `Send` and `Sync`",
    note = "the text of an id names the stream; `String`, `u64` and `uuid::Uuid` work as they are"
)]
pub trait AggregateId: Display + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Display + Clone + Send + Sync + 'static> AggregateId for T {}

/// How an aggregate changes when `E` has happened. It cannot fail: what happened, happened.
///
/// Nor may it panic. A [`Root`](crate::Root) on which it did is half changed: drop it and load it again.
#[diagnostic::on_unimplemented(
    message = "aggregate `{Self}` does not say what `{E}` changes",
    label = "missing `impl Apply<{E}> for {Self}`",
    note = "every event listed in `#[aggregate(events(...))]` needs an `Apply` impl"
)]
pub trait Apply<E> {
    /// Changes the state as `event` says.
    fn apply(&mut self, event: &E);
}

/// An event listed by aggregate `A`. Written by [`#[derive(Aggregate)]`](derive@crate::Aggregate).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event of aggregate `{A}`",
    label = "not listed in `#[aggregate(events(...))]` on `{A}`",
    note = "list `{Self}` there and say what it changes with `impl Apply<{Self}> for {A}`"
)]
pub trait EventOf<A>: Event {
    #[doc(hidden)]
    const APPLY: fn(&mut A, &Self);
}

/// One row of an aggregate's table: an event and how it folds.
pub struct Fold<A> {
    schema: EventSchema,
    replay: fn(&mut A, u16, Payload<'_>) -> Result<(), DecodeError>,
    #[cfg(feature = "testing")]
    probe: crate::lock::Probe,
}

impl<A> Fold<A> {
    #[doc(hidden)]
    #[track_caller]
    pub const fn of<E: EventOf<A>>() -> Self {
        if E::FATE.is_past() {
            let event = E::ORIGIN.type_name();
            fail(&[
                "`",
                event,
                "` does not happen any more; list it in `past(...)`, and not in `events(...)`",
            ])
        }
        Self {
            schema: EventSchema::of::<E>(),
            replay: |state, version, payload| {
                let event = decode::<E>(version, payload)?;
                E::APPLY(state, &event);
                Ok(())
            },
            #[cfg(feature = "testing")]
            probe: crate::lock::Probe::of::<E>(),
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) const fn probe(&self) -> &crate::lock::Probe {
        &self.probe
    }

    /// The event of this row.
    pub const fn schema(&self) -> &EventSchema {
        &self.schema
    }

    pub(crate) fn replay(
        &self,
        state: &mut A,
        version: u16,
        payload: Payload<'_>,
    ) -> Result<(), DecodeError> {
        (self.replay)(state, version, payload)
    }
}

impl<A> Debug for Fold<A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        self.schema.fmt(f)
    }
}

/// Changes `state` by an event that is stored as `name`, if that is known.
pub(crate) fn replay<A: Aggregate>(
    state: &mut A,
    name: &str,
    version: u16,
    payload: Payload<'_>,
) -> Option<Result<(), DecodeError>> {
    match fold_of::<A>(name) {
        Some(fold) => Some(fold.replay(state, version, payload)),
        None => past_of::<A>(name).map(|past| past.replay(state, version, payload)),
    }
}

/// The row of `A`'s table for events stored as `name`.
///
/// A scan: for the lengths that aggregates have it is faster than a hash or a search, and it needs
/// no generated code.
fn fold_of<A: Aggregate>(name: &str) -> Option<&'static Fold<A>> {
    A::EVENTS.iter().find(|fold| fold.schema.is_named(name))
}
