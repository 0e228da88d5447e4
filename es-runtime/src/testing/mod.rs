//! What tests of aggregates and of adapters are written with.
//!
//! Behind the feature `testing`, which belongs in `[dev-dependencies]`:
//!
//! ```toml
//! [dev-dependencies]
//! es-runtime = { git = "…", features = ["testing"] }
//! ```
//!
//! # Decisions
//!
//! [`given`] these events, `when` this is decided, `then` that happens or is refused. Events are compared as they
//! would be stored, so they need neither `PartialEq` nor `Debug`.
//!
//! ```
//! # use es_runtime::prelude::*;
//! # #[event("order.paid")]
//! # pub struct OrderPaid {}
//! # #[derive(Aggregate, Default)]
//! # #[aggregate("order", id = String, events(OrderPaid))]
//! # pub struct Order { is_paid: bool }
//! # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) { self.is_paid = true; } }
//! # impl Order {
//! #     pub fn pay(&self) -> Result<OrderPaid, &'static str> {
//! #         if self.is_paid { Err("already paid") } else { Ok(OrderPaid {}) }
//! #     }
//! # }
//! use es_runtime::testing::given;
//!
//! given::<Order>(())
//!     .when(|order| order.pay())
//!     .then(OrderPaid {})
//!     .and_when(|order| order.pay())
//!     .then_refused("already paid");
//! ```
//!
//! A test that fails shows what was given, decided and wanted, and the difference line by line:
//!
//! ```text
//! given:
//!     account.opened v1 { "owner": "Ada" }
//! decided:
//!     account.deposited v1 { "amount": 5 }
//! wanted:
//!     account.deposited v1 { "amount": 2 }
//! difference (- wanted, + decided):
//!     account.deposited v1
//!     {
//!   -   "amount": 2
//!   +   "amount": 5
//!     }
//! ```
//!
//! # What every aggregate should keep to
//!
//! A line makes the tests: stored events add up to the state that they led to when they were new, so they do from a
//! snapshot, and what is written is read as it was. See [`properties!`](macro@properties).
//!
//! ```
//! # use es_runtime::prelude::*;
//! # #[event("order.paid")]
//! # pub struct OrderPaid {}
//! # #[derive(Aggregate, Default, Debug, PartialEq)]
//! # #[aggregate("order", id = String, events(OrderPaid))]
//! # pub struct Order {}
//! # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
//! es_runtime::testing::properties!(order_properties: Order, samples = [OrderPaid {}]);
//! # fn main() {}
//! ```
//!
//! # Time and ids
//!
//! A [`ManualClock`] goes when it is told to; [`SeededEntropy`] and [`SequentialIds`] give the same ids each time.
//!
//! # Stores that fail
//!
//! [`Faulty`] wraps any adapter and fails as its [`Faults`] say: the next commits, the nth, or by chance from a
//! seed. It counts calls, and holds them until a test lets them go on.
//!
//! # Adapters
//!
//! [`conformance!`](macro@conformance) makes a test of every promise of [`Adapter`](crate::Adapter), for anybody's.

#[path = "properties/mod.rs"]
#[doc(hidden)]
pub mod __properties;
mod clock;
pub mod conformance;
mod diff;
mod entropy;
mod faults;
mod given;
mod json;
mod shown;

pub use self::clock::ManualClock;
pub use self::entropy::{SeededEntropy, SequentialIds};
pub use self::faults::{Calls, Chaos, ChaosGuard, Fate, Faults, Faulty, Hold};
pub use self::given::{Given, Then, When, given};
#[doc(inline)]
pub use crate::__conformance as conformance;
#[doc(inline)]
pub use crate::__properties as properties;
