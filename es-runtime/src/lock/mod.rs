//! `events.lock`: what a program has stored, so that a change of an event is noticed before it is released. Behind
//! the feature `schema`.
//!
//! One line makes the test:
//!
//! ```no_run
//! // tests/events_lock.rs
//! es_runtime::events_lock!();
//! # fn main() {}
//! ```
//!
//! The first time, `ES_LOCK=accept cargo test` writes `events.lock` beside the workspace's `Cargo.toml`, and it is
//! committed with the code. It holds the name, the aliases and the shape of every version of every event that is
//! linked into the test, nested types included, with golden payloads: values of each version, and what they are read
//! as, through every conversion. It holds the events that each aggregate, projection, reaction and workflow takes,
//! and the state that an aggregate with snapshots has after the golden payloads.
//!
//! From then on the test compares the code with it:
//!
//! | change | the test |
//! | --- | --- |
//! | none | passes |
//! | allowed: everything that is stored can be read | fails until `ES_LOCK=accept cargo test` has recorded it |
//! | breaking | fails, and says which lines mend it |
//!
//! A change that is meant to break is recorded by `ES_LOCK=force ES_LOCK_REASON="why" cargo test`; the reason stays
//! in the file, with its date.
//!
//! Shapes are found through serde, and ask nothing of a type but `Deserialize`: the type is given what it asks for,
//! and the lock notes down what that was. Samples are needed where a type takes only values that cannot be guessed,
//! and where it describes itself (`tag`, `untagged`, `flatten`); the test says so.
//!
//! ```no_run
//! # use es_runtime::prelude::*;
//! # #[event("order.paid")] pub struct OrderPaid { iban: String }
//! # fn sample() -> OrderPaid { OrderPaid { iban: String::new() } }
//! es_runtime::events_lock!(samples = [OrderPaid { iban: "DE02120300000000202051".into() }]);
//! # fn main() {}
//! ```
//!
//! # Verdicts
//!
//! Each difference has a [`Verdict`]. They are never laxer than serde: where one says that old payloads are read, they
//! are. Some are stricter: a field that the type has lost is passed over by serde, and what it held is lost.

mod check;
mod compare;
mod explore;
mod file;
mod folding;
mod looked;
mod made;
mod path;
mod place;
mod probe;
mod repair;
mod samples;
#[cfg(test)]
mod tests;

pub use self::check::{Finding, LockError, Mode, Report, check};
pub use self::compare::Verdict;
#[doc(hidden)]
pub use self::samples::Sample;

pub(crate) use self::file::Lock;
pub(crate) use self::folding::Folding;
pub(crate) use self::made::{Code, Made};
pub(crate) use self::path::{Path, Step};
pub(crate) use self::place::{Kind, Place, Places, inside};
pub(crate) use self::probe::{Probe, Split, Unwritten, split};

/// The test that compares the events of a program with `events.lock`; see [`lock`](crate::lock).
///
/// In a file of its own, `tests/events_lock.rs` of the crate that all events are linked into: what other tests define
/// is not to be in the lock. `path = "..."` names another file, from the crate's directory.
///
/// ```no_run
/// es_runtime::events_lock!();
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! events_lock {
    ($(samples = [$($sample:expr),* $(,)?])? $(,)?) => {
        $crate::events_lock!(@ $crate::lock::__beside_workspace(::core::env!("CARGO_MANIFEST_DIR")), $($($sample),*)?);
    };
    (path = $path:literal $(, samples = [$($sample:expr),* $(,)?])? $(,)?) => {
        $crate::events_lock!(
            @ ::std::path::Path::new(::core::env!("CARGO_MANIFEST_DIR")).join($path),
            $($($sample),*)?
        );
    };
    (@ $path:expr, $($sample:expr),*) => {
        #[test]
        fn events_lock() {
            $crate::lock::__test(&$path, &[$($crate::lock::Sample::of(&$sample)),*]);
        }
    };
}

#[doc(hidden)]
pub use self::check::{__beside_workspace, __test};
