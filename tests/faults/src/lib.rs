//! What a store still holds after a fault: numbered commits, what their writer was told about each, a reader
//! that follows them, a projection that counts them, and the check of a store against all that.
//!
//! The tests run the programs `writer` and `follower` of this package and do something bad to them, or to the server,
//! the disk or the network that they need.

mod counts;
mod ledger;
mod numbered;
mod report;
mod tail;

pub use counts::{Counts, Folded, Ownership, expect_folded, handled_by, ownership};
pub use ledger::{Checked, Ledger, Loss};
pub use numbered::{Counted, Numbered, Tally};
pub use report::{Failure, Line, Report};
pub use tail::{Seen, Tail};
