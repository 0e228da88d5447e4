//! Workflows: aggregates that follow others and tell them what to do next.

mod plan;
mod step;
mod timers;

pub use plan::Plan;
pub(crate) use timers::run_timers;

use crate::aggregate::Aggregate;
use crate::event::Event;
use crate::follow::{Follower, Handled, On};
use crate::reaction::Effects;
use crate::recorded::Recorded;

/// An aggregate that follows others, its own kind perhaps among them: a process manager. Written by
/// `#[derive(Workflow)]`.
///
/// Its state is folded from events of its own, as any aggregate's. For each event that it follows it says
/// [which workflow](When::correlate) that belongs to, and [what is to be done](When::when): events of its own,
/// commands to other aggregates, timers. After a crash all of it is done again under the same ids, and so once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a workflow",
    label = "expected a type that derives `Workflow`",
    note = "add `#[derive(Aggregate, Workflow)]` and `#[workflow(follows(Order), ...)]` to `{Self}`"
)]
pub trait Workflow: Aggregate + Follower<Context = Effects> {}

/// What a workflow does when `E` has happened.
#[diagnostic::on_unimplemented(
    message = "workflow `{Self}` does not say what it does when `{E}` has happened",
    label = "missing `impl When<{E}> for {Self}`",
    note = "write the impl, or name the event in `ignore({E})`"
)]
pub trait When<E: Event>: Workflow {
    /// Whether the event is named in `ignore(...)`.
    #[doc(hidden)]
    const IS_IGNORED: bool = false;

    /// The workflow that the event belongs to; none for an event that concerns none.
    fn correlate(event: &Recorded<E>) -> Option<Self::Id>;

    /// What is to be done, in view of the workflow's state. It only plans, so it can be tested without a store, and
    /// must plan the same when it is asked again.
    fn when(&self, event: &Recorded<E>, plan: &mut Plan<Self>);
}

#[diagnostic::do_not_recommend]
impl<W: When<E>, E: Event> On<E> for W {
    const IS_IGNORED: bool = <W as When<E>>::IS_IGNORED;

    async fn on(&self, event: &Recorded<E>, effects: &mut Effects) -> Handled {
        match W::correlate(event) {
            Some(id) => step::take::<W, E>(&id, event, effects).await,
            None => Ok(()),
        }
    }
}
