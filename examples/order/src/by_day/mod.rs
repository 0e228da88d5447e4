//! The read model: how many orders there are, by the day on which they were placed and their status.

mod day;
mod projection;

pub use day::{Day, NotADay};
pub use projection::{OrdersByDay, name_of};
