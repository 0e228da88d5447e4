//! What a user of a store relies on when the machine below it, its server or the network do not do their part.
//!
//! Those that need root mount file systems of their own and fail system calls; those that take long are a
//! minute in all. Both run by `tests/run --faults`. Each says how many commits it checked.
#![cfg(target_os = "linux")]

mod clock;
mod follower;
mod machine;
mod postgres;
mod projections;
mod sqlite;
mod tracer;
mod writer;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::Write;
use std::time::Duration;

/// Says what was checked, whether the test passes or not.
fn say(what: impl std::fmt::Display) {
    // Not by `println!`, which the test harness keeps to itself.
    let _ = writeln!(std::io::stdout(), "\n    {what}");
}

/// A wait of up to so many milliseconds, by chance.
fn moment(longest: u64) -> Duration {
    Duration::from_micros(RandomState::new().hash_one(0) % (longest * 1000))
}
