//! One step of a workflow: an event comes, and what was planned is done.

use super::plan::AnyDecision;
use super::{Plan, When, Workflow, timers};
use crate::aggregate::Aggregate;
use crate::decision::{Decision, Encoder};
use crate::event::Event;
use crate::follow::Handled;
use crate::format::EncodeError;
use crate::reaction::Effects;
use crate::recorded::Recorded;
use crate::root::Root;
use std::convert::Infallible;

/// Plans what `event` makes of the workflow with this id, and does it.
///
/// In this order: commands, timers, events. Each is known by the event and its place in the plan, so that the step can
/// be taken again from the start; the events come last, because with them the state changes, and with the state
/// the plan.
pub(super) async fn take<W: When<E>, E: Event>(
    id: &W::Id,
    event: &Recorded<E>,
    effects: &Effects,
) -> Handled {
    let (store, own) = (effects.store(), effects.key_of("workflow"));
    let workflows = store.repository::<W>();
    let stream = workflows.stream(id)?;
    // A timer that runs out meanwhile waits, so that the plan is made and carried out on one state.
    let _turn = store.turn(&stream).await;
    // What is stored last is stored: so all of it was done.
    if store.find_commit(own).await?.is_some() {
        return Ok(());
    }
    let mut root = workflows.load_stream(id, stream).await?;
    let mut plan = Plan::new();
    root.state().when(event, &mut plan);
    let Plan { mut raised, commands, timers } = plan;
    for (number, command) in commands.into_iter().enumerate() {
        let what = format!("{number} to {}", command.to);
        raised.extend((command.give)(effects, what).await?);
    }
    timers::change::<W>(root.stream(), event.recorded_at(), timers, effects).await?;
    store_events(&mut root, raised, effects).await
}

async fn store_events<W: Workflow>(
    root: &mut Root<W>,
    raised: Vec<AnyDecision<W>>,
    effects: &Effects,
) -> Handled {
    let (store, own) = (effects.store(), effects.key_of("workflow"));
    root.decide(|_| Ok::<_, Infallible>(Several(raised)))?;
    let metadata = store.share(effects.metadata().clone());
    if let Some(commit) = root.make_commit(|| own, metadata, store.now(), Vec::new()) {
        store.send(&commit, false).await?;
    }
    Ok(())
}

struct Several<A>(Vec<Box<dyn Decision<A> + Send + Sync>>);

impl<A: Aggregate> Decision<A> for Several<A> {
    fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        self.0.iter().try_for_each(|decision| decision.encode(encoder))
    }

    fn apply(&self, state: &mut A) {
        self.0.iter().for_each(|decision| decision.apply(state));
    }

    fn count(&self) -> usize {
        self.0.iter().map(|decision| decision.count()).sum()
    }
}
