//! What a reaction acts with.

use crate::aggregate::Aggregate;
use crate::command::Command;
use crate::follow::Context;
use crate::id::{CommitId, EventId};
use crate::metadata::Metadata;
use crate::recorded::Recorded;
use crate::store::Store;

/// The way to the outside that only a reaction has, and what makes it safe to go there twice.
///
/// After a crash an event is reacted to again. What is done under the same key is to be done once: commands to
/// aggregates are, by their commit ids; a call to the outside is, where the other side takes an idempotency key.
///
/// ```
/// # use es_runtime::prelude::*;
/// use es_runtime::{Effects, Handled};
/// # #[event("order.cancelled")]
/// # pub struct OrderCancelled {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderCancelled))]
/// # pub struct Order {}
/// # impl Apply<OrderCancelled> for Order { fn apply(&mut self, _: &OrderCancelled) {} }
/// # impl Order {
/// #     fn cancel(&self) -> Result<OrderCancelled, std::fmt::Error> { Ok(OrderCancelled {}) }
/// # }
///
/// async fn cancel(order: String, effects: &Effects) -> Handled {
///     effects.command::<Order>(&order, "cancel").execute(Order::cancel).await?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Effects {
    store: Store,
    /// What all keys of one follower are derived from.
    follower: CommitId,
    key: CommitId,
    event: EventId,
    metadata: Metadata,
    attempt: u32,
}

impl Effects {
    /// For what `follower` does because of `event`, for the `attempt`th time in this program.
    pub(crate) fn of<E>(store: Store, follower: &str, event: &Recorded<E>, attempt: u32) -> Self {
        let follower = CommitId::derive(&CommitId::ROOT, follower);
        Self {
            store,
            follower,
            key: key_of_event(&follower, event.id()),
            event: event.id(),
            metadata: caused_by(event),
            attempt,
        }
    }

    /// The store, to give commands to its aggregates.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The same whenever this event is reacted to, and different for every other event and reaction: what makes
    /// a call to the outside one call, where the other side can be told a key.
    pub const fn idempotency_key(&self) -> CommitId {
        self.key
    }

    /// The id of a commit, or the key of a call, for one of several things that are done because of this event.
    pub fn key_of(&self, what: &str) -> CommitId {
        CommitId::derive(&self.key, what)
    }

    /// A command to an aggregate, which is done once however often this event is reacted to: it has the commit id
    /// [`key_of`](Self::key_of)`(what)` and the [metadata](Self::metadata) of what this event caused.
    pub fn command<A: Aggregate>(&self, id: &A::Id, what: &str) -> Command<A> {
        let command = self.store.repository::<A>().command(id);
        command.commit_id(self.key_of(what)).metadata(self.metadata.clone())
    }

    /// The metadata of what this event causes: of the same conversation, for the same tenant, in the same trace,
    /// and caused by this event.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The event that is reacted to; the part, where it is one of several that are read in the place of a stored one.
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// 1 where this program has not tried before. Another may have, and crashed.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
}

impl Context for Effects {
    fn turn_to(&mut self, part: EventId) {
        self.event = part;
        self.key = key_of_event(&self.follower, part);
    }
}

fn key_of_event(follower: &CommitId, event: EventId) -> CommitId {
    CommitId::derive(follower, &event.to_string())
}

/// The correlation id is passed on; where there is none, the first event of the conversation is named by its own.
fn caused_by<E>(event: &Recorded<E>) -> Metadata {
    let (cause, of) = (event.id().to_string(), event.metadata());
    let correlation = of.correlation_id().unwrap_or(&cause).to_owned();
    let mut metadata = Metadata::new().with_correlation_id(correlation).with_causation_id(cause);
    if let Some(tenant) = of.tenant() {
        metadata = metadata.with_tenant(tenant);
    }
    if let Some(parent) = of.traceparent() {
        metadata = metadata.with_trace_context(parent, of.tracestate().map(ToOwned::to_owned));
    }
    metadata
}
