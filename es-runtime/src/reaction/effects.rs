//! What a reaction acts with.

use crate::store::Store;

/// The way to the outside that only a reaction has.
#[derive(Debug)]
pub struct Effects {
    store: Store,
}

impl Effects {
    /// The store, to give commands to its aggregates.
    pub const fn store(&self) -> &Store {
        &self.store
    }
}
