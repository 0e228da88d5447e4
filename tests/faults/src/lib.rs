//! What a store still holds after a fault: numbered commits, what their writer was told about each, a reader
//! that follows them, and the check of a store against all that.
//!
//! The tests run the program `writer` of this package and do something bad to it, or to the server, the disk or
//! the network that it needs.

mod ledger;
mod numbered;
mod report;
mod tail;

pub use ledger::{Checked, Ledger, Loss};
pub use numbered::{Counted, Numbered, Tally};
pub use report::{Failure, Line, Report};
pub use tail::{Seen, Tail};
