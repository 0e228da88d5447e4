//! Given what happened, when this is decided, then that happens: decisions tested without a store.

use super::shown::{Shown, differences, list};
use crate::aggregate::{Aggregate, replay};
use crate::decision::{Decision, Encoder, Raised};
use crate::event::Event;
use crate::format::{EncodeError, Encoded, Format};
use std::fmt::{Debug, Display};

/// The aggregate after `events`: one, a tuple, an array or a `Vec` of its events, or `()` for one to which
/// nothing has happened.
///
/// The events go the way of stored ones: they are encoded, decoded and applied.
///
/// ```
/// use es_runtime::prelude::*;
/// use es_runtime::testing::given;
///
/// # #[event("order.placed")]
/// # pub struct OrderPlaced { pub total: u64 }
/// # #[event("order.paid")]
/// # pub struct OrderPaid { pub amount: u64 }
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderPlaced, OrderPaid))]
/// # pub struct Order { left: u64 }
/// # impl Apply<OrderPlaced> for Order {
/// #     fn apply(&mut self, event: &OrderPlaced) { self.left = event.total; }
/// # }
/// # impl Apply<OrderPaid> for Order {
/// #     fn apply(&mut self, event: &OrderPaid) { self.left -= event.amount; }
/// # }
/// # #[derive(Debug, PartialEq)]
/// # pub enum Refusal { NothingToPay }
/// # impl Order {
/// #     fn pay(&self, amount: u64) -> Result<OrderPaid, Refusal> {
/// #         if amount > self.left { Err(Refusal::NothingToPay) } else { Ok(OrderPaid { amount }) }
/// #     }
/// # }
/// given::<Order>(OrderPlaced { total: 500 })
///     .when(|order| order.pay(500))
///     .then(OrderPaid { amount: 500 })
///     .then_state(|order| assert_eq!(order.left, 0))
///     .and_when(|order| order.pay(1))
///     .then_refused(Refusal::NothingToPay);
/// ```
///
/// # Panics
///
/// When an event cannot be written, or cannot be read again.
#[track_caller]
pub fn given<A: Aggregate>(events: impl Decision<A>) -> Given<A> {
    Given { history: History::default() }.and(events)
}

/// What happened to an aggregate before something is decided: see [`given`].
#[must_use = "nothing is tested before `then`"]
pub struct Given<A> {
    history: History<A>,
}

impl<A: Aggregate> Given<A> {
    /// And after that these events.
    ///
    /// # Panics
    ///
    /// When an event cannot be written, or cannot be read again.
    #[track_caller]
    pub fn and(mut self, events: impl Decision<A>) -> Self {
        expect(encode(&events).map_err(text).and_then(|raised| self.history.extend(&raised)));
        self
    }

    /// And after that an event as it was stored in an older version, which is read through its upcasts.
    ///
    /// ```
    /// # use es_runtime::prelude::*;
    /// # use es_runtime::testing::given;
    /// # #[event("order.placed")]
    /// # pub struct OrderPlacedV1 { pub total_euros: u64 }
    /// # #[event("order.placed", version = 2, from = OrderPlacedV1)]
    /// # pub struct OrderPlaced { pub total_cents: u64 }
    /// # impl From<OrderPlacedV1> for OrderPlaced {
    /// #     fn from(old: OrderPlacedV1) -> Self { Self { total_cents: old.total_euros * 100 } }
    /// # }
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("order", id = String, events(OrderPlaced))]
    /// # pub struct Order { total_cents: u64 }
    /// # impl Apply<OrderPlaced> for Order {
    /// #     fn apply(&mut self, event: &OrderPlaced) { self.total_cents = event.total_cents; }
    /// # }
    /// given::<Order>(())
    ///     .and_recorded(OrderPlacedV1 { total_euros: 5 })
    ///     .then_state(|order| assert_eq!(order.total_cents, 500));
    /// ```
    ///
    /// # Panics
    ///
    /// When the aggregate has no event of this name, or the event cannot be written or read again.
    #[track_caller]
    pub fn and_recorded<E: Event>(mut self, event: E) -> Self {
        let payload = crate::format::encode(Format::Json, &event).map_err(text);
        expect(payload.and_then(|payload| self.history.replay(E::NAME, E::VERSION, &payload)));
        self
    }

    /// And after that an event as it is stored: its name, the version of its shape and its payload as JSON, a
    /// text or what `json!` makes. For versions whose type is gone, and for what other programs wrote.
    ///
    /// ```
    /// # use es_runtime::prelude::*;
    /// # use es_runtime::testing::given;
    /// # #[event("order.settled", alias = "order.paid")]
    /// # pub struct Settled { pub amount: u64 }
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("order", id = String, events(Settled))]
    /// # pub struct Order { paid: u64 }
    /// # impl Apply<Settled> for Order { fn apply(&mut self, event: &Settled) { self.paid += event.amount; } }
    /// given::<Order>(())
    ///     .and_stored("order.paid", 1, r#"{ "amount": 500, "a field": "that nobody reads" }"#)
    ///     .then_state(|order| assert_eq!(order.paid, 500));
    /// ```
    ///
    /// # Panics
    ///
    /// When the aggregate has no event of this name, or it cannot be read.
    #[track_caller]
    pub fn and_stored(mut self, name: &str, version: u16, payload: impl Display) -> Self {
        let payload = Encoded::new(Format::Json, payload.to_string().as_bytes());
        expect(self.history.replay(name, version, &payload));
        self
    }

    /// Decides. The answer is that of the decision's method: events, or a refusal.
    ///
    /// # Panics
    ///
    /// When an event that was decided cannot be written, or cannot be read again.
    #[track_caller]
    pub fn when<D: Decision<A>, X: Debug>(self, decide: impl FnOnce(&A) -> Result<D, X>) -> When<A, X> {
        self.history.when(decide)
    }

    /// Looks at the state, before anything is decided.
    pub fn then_state(self, look: impl FnOnce(&A)) -> Then<A> {
        Then { history: self.history }.then_state(look)
    }
}

/// What was decided: see [`given`].
#[must_use = "nothing is tested before `then`"]
pub struct When<A, X> {
    history: History<A>,
    outcome: Result<Vec<Raised>, X>,
}

impl<A: Aggregate, X: Debug> When<A, X> {
    /// These events were decided, these only and in this order. They are compared as they would be stored.
    ///
    /// # Panics
    ///
    /// When something else was decided.
    #[track_caller]
    pub fn then(self, events: impl Decision<A>) -> Then<A> {
        expect(self.compare(&events));
        self.go_on()
    }

    /// It was accepted, and nothing happened.
    ///
    /// # Panics
    ///
    /// When events were decided, or it was refused.
    #[track_caller]
    pub fn then_nothing(self) -> Then<A> {
        expect(self.compare(&()));
        self.go_on()
    }

    /// It was accepted; `look` says whether the events are right. For events of which a test cannot know
    /// everything, such as a fresh id: [`Raised::decode`] gives the event.
    ///
    /// # Panics
    ///
    /// When it was refused.
    #[track_caller]
    pub fn then_events(self, look: impl FnOnce(&[Raised])) -> Then<A> {
        match &self.outcome {
            Ok(raised) => look(raised),
            Err(_) => expect(Err(self.report("wanted: some events\n"))),
        }
        self.go_on()
    }

    /// It was refused, for this reason.
    ///
    /// # Panics
    ///
    /// When it was accepted, or refused for another reason.
    #[track_caller]
    pub fn then_refused(self, reason: X) -> Then<A>
    where
        X: PartialEq,
    {
        let is_so = self.outcome.as_ref().is_err_and(|refusal| *refusal == reason);
        expect(is_so.then_some(()).ok_or_else(|| self.report(&format!("wanted: a refusal: {reason:?}\n"))));
        self.go_on()
    }

    /// It was refused, for a reason of which `is_right` says whether it is the right one.
    ///
    /// # Panics
    ///
    /// When it was accepted, or refused for another reason.
    #[track_caller]
    pub fn then_refused_with(self, is_right: impl FnOnce(&X) -> bool) -> Then<A> {
        let is_so = self.outcome.as_ref().is_err_and(is_right);
        expect(is_so.then_some(()).ok_or_else(|| self.report("wanted: another refusal\n")));
        self.go_on()
    }

    /// What was decided, for what has no word here.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn into_outcome(self) -> Result<Vec<Raised>, X> {
        self.outcome
    }

    fn compare(&self, events: &impl Decision<A>) -> Result<(), String> {
        let wanted = shown(&encode(events).map_err(text)?)?;
        let found = match &self.outcome {
            Ok(raised) => shown(raised)?,
            Err(_) => return Err(self.report(&format!("wanted:\n{}", list(&wanted)))),
        };
        if wanted == found {
            return Ok(());
        }
        let differences = differences(&wanted, &found);
        let wanted = list(&wanted);
        Err(self.report(&format!("wanted:\n{wanted}difference (- wanted, + decided):\n{differences}")))
    }

    fn report(&self, wanted: &str) -> String {
        let decided = match &self.outcome {
            Err(refusal) => format!("decided: a refusal: {refusal:?}\n"),
            Ok(raised) => match shown(raised) {
                Ok(events) => format!("decided:\n{}", list(&events)),
                Err(error) => error,
            },
        };
        format!("`{}` decided otherwise\n\ngiven:\n{}{decided}{wanted}", A::NAME, list(&self.history.events))
    }

    #[track_caller]
    fn go_on(self) -> Then<A> {
        let Self { mut history, outcome } = self;
        if let Ok(raised) = outcome {
            expect(history.extend(&raised));
        }
        Then { history }
    }
}

/// What came of it, and where the next decision begins: see [`given`].
pub struct Then<A> {
    history: History<A>,
}

impl<A: Aggregate> Then<A> {
    /// And after that these events, which nobody decided here.
    ///
    /// # Panics
    ///
    /// When an event cannot be written, or cannot be read again.
    #[track_caller]
    pub fn and_given(self, events: impl Decision<A>) -> Given<A> {
        Given { history: self.history }.and(events)
    }

    /// And after that this decision.
    ///
    /// # Panics
    ///
    /// When an event that was decided cannot be written, or cannot be read again.
    #[track_caller]
    pub fn and_when<D: Decision<A>, X: Debug>(self, decide: impl FnOnce(&A) -> Result<D, X>) -> When<A, X> {
        self.history.when(decide)
    }

    /// Looks at the state.
    pub fn then_state(self, look: impl FnOnce(&A)) -> Self {
        look(&self.history.state);
        self
    }
}

/// The events so far, and what they add up to.
struct History<A> {
    state: A,
    events: Vec<Shown>,
}

impl<A: Aggregate> Default for History<A> {
    fn default() -> Self {
        Self { state: A::default(), events: Vec::new() }
    }
}

impl<A: Aggregate> History<A> {
    #[track_caller]
    fn when<D: Decision<A>, X: Debug>(self, decide: impl FnOnce(&A) -> Result<D, X>) -> When<A, X> {
        let outcome = decide(&self.state).map(|decision| expect(encode(&decision).map_err(text)));
        When { history: self, outcome }
    }

    fn extend(&mut self, raised: &[Raised]) -> Result<(), String> {
        raised.iter().try_for_each(|event| self.replay(event.name, event.schema_version, &event.payload))
    }

    fn replay(&mut self, name: &str, version: u16, payload: &Encoded) -> Result<(), String> {
        let replayed = replay(&mut self.state, name, version, payload.as_payload());
        let replayed = replayed.ok_or_else(|| {
            let events: Vec<_> = A::EVENTS.iter().map(|fold| fold.schema().name()).collect();
            format!("aggregate `{}` has no event `{name}`; it lists {}", A::NAME, events.join(", "))
        })?;
        replayed.map_err(text)?;
        self.events.push(Shown::of(name, version, payload)?);
        Ok(())
    }
}

fn encode<A: Aggregate>(decision: &impl Decision<A>) -> Result<Vec<Raised>, EncodeError> {
    let mut encoder = Encoder::new(Format::Json);
    decision.encode(&mut encoder)?;
    Ok(encoder.into_raised())
}

fn shown(raised: &[Raised]) -> Result<Vec<Shown>, String> {
    raised.iter().map(|event| Shown::of(event.name, event.schema_version, &event.payload)).collect()
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// Fails the test, at the line of the user's that is to blame.
#[track_caller]
fn expect<T>(outcome: Result<T, String>) -> T {
    match outcome {
        Ok(value) => value,
        Err(message) => panic!("{message}"),
    }
}
