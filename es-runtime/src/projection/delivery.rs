//! How often an event is handled, as types.

use crate::follow::Context;
use crate::sql::Sql;

/// How often each event is handled, and what a handler is given with it.
pub trait Delivery: sealed::Sealed + Send + Sync + 'static {
    /// What a handler is given beside the event.
    type Context: Context;
}

/// Each event is handled exactly once: what the handler writes is committed together with the note of how far the
/// projection has come. Only on a store with SQL, in its own database.
#[derive(Debug, Clone, Copy)]
pub enum ExactlyOnce {}

/// Each event is handled at least once, and again after a crash: the handler writes elsewhere, and must do so in a
/// way that may be repeated.
#[derive(Debug, Clone, Copy)]
pub enum AtLeastOnce {}

impl Delivery for ExactlyOnce {
    type Context = Sql;
}

impl Delivery for AtLeastOnce {
    type Context = Attempt;
}

/// What is known of the handling of an event that may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    number: u32,
}

impl Attempt {
    pub(crate) const fn new(number: u32) -> Self {
        Self { number }
    }

    /// 1 where the event was not tried before by this program. Another may have, and crashed.
    pub const fn number(self) -> u32 {
        self.number
    }
}

impl Context for Attempt {}

impl Context for Sql {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::ExactlyOnce {}
    impl Sealed for super::AtLeastOnce {}
}
