//! What a user of the SQLite store relies on when the machine below it does not do its part.
//!
//! Those that need root mount file systems of their own and fail system calls of a writer; they run by
//! `tests/run --faults`. Each says how many commits it checked.
#![cfg(target_os = "linux")]

mod failing;
mod full;
mod machine;
mod power;
mod processes;
mod read_only;
mod slow;
mod writer;

use std::io::Write;
use std::path::Path;

/// The levels a SQLite store can be opened at, as its URL says them.
const LEVELS: [&str; 2] = ["fsync", "process-crash"];

/// A store in `folder`, at this level of durability.
fn url(folder: &Path, durability: &str) -> String {
    format!("sqlite:{}?durability={durability}", folder.join("tally.db").display())
}

/// Says what was checked, whether the test passes or not.
fn say(what: impl std::fmt::Display) {
    // Not by `println!`, which the test harness keeps to itself.
    let _ = writeln!(std::io::stdout(), "\n    {what}");
}
