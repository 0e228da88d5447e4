//! What the macros write, in surroundings as hostile as Rust allows: no prelude, every lint an error,
//! the runtime under other names, local items with the names that generated code might be after.
//!
//! That it compiles is the test; what it does is tested in `tests/`.
#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    unused_results,
    single_use_lifetimes,
    elided_lifetimes_in_paths,
    trivial_casts,
    let_underscore_drop,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]

pub mod bodies;
pub mod foreign;
pub mod hostile;
pub mod made;
pub mod primitives;
pub mod serde_by_hand;
pub mod words;

pub use ::framework as facade;

/// Where a company might keep its frameworks.
pub mod nested {
    pub use ::framework as es;
}
