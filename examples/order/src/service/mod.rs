//! What both programs need to speak HTTP. It knows neither orders nor payments.
//!
//! A request that changes something has an [idempotency key](Caller), so that it may be sent again; it carries its
//! [trace](TraceContext) into the events; and what goes wrong is answered with a [`Problem`].

mod caller;
mod extract;
mod logging;
mod problem;
mod retrying;
mod server;
mod trace;

pub use caller::{Caller, Done};
pub use extract::{Asked, Id, Posted};
pub use logging::start_logging;
pub use problem::Problem;
pub use retrying::{REACTIONS, retry_parked};
pub use server::{Server, Stopping};
pub use trace::{TraceContext, in_span, span_of};
