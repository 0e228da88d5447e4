//! Events of another crate, and events made by the macro of another crate.

use crate::facade::{Aggregate, Apply, Effects, Handled, On, Projection, Reaction, Recorded};
use ::hygiene_2021::Placed;
use ::std::result::Result::Ok;

::hygiene_2021::signal!(/** Seen. */ Seen, "foreign.seen");

/// The state.
#[derive(Debug, Default, Aggregate)]
#[aggregate("foreign", id = u64, events(::hygiene_2021::Placed, Seen), crate = crate::facade)]
pub struct Foreign {
    /// A keyword from edition 2024 on, where the event is from 2021.
    pub r#gen: u32,
}

impl Apply<Placed> for Foreign {
    fn apply(&mut self, event: &Placed) {
        self.r#gen = event.r#gen;
    }
}

impl Apply<Seen> for Foreign {
    fn apply(&mut self, _: &Seen) {}
}

/// A read model of an aggregate of another crate.
#[derive(Debug, Projection)]
#[projection(
    "foreign",
    follows(Foreign, ::hygiene_2021::Order),
    ignore(::hygiene_2021::Placed, Seen),
    crate = crate::facade
)]
pub struct All;

/// What is done because of it.
#[derive(Debug, Reaction)]
#[reaction("foreign", follows(::hygiene_2021::Order), crate = crate::facade)]
pub struct Act;

impl On<Placed> for Act {
    async fn on(&self, _: &Recorded<Placed>, _: &mut Effects) -> Handled {
        Ok(())
    }
}
