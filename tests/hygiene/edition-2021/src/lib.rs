//! The macros in a crate of edition 2021, with the prelude and the usual imports.
#![forbid(unsafe_code)]
#![deny(warnings, clippy::all, clippy::pedantic, clippy::nursery)]

#[doc(hidden)]
pub use es_runtime;
use es_runtime::prelude::*;

/// The first shape.
#[event("order.placed")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedV1 {
    /// A keyword from edition 2024 on.
    pub gen: u32,
}

/// The second shape.
#[event("order.placed", version = 2, from = PlacedV1)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// A keyword from edition 2024 on.
    pub gen: u32,
    /// New in this shape.
    #[serde(default)]
    pub note: Option<String>,
}

impl From<PlacedV1> for Placed {
    fn from(old: PlacedV1) -> Self {
        Self { gen: old.gen, note: None }
    }
}

/// The state.
#[derive(Aggregate, Default, Debug)]
#[aggregate("order", id = String, events(Placed))]
pub struct Order {
    /// A keyword from edition 2024 on.
    pub gen: u32,
}

impl Apply<Placed> for Order {
    fn apply(&mut self, event: &Placed) {
        self.gen = event.gen;
    }
}

/// A read model.
#[derive(Projection, Debug)]
#[projection("orders", follows(Order))]
pub struct Orders;

impl On<Placed> for Orders {
    async fn on(&self, _: &Recorded<Placed>, _: &mut Sql) -> Handled {
        Ok(())
    }
}

/// What is done because of it.
#[derive(Reaction, Debug)]
#[reaction("greet", follows(Order), ignore(Placed))]
pub struct Greet;

/// Makes events in crates that do not know the runtime.
#[macro_export]
macro_rules! signal {
    ($(#[$meta:meta])* $name:ident, $stored:literal) => {
        $(#[$meta])*
        #[$crate::es_runtime::event($stored, crate = $crate::es_runtime)]
        #[derive(Debug)]
        pub struct $name {}
    };
}
