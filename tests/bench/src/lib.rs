//! What the benches share: a small domain, the same work by hand, and how it is measured.
//!
//! Each bench runs what it compares in turn, in many short rounds, and shows the median of the rounds, so
//! that a busy machine slows both sides alike.

pub mod by_hand;
pub mod cart;
pub mod long_log;
pub mod measure;
pub mod other_process;
pub mod report;

/// What ends a bench early.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
