//! Handlers that write elsewhere: they are called, and then the checkpoint is written. At least once.

use super::engine::{Delivered, Engine, EngineError, Note, Portion, handle};
use super::lease::{Moved, move_register};
use crate::follow::Follower;
use crate::recorded::Recorded;
use crate::store::Store;
use std::sync::Arc;

/// Calls handlers with the context that `context` makes for an event and the number of the attempt.
pub(crate) struct Direct<C> {
    pub(crate) store: Store,
    pub(crate) context: C,
}

impl<F, C> Engine<F> for Direct<C>
where
    F: Follower,
    C: Fn(&Recorded, u32) -> F::Context + Send + Sync + 'static,
{
    async fn deliver(
        &self,
        follower: &Arc<F>,
        portion: Portion,
        note: Note,
    ) -> Result<Delivered, EngineError> {
        for (at, event) in portion.due() {
            let mut context = (self.context)(event, portion.attempt);
            let Err(failure) = handle(&**follower, event, &mut context, &portion).await else { continue };
            let kept = match at == portion.range.start {
                true => None,
                false => match move_register(&self.store, &note, at).await? {
                    Moved::To(revision) => Some(revision),
                    Moved::Stale => return Ok(Delivered::Stale),
                },
            };
            return Ok(Delivered::Failed { at, kept, failure });
        }
        Ok(match move_register(&self.store, &note, portion.range.end).await? {
            Moved::To(revision) => Delivered::Done { until: portion.range.end, revision },
            Moved::Stale => Delivered::Stale,
        })
    }
}
