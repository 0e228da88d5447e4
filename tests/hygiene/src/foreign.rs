//! Events of another crate, and events made by the macro of another crate.

use crate::facade::{Aggregate, Apply};
use ::hygiene_2021::Placed;

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
