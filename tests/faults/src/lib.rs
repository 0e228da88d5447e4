//! What a store still holds after a fault: numbered commits, what their writer was told about each, and the
//! check of a store against that.
//!
//! The tests run the program `writer` of this package and do something bad to it or to the disk below it.

mod ledger;
mod numbered;
mod report;

pub use ledger::{Checked, Ledger, Loss};
pub use numbered::{Counted, Numbered, Tally};
pub use report::{Failure, Line, Report};
