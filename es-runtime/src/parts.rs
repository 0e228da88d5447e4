//! What a stored event is read as where several happen in its place.

use crate::aggregate::EventOf;
use crate::event::Event;
use crate::follow::{Context, Covers, Follower, Handled};
use crate::recorded::{Envelope, Recorded};
use crate::schema::Origin;
use std::any::Any;
use std::sync::Arc;

/// An event that is read in the place of another; in an `Option` one that perhaps happened, in a `Vec` one that
/// happened several times.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an event nor an `Option` or a `Vec` of one",
    label = "expected a type marked with `#[event]`"
)]
pub trait Part: Send + Sized + 'static {
    /// The event.
    type Event: Event;
    #[doc(hidden)]
    fn into_events(self) -> impl Iterator<Item = Self::Event> + Send;
}

#[diagnostic::do_not_recommend]
impl<E: Event> Part for E {
    type Event = E;

    fn into_events(self) -> impl Iterator<Item = E> + Send {
        std::iter::once(self)
    }
}

#[diagnostic::do_not_recommend]
impl<E: Event> Part for Option<E> {
    type Event = E;

    fn into_events(self) -> impl Iterator<Item = E> + Send {
        self.into_iter()
    }
}

#[diagnostic::do_not_recommend]
impl<E: Event> Part for Vec<E> {
    type Event = E;

    fn into_events(self) -> impl Iterator<Item = E> + Send {
        self.into_iter()
    }
}

/// All that is read in the place of an event: a tuple of up to eight [`Part`]s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read in the place of an event",
    label = "expected up to eight events, each perhaps in an `Option` or a `Vec`"
)]
pub trait Parts: Send + Sized + 'static {
    /// Where the types of its events are defined.
    #[doc(hidden)]
    const EVENTS: &'static [Origin];

    /// Those of them that are of type `E`, each with its number.
    #[doc(hidden)]
    fn select<E: Event>(self, selected: &mut Vec<(u32, E)>);

    /// The name of each, and what it is in JSON.
    #[cfg(feature = "schema")]
    #[doc(hidden)]
    fn written(self) -> Result<Vec<(&'static str, serde_json::Value)>, serde_json::Error>;
}

/// Parts that are all events of aggregate `A`.
#[doc(hidden)]
pub trait PartsOf<A>: Parts {
    /// Changes the state by each of them, in order.
    fn apply(self, state: &mut A);
}

/// Parts that `F` handles or ignores.
#[doc(hidden)]
pub trait PartsFor<F: Follower>: Parts {
    /// Whether it ignores all of them.
    const IS_IGNORED: bool;

    /// Handles each of them, in order, up to the first that fails.
    fn handle<'a>(
        self,
        follower: &'a F,
        envelope: Arc<Envelope>,
        context: &'a mut F::Context,
    ) -> impl Future<Output = Handled> + Send + 'a;
}

macro_rules! tuples {
    ($($($part:ident)*;)*) => { $(
        #[allow(non_snake_case, unused_variables, unused_mut, reason = "the names of the types serve as names of the parts")]
        impl<$($part: Part),*> Parts for ($($part,)*) {
            const EVENTS: &'static [Origin] = &[$(<$part::Event as Event>::ORIGIN),*];

            fn select<E: Event>(self, selected: &mut Vec<(u32, E)>) {
                let ($($part,)*) = self;
                let mut number = 0;
                $(select($part, &mut number, selected);)*
            }

            #[cfg(feature = "schema")]
            fn written(self) -> Result<Vec<(&'static str, serde_json::Value)>, serde_json::Error> {
                let ($($part,)*) = self;
                let mut written = Vec::new();
                $(for event in $part.into_events() {
                    written.push((<$part::Event as Event>::NAME, serde_json::to_value(&event)?));
                })*
                Ok(written)
            }
        }

        #[allow(non_snake_case, unused_variables, reason = "the names of the types serve as names of the parts")]
        impl<A, $($part: Part<Event: EventOf<A>>),*> PartsOf<A> for ($($part,)*) {
            fn apply(self, state: &mut A) {
                let ($($part,)*) = self;
                $(apply($part, state);)*
            }
        }

        #[allow(non_snake_case, unused_variables, unused_mut, reason = "the names of the types serve as names of the parts")]
        impl<F: Follower $(+ Covers<$part::Event>)*, $($part: Part),*> PartsFor<F> for ($($part,)*) {
            const IS_IGNORED: bool = true $(&& <F as Covers<$part::Event>>::ROW.is_ignored())*;

            async fn handle(self, follower: &F, envelope: Arc<Envelope>, context: &mut F::Context) -> Handled {
                let ($($part,)*) = self;
                let mut number = 0;
                $(handle($part, follower, &envelope, &mut number, context).await?;)*
                Ok(())
            }
        }
    )* };
}

tuples! {
    ;
    P1;
    P1 P2;
    P1 P2 P3;
    P1 P2 P3 P4;
    P1 P2 P3 P4 P5;
    P1 P2 P3 P4 P5 P6;
    P1 P2 P3 P4 P5 P6 P7;
    P1 P2 P3 P4 P5 P6 P7 P8;
}

fn apply<A, P: Part<Event: EventOf<A>>>(part: P, state: &mut A) {
    part.into_events().for_each(|event| <P::Event as EventOf<A>>::APPLY(state, &event));
}

/// Puts those of the events of one part that are of type `E` behind what is selected.
fn select<P: Part, E: Event>(part: P, number: &mut u32, selected: &mut Vec<(u32, E)>) {
    for event in part.into_events() {
        let mut event = Some(event);
        let event: &mut dyn Any = &mut event;
        let same = event.downcast_mut::<Option<E>>().and_then(Option::take);
        selected.extend(same.map(|event| (*number, event)));
        *number += 1;
    }
}

/// Handles the events of one part, which are the parts `number` and on of what is stored.
async fn handle<F: Covers<P::Event>, P: Part>(
    part: P,
    follower: &F,
    envelope: &Arc<Envelope>,
    number: &mut u32,
    context: &mut F::Context,
) -> Handled {
    for event in part.into_events() {
        let recorded = Recorded::part_of(Arc::clone(envelope), *number, event);
        context.turn_to(recorded.id());
        follower.cover(&recorded, context).await?;
        *number += 1;
    }
    Ok(())
}
