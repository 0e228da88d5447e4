//! Reactions: what is done in the world because something happened. At least once, and never during a rebuild.

mod effects;
mod reactor;
mod running;

pub use effects::Effects;
pub use reactor::{Reactor, StartAt};
pub use running::Reacting;

use crate::follow::Follower;

/// Turns events into commands or calls to the outside. Written by `#[derive(Reaction)]`.
///
/// It has no version and is never built anew: what it did is done.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a reaction",
    label = "expected a type that derives `Reaction`",
    note = "add `#[derive(Reaction)]` and `#[reaction(\"name\", follows(Order), ...)]` to `{Self}`"
)]
pub trait Reaction: Follower<Context = Effects> {}
