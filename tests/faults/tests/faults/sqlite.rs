//! A store in a file, and the disk below it.

mod clocks;
mod failing;
mod full;
mod power;
mod processes;
mod read_only;
mod slow;

use std::path::Path;

/// The levels a SQLite store can be opened at, as its URL says them.
const LEVELS: [&str; 2] = ["fsync", "process-crash"];

/// A store in `folder`, at this level of durability.
fn url(folder: &Path, durability: &str) -> String {
    format!("sqlite:{}?durability={durability}", folder.join("tally.db").display())
}
