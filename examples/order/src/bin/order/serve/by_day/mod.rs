//! The read model: how many orders there are, by the day on which they were placed and their status.

mod day;
mod live;
mod projection;
mod question;

pub(super) use live::{Live, live};
pub(crate) use projection::OrdersByDay;
pub(super) use question::summary;
