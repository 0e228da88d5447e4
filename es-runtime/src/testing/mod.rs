//! What tests of aggregates and of adapters are written with.

pub mod conformance;

#[doc(inline)]
pub use crate::__conformance as conformance;
