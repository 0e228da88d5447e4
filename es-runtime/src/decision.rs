//! Decisions: what a command answers with when it is accepted.

use crate::aggregate::{Aggregate, EventOf};
use crate::event::Event;
use crate::format::{DecodeError, EncodeError, Encoded, Format, decode_named, encode, is_named};
use std::fmt;
use std::ops::Deref;

/// What a decision may return: an event, a tuple, an array, an `Option` or a `Vec` of events,
/// [`Events`], or `()` where nothing has to happen.
///
/// Its events become one commit. None of them is an answer as well: a decision without events is
/// accepted and writes nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a decision of aggregate `{A}`",
    label = "expected an event of `{A}`, or a tuple, array, `Option` or `Vec` of its events"
)]
pub trait Decision<A: Aggregate> {
    /// Writes every event, or fails without a trace.
    #[doc(hidden)]
    fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError>;

    /// Changes the state by every event, in the order they were written.
    #[doc(hidden)]
    fn apply(&self, state: &mut A);

    /// How many events there are.
    #[doc(hidden)]
    fn count(&self) -> usize;

    /// The stored names of the events it may have; any of the aggregate's where its type does not tell.
    #[doc(hidden)]
    fn names(to: &mut Vec<&'static str>)
    where
        Self: Sized,
    {
        to.extend(A::EVENTS.iter().map(|fold| fold.schema().name()));
    }
}

/// Where a decision writes its events.
#[doc(hidden)]
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    raised: Vec<Raised>,
}

impl Encoder {
    pub(crate) const fn new(format: Format) -> Self {
        Self { format, raised: Vec::new() }
    }

    pub(crate) fn into_raised(self) -> Vec<Raised> {
        self.raised
    }

    fn write<A, E: EventOf<A>>(&mut self, event: &E) -> Result<(), EncodeError> {
        let payload = encode(self.format, event)?;
        self.raised.push(Raised { name: E::NAME, schema_version: E::VERSION, payload });
        Ok(())
    }
}

/// An event that has been raised and waits to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The name it will be stored under.
    pub name: &'static str,
    /// The version of its shape.
    pub schema_version: u16,
    /// The event.
    pub payload: Encoded,
}

impl Raised {
    /// Whether it is an `E`.
    pub fn is<E: Event>(&self) -> bool {
        is_named::<E>(self.name)
    }

    /// The event as its type, so that a test can look at what was raised.
    ///
    /// # Errors
    ///
    /// When it is another event.
    pub fn decode<E: Event>(&self) -> Result<E, DecodeError> {
        decode_named(self.name, self.schema_version, &self.payload)
    }
}

impl<A: Aggregate, E: EventOf<A>> Decision<A> for E {
    fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder.write(self)
    }

    fn apply(&self, state: &mut A) {
        E::APPLY(state, self);
    }

    fn count(&self) -> usize {
        1
    }

    fn names(to: &mut Vec<&'static str>) {
        to.push(E::NAME);
    }
}

macro_rules! collections {
    ($($type:ty $(, const $length:ident)?;)*) => { $(
        impl<A: Aggregate, D: Decision<A> $(, const $length: usize)?> Decision<A> for $type {
            fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
                self.iter().try_for_each(|decision| decision.encode(encoder))
            }

            fn apply(&self, state: &mut A) {
                self.iter().for_each(|decision| decision.apply(state));
            }

            fn count(&self) -> usize {
                self.iter().map(D::count).sum()
            }

            fn names(to: &mut Vec<&'static str>) {
                D::names(to);
            }
        }
    )* };
}

collections! {
    Option<D>;
    Vec<D>;
    [D; N], const N;
}

macro_rules! tuples {
    ($($($decision:ident)*;)*) => { $(
        impl<A: Aggregate, $($decision: Decision<A>),*> Decision<A> for ($($decision,)*) {
            #[allow(non_snake_case, unused_variables, reason = "the names of the types serve as names of the parts")]
            fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
                let ($($decision,)*) = self;
                $($decision.encode(encoder)?;)*
                Ok(())
            }

            #[allow(non_snake_case, unused_variables, reason = "the names of the types serve as names of the parts")]
            fn apply(&self, state: &mut A) {
                let ($($decision,)*) = self;
                $($decision.apply(state);)*
            }

            #[allow(non_snake_case, reason = "the names of the types serve as names of the parts")]
            fn count(&self) -> usize {
                let ($($decision,)*) = self;
                0 $(+ $decision.count())*
            }

            #[allow(unused_variables, reason = "where there are no parts")]
            fn names(to: &mut Vec<&'static str>) {
                $($decision::names(to);)*
            }
        }
    )* };
}

tuples! {
    ;
    D1;
    D1 D2;
    D1 D2 D3;
    D1 D2 D3 D4;
    D1 D2 D3 D4 D5;
    D1 D2 D3 D4 D5 D6;
    D1 D2 D3 D4 D5 D6 D7;
    D1 D2 D3 D4 D5 D6 D7 D8;
}

/// Events built step by step, where a later one depends on the state after an earlier one.
///
/// It shows the state as it will be: start from the state, raise, look, raise again.
///
/// ```
/// use es_runtime::prelude::*;
///
/// #[event("jar.filled")]
/// pub struct Filled { pub with: u32 }
/// #[event("jar.closed")]
/// pub struct Closed {}
///
/// #[derive(Aggregate, Default, Clone)]
/// #[aggregate("jar", id = String, events(Filled, Closed))]
/// pub struct Jar { content: u32 }
///
/// impl Apply<Filled> for Jar {
///     fn apply(&mut self, event: &Filled) { self.content += event.with; }
/// }
/// impl Apply<Closed> for Jar {
///     fn apply(&mut self, _: &Closed) {}
/// }
///
/// impl Jar {
///     pub fn fill(&self, with: u32) -> Events<Self> {
///         let mut events = Events::after(self);
///         events.raise(Filled { with });
///         if events.content >= 10 {
///             events.raise(Closed {});
///         }
///         events
///     }
/// }
///
/// assert_eq!(Jar::default().fill(3).len(), 1);
/// assert_eq!(Jar::default().fill(12).len(), 2);
/// ```
pub struct Events<A> {
    state: A,
    decisions: Vec<Box<dyn Decision<A> + Send + Sync>>,
}

impl<A: Aggregate> Events<A> {
    /// No events yet, after `state`.
    pub fn after(state: &A) -> Self
    where
        A: Clone,
    {
        Self { state: state.clone(), decisions: Vec::new() }
    }

    /// Adds an event, or the events of a smaller decision, and shows the state after it.
    pub fn raise(&mut self, decision: impl Decision<A> + Send + Sync + 'static) {
        decision.apply(&mut self.state);
        self.decisions.push(Box::new(decision));
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The state after the events so far.
impl<A> Deref for Events<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.state
    }
}

impl<A: Aggregate> Decision<A> for Events<A> {
    fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        self.decisions.iter().try_for_each(|decision| decision.encode(encoder))
    }

    fn apply(&self, state: &mut A) {
        self.decisions.iter().for_each(|decision| decision.apply(state));
    }

    fn count(&self) -> usize {
        self.decisions.iter().map(|decision| decision.count()).sum()
    }
}

impl<A: Aggregate> fmt::Debug for Events<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("len", &self.len()).finish_non_exhaustive()
    }
}
