//! Events that an aggregate does not raise any more, but that its streams still hold.

use crate::aggregate::Aggregate;
use crate::event::Event;
use crate::fate::Fate;
use crate::follow::{Follower, Row};
use crate::format::{DecodeError, Payload, decode};
use crate::parts::{Parts, PartsFor, PartsOf};
use crate::schema::EventSchema;
use core::fmt::{self, Debug, Formatter};

/// An event that does not happen any more, and what is read in its place. Written by
/// [`#[event]`](macro@crate::event) where it says `into(...)` or `retired = "..."`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what became of it",
    label = "expected an event with `into(...)` or `retired = \"...\"`",
    note = "say it in the `#[event(...)]` of `{Self}`; where the event only moved to another aggregate, say why it \
            is here no more: `past({Self} = \"...\")`"
)]
pub trait Former: Event {
    /// The events that are read in its place; `()` for none.
    type Parts: Parts;
    #[doc(hidden)]
    const SPLIT: fn(Self) -> Self::Parts;
}

/// What nothing came after.
#[doc(hidden)]
pub fn into_nothing<E>(_: E) {}

/// An aggregate that raises `E`. None does that with an event of its `past(...)`: the derive of the aggregate asks for
/// it of a reference with an open lifetime, since the compiler takes no other bound that never holds.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{E}` is in the past of its aggregate, so it can neither be raised nor be read in the place of another",
    label = "`{E}` does not happen any more",
    note = "stored ones are read as `past(...)` of the aggregate says; take an event of its `events(...)` instead"
)]
pub trait Raises<E> {}

/// How an event of the past changes the state: it is never asked for.
#[doc(hidden)]
pub const fn never_applied<A, E>(_: &mut A, _: &E) {}

/// An event that aggregate `A` does not raise any more. Written by [`#[derive(Aggregate)]`](derive@crate::Aggregate)
/// for each event in `past(...)`.
pub struct PastEvent<A> {
    schema: EventSchema,
    fate: Fate,
    replay: Option<Replay<A>>,
    #[cfg(feature = "testing")]
    probe: crate::lock::Probe,
}

type Replay<A> = fn(&mut A, u16, Payload<'_>) -> Result<(), DecodeError>;

impl<A> PastEvent<A> {
    /// An event that says what became of it.
    #[doc(hidden)]
    pub const fn of<E: Former<Parts: PartsOf<A>>>() -> Self {
        let replay: Replay<A> = |state, version, payload| {
            E::SPLIT(decode::<E>(version, payload)?).apply(state);
            Ok(())
        };
        let replay = if E::FATE.reason().is_none() { Some(replay) } else { None };
        Self::new::<E>(E::FATE, replay)
    }

    /// An event that nothing came after in this aggregate, whatever became of it elsewhere.
    #[doc(hidden)]
    pub const fn retired<E: Event>(reason: &'static str) -> Self {
        Self::new::<E>(Fate::Retired(reason), None)
    }

    const fn new<E: Event>(fate: Fate, replay: Option<Replay<A>>) -> Self {
        Self {
            schema: EventSchema::of::<E>(),
            fate,
            replay,
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

    /// What became of it in this aggregate; it may happen today in another.
    pub const fn fate(&self) -> Fate {
        self.fate
    }

    /// A retired event is not even decoded: its shape is nobody's concern any more.
    pub(crate) fn replay(
        &self,
        state: &mut A,
        version: u16,
        payload: Payload<'_>,
    ) -> Result<(), DecodeError> {
        self.replay.map_or(Ok(()), |replay| replay(state, version, payload))
    }
}

impl<A> Debug for PastEvent<A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("PastEvent").field("schema", &self.schema).field("fate", &self.fate).finish()
    }
}

/// The row of `A`'s past for events stored as `name`.
#[cold]
pub(crate) fn past_of<A: Aggregate>(name: &str) -> Option<&'static PastEvent<A>> {
    A::PAST.iter().find(|past| past.schema.is_named(name))
}

/// Something that handles or ignores every event that is read in the place of `E`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not cover what is read in the place of `{E}`",
    label = "missing a handler of an event in the `into(...)` of `{E}`"
)]
pub trait CoversPast<E>: Follower {
    /// What it does with a stored one.
    const PAST_ROW: Row<Self>;
}

impl<F: Follower, E: Former<Parts: PartsFor<F>>> CoversPast<E> for F {
    const PAST_ROW: Row<Self> = if <E::Parts as PartsFor<F>>::IS_IGNORED {
        Row::ignored::<E>()
    } else {
        Row::with::<E>(|follower, recorded, context| {
            let (envelope, event) = recorded.decode::<E>()?.into_parts();
            Ok(Box::pin(E::SPLIT(event).handle(follower, envelope, context)))
        })
    };
}
