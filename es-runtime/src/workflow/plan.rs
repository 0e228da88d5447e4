//! What a workflow wants to be done.

use super::Workflow;
use crate::aggregate::EventOf;
use crate::command::{CommandError, Handle};
use crate::decision::Decision;
use crate::reaction::Effects;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

/// What a workflow wants to be done because something has happened.
///
/// The commands are given first, in their order; then the events are stored, and the timers set with them. A crash in
/// between leaves the workflow where it was, and the same is planned and done again: what was done already is
/// answered as the first time.
#[must_use]
pub struct Plan<W: Workflow> {
    pub(super) raised: Vec<AnyDecision<W>>,
    pub(super) commands: Vec<AnyCommand<W>>,
    pub(super) timers: Vec<Timer<W>>,
}

pub(super) type AnyDecision<W> = Box<dyn Decision<W> + Send + Sync>;

type Failed = Box<dyn Error + Send + Sync>;
type Answer<W> = Result<Option<AnyDecision<W>>, Failed>;
type Answering<W> = Pin<Box<dyn Future<Output = Answer<W>> + Send>>;
/// Gives a command, under the name it has in the plan.
type Give<W> = dyn FnOnce(&Effects, String) -> Answering<W> + Send;

/// A command to whatever aggregate. It is named by its place in the plan.
pub(super) struct AnyCommand<W: Workflow> {
    pub(super) to: String,
    pub(super) give: Box<Give<W>>,
}

/// A timer that is set, or one that is taken back.
pub(super) struct Timer<W> {
    pub(super) name: &'static str,
    /// After how long, and what happens then.
    pub(super) set: Option<(Duration, AnyDecision<W>)>,
}

impl<W: Workflow> Default for Plan<W> {
    fn default() -> Self {
        Self { raised: Vec::new(), commands: Vec::new(), timers: Vec::new() }
    }
}

impl<W: Workflow> Plan<W> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that this happened to the workflow: an event of its own, or several.
    pub fn raise(&mut self, decision: impl Decision<W> + Send + Sync + 'static) {
        self.raised.push(Box::new(decision));
    }

    /// Gives a command to an aggregate. One that is refused is a failure: the event is tried again, and parked, as
    /// the workflow's policy says. Where a refusal is to be expected, see [`send_or`](Self::send_or).
    pub fn send<A, C>(&mut self, id: &A::Id, command: C)
    where
        A: Handle<C>,
        A::Decision: Send,
        A::Error: fmt::Display + Send,
        C: Send + Sync + 'static,
    {
        self.add::<A, C, ()>(id, command, None);
    }

    /// Gives a command to an aggregate. When it is refused, `refused` says what happens to the workflow instead:
    /// how a compensation begins. It answers with `()` where nothing does.
    pub fn send_or<A, C, D>(
        &mut self,
        id: &A::Id,
        command: C,
        refused: impl FnOnce(&A::Error) -> D + Send + 'static,
    ) where
        A: Handle<C>,
        A::Decision: Send,
        A::Error: fmt::Display + Send,
        C: Send + Sync + 'static,
        D: Decision<W> + Send + Sync + 'static,
    {
        self.add::<A, C, D>(id, command, Some(Box::new(refused)));
    }

    fn add<A, C, D>(&mut self, id: &A::Id, command: C, refused: Option<Refused<A::Error, D>>)
    where
        A: Handle<C>,
        A::Decision: Send,
        A::Error: fmt::Display + Send,
        C: Send + Sync + 'static,
        D: Decision<W> + Send + Sync + 'static,
    {
        let (id, to) = (id.clone(), format!("{}/{id}", A::NAME));
        let give = move |effects: &Effects, what: String| -> Answering<W> {
            let given = effects.command::<A>(&id, &what).send(command);
            Box::pin(async move {
                match (given.await, refused) {
                    (Ok(_), _) => Ok(None),
                    (Err(CommandError::Refused(refusal)), Some(refused)) => {
                        Ok(Some(Box::new(refused(&refusal)) as AnyDecision<W>))
                    }
                    (Err(CommandError::Refused(refusal)), None) => {
                        Err(format!("`{}/{id}` refused its command: {refusal}", A::NAME).into())
                    }
                    (Err(CommandError::Store(error)), _) => Err(error.into()),
                }
            })
        };
        self.commands.push(AnyCommand { to, give: Box::new(give) });
    }

    /// Lets `event` happen to the workflow after so long, whether this program runs then or another. What is to be
    /// done when it has happened, the workflow says by following its own kind.
    ///
    /// A workflow has one timer of a name: set again, it begins anew.
    pub fn after<E: EventOf<W>>(&mut self, name: &'static str, delay: Duration, event: E) {
        self.timers.push(Timer { name, set: Some((delay, Box::new(event))) });
    }

    /// Takes a timer back. One that is not set, or has run out, is left alone.
    pub fn cancel(&mut self, name: &'static str) {
        self.timers.push(Timer { name, set: None });
    }

    /// How many events of its own the workflow raises.
    pub fn raised(&self) -> usize {
        self.raised.iter().map(|decision| decision.count()).sum()
    }

    /// The aggregates that are given commands, in their order: `category/id`.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().map(|command| &*command.to)
    }

    /// The timers that are set, by their names.
    pub fn timers(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        self.timers.iter().filter_map(|timer| Some((timer.name, timer.set.as_ref()?.0)))
    }
}

type Refused<X, D> = Box<dyn FnOnce(&X) -> D + Send>;

impl<W: Workflow> fmt::Debug for Plan<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("raised", &self.raised())
            .field("commands", &self.commands().collect::<Vec<_>>())
            .field("timers", &self.timers().collect::<Vec<_>>())
            .finish()
    }
}
