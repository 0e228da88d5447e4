//! What became of an event: it happens today, or it only did once.

use crate::aggregate::Aggregate;
use crate::schema::EventSchema;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It happens today.
    Current,
    /// Others happen in its place: `#[event("..", into(A, B))]`. A stored one is read as those.
    Replaced,
    /// Nothing happens in its place, for this reason: `#[event("..", retired = "why")]`. A stored one is passed over.
    Retired(&'static str),
}

impl Fate {
    /// Whether it only happened once, so that it cannot be raised any more.
    pub const fn is_past(self) -> bool {
        !matches!(self, Self::Current)
    }

    /// Why nothing happens in its place, where that is so.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Retired(reason) => Some(reason),
            Self::Current | Self::Replaced => None,
        }
    }
}

/// How many events `A` knows, of today and of the past.
pub(crate) const fn count<A: Aggregate>() -> usize {
    A::EVENTS.len() + A::PAST.len()
}

/// The events that `A` knows, those of today first.
pub(crate) const fn known<A: Aggregate>(position: usize) -> &'static EventSchema {
    if position < A::EVENTS.len() {
        A::EVENTS[position].schema()
    } else {
        A::PAST[position - A::EVENTS.len()].schema()
    }
}
