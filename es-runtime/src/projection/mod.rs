//! Projections: read models, folded from the events of several aggregates.

mod all;
mod builds;
mod delivers;
mod delivery;
mod projector;
mod read_model;
mod running;
mod status;

pub use all::Projections;
pub use builds::{Build, BuildState};
pub(crate) use builds::{Builds, key as register_of, prefix, read as builds_of};
pub(crate) use delivers::{Delivers, LONGEST_NAME};
pub use delivery::{AtLeastOnce, Attempt, Delivery, ExactlyOnce};
pub use projector::Projector;
pub use read_model::ReadModel;
pub use running::Running;
pub use status::{Progress, Status};

use crate::follow::{Follower, Handled};
use crate::sql::Sql;

/// A read model and how it is kept up to date. Written by `#[derive(Projection)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "expected a type that derives `Projection`",
    note = "add `#[derive(Projection)]` and `#[projection(\"name\", follows(Order), ...)]` to `{Self}`"
)]
pub trait Projection: Follower {
    /// Raised when what it keeps changes: it is built anew then, beside the old one.
    const VERSION: u32 = 1;
    /// How often each event is handled: [`ExactlyOnce`] or [`AtLeastOnce`].
    type Delivery: Delivery;
}

/// The tables of a projection that sees each event exactly once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which tables it keeps",
    label = "missing `impl Tables for {Self}`",
    note = "a projection that sees each event exactly once writes tables: make them in `create`, or say \
            `delivery = AtLeastOnce` if it writes elsewhere"
)]
pub trait Tables: Projection<Delivery = ExactlyOnce> {
    /// Makes them, in a new build of the projection. Each is named by [`Sql::table`].
    ///
    /// # Errors
    ///
    /// When that fails; the projection does not start then.
    fn create(&self, sql: &mut Sql) -> impl Future<Output = Handled> + Send;
}
