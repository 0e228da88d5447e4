//! What is asked of the read model over HTTP.

mod live;
mod question;

pub(super) use live::{Live, live};
pub(super) use question::summary;
