//! Following aggregates: what is done with each of their events, and the proof that none was forgotten.

#[cfg(test)]
mod tests;

use crate::aggregate::Aggregate;
use crate::event::Event;
use crate::format::DecodeError;
use crate::former::CoversPast;
use crate::id::EventId;
use crate::recorded::Recorded;
use crate::schema::EventSchema;
use crate::text::{fail, is_same};
use core::fmt;
use std::error::Error;
use std::pin::Pin;

/// What a handler of an event answers with. Any error will do, so `?` works on all of them.
///
/// What becomes of the event then is for the policy of its follower.
pub type Handled = Result<(), Box<dyn Error + Send + Sync>>;

/// Something that does one thing or another with every event of some aggregates: a projection, a reaction or a
/// workflow. Written by their derives.
#[diagnostic::on_unimplemented(
    message = "`{Self}` follows no aggregate",
    label = "expected a type that derives `Projection` or `Reaction`",
    note = "add `#[derive(Projection)]` and `#[projection(\"name\", follows(Order), ...)]` to `{Self}`"
)]
pub trait Follower: Sized + Send + Sync + 'static {
    /// The name under which it is noted how far it has come.
    const NAME: &'static str;
    /// The aggregates it follows.
    const FOLLOWS: &'static [Followed<Self>];
    /// What its handlers are given beside the event.
    type Context: Context;
}

/// What a handler is given beside the event.
#[doc(hidden)]
pub trait Context: Send {
    /// What is handled next is this part of the stored event, and not all of it.
    fn turn_to(&mut self, _part: EventId) {}
}

/// What a follower does when `E` has happened.
///
/// An event is decoded through its chain of versions, as for its aggregate.
///
/// Only events of the aggregates named in `follows(...)` arrive: the compiler asks for a handler of each of them,
/// but cannot see that one is too many, so a handler of another aggregate's event is never called.
#[diagnostic::on_unimplemented(
    message = "`{Self}` neither handles nor ignores `{E}`",
    label = "missing `impl On<{E}> for {Self}`",
    note = "handle it: `impl On<{E}> for {Self} {{ async fn on(&self, event: &Recorded<{E}>, context: &mut \
            Self::Context) -> Handled {{ ... }} }}`",
    note = "or plan, if `{Self}` is a workflow: `impl When<{E}> for {Self} {{ ... }}`",
    note = "or ignore it, in the attribute of `{Self}`: `ignore({E})`"
)]
pub trait On<E: Event>: Follower {
    /// Whether the event is named in `ignore(...)`.
    #[doc(hidden)]
    const IS_IGNORED: bool = false;

    /// Does it.
    ///
    /// # Errors
    ///
    /// When it cannot be done. Nothing of what was done with this event is kept where its context is a
    /// transaction; elsewhere it may be done again.
    fn on(&self, event: &Recorded<E>, context: &mut Self::Context) -> impl Future<Output = Handled> + Send;
}

/// Something that handles or ignores `E`, whatever `E` is: an aggregate's list may name what is no event, and that
/// is to be said once.
#[doc(hidden)]
pub trait Covers<E>: Follower {
    /// What it does with it.
    const ROW: Row<Self>;

    /// Does it with one that is read in the place of a stored one.
    fn cover<'a>(&'a self, event: &'a Recorded<E>, context: &'a mut Self::Context) -> Handling<'a>;
}

impl<F: On<E>, E: Event> Covers<E> for F {
    const ROW: Row<Self> = if F::IS_IGNORED { Row::ignored::<E>() } else { Row::handled::<E>() };

    fn cover<'a>(&'a self, event: &'a Recorded<E>, context: &'a mut F::Context) -> Handling<'a> {
        Box::pin(self.on(event, context))
    }
}

/// An aggregate whose every event `F` handles or ignores. Written by the derive of the aggregate, so that an event
/// added to it is asked for in everything that follows it.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate, so it cannot be followed",
    label = "expected a type that derives `Aggregate`"
)]
pub trait FollowedBy<F: Follower> {
    /// What `F` does with each of its events, in the order of the aggregate's own table.
    const FOLLOWED: Followed<F>;
}

/// An aggregate that is followed, and what is done with each of its events.
pub struct Followed<F: Follower> {
    category: &'static str,
    rows: &'static [Row<F>],
    past: &'static [Row<F>],
}

impl<F: Follower> Followed<F> {
    #[doc(hidden)]
    pub const fn of<A: FollowedBy<F>>() -> Self {
        A::FOLLOWED
    }

    #[doc(hidden)]
    pub const fn new(category: &'static str, rows: &'static [Row<F>]) -> Self {
        Self { category, rows, past: &[] }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_past(self, past: &'static [Row<F>]) -> Self {
        Self { past, ..self }
    }

    /// The category that the aggregate's streams are stored under.
    pub const fn category(&self) -> &'static str {
        self.category
    }

    /// What is done with each of its events.
    pub const fn rows(&self) -> &'static [Row<F>] {
        self.rows
    }

    /// What is done with each of those that do not happen any more: the handlers of what is read in its place are
    /// called; where there is none it is ignored.
    pub const fn past(&self) -> &'static [Row<F>] {
        self.past
    }

    fn row_of(&self, name: &str) -> Option<&'static Row<F>> {
        let is_named = |row: &&Row<F>| row.schema.is_named(name);
        self.rows.iter().find(is_named).or_else(|| self.past.iter().find(is_named))
    }
}

/// Fails to compile when the aggregate at `position` in `F`'s list is stored under the name of one before it: an
/// event would be taken for one of the other's.
#[doc(hidden)]
#[track_caller]
pub const fn expect_followed_once<F: Follower>(position: usize) {
    let category = F::FOLLOWS[position].category;
    let mut i = 0;
    while i < position {
        if is_same(F::FOLLOWS[i].category, category) {
            fail(&["an aggregate that is stored as `", category, "` is already followed"])
        }
        i += 1;
    }
}

/// Fails to compile when no aggregate that `F` follows lists `E`.
#[doc(hidden)]
#[track_caller]
pub const fn expect_listed<F: Follower, E: Event>() {
    let ignored = EventSchema::of::<E>();
    let mut newest = None;
    let mut i = 0;
    while i < F::FOLLOWS.len() {
        let rows = F::FOLLOWS[i].rows;
        let mut j = 0;
        while j < rows.len() {
            let listed = rows[j].schema;
            if listed.is(&ignored) {
                return;
            }
            if is_same(listed.name(), ignored.name()) {
                newest = Some(listed);
            }
            j += 1;
        }
        let past = F::FOLLOWS[i].past;
        let mut j = 0;
        while j < past.len() {
            if past[j].schema.is(&ignored) {
                fail(&[
                    "`",
                    ignored.origin().type_name(),
                    "` is in the past of its aggregate, so it never comes here; handle or ignore what is read in its \
                     place",
                ])
            }
            j += 1;
        }
        i += 1;
    }
    let name = ignored.origin().type_name();
    match newest {
        Some(newest) => fail(&[
            "`",
            name,
            "` is an older version of `",
            newest.origin().type_name(),
            "`; ignore the newest only, the older ones are read as it",
        ]),
        None => fail(&["`", name, "` is ignored, but no aggregate in `follows(...)` lists it"]),
    }
}

/// A handler at work.
pub(crate) type Handling<'a> = Pin<Box<dyn Future<Output = Handled> + Send + 'a>>;

type Handler<F> =
    for<'a> fn(&'a F, &'a Recorded, &'a mut <F as Follower>::Context) -> Result<Handling<'a>, DecodeError>;

/// What a follower does with one event.
pub struct Row<F: Follower> {
    schema: EventSchema,
    handler: Option<Handler<F>>,
}

impl<F: Follower> Row<F> {
    /// What `F` does with `E`.
    #[doc(hidden)]
    pub const fn of<E>() -> Self
    where
        F: Covers<E>,
    {
        F::ROW
    }

    /// What `F` does with an event that says what became of it.
    #[doc(hidden)]
    pub const fn past<E>() -> Self
    where
        F: CoversPast<E>,
    {
        F::PAST_ROW
    }

    /// What `F` does with an event that nothing came after in `A`, at `position` in its past.
    #[doc(hidden)]
    pub const fn retired<A: Aggregate>(position: usize) -> Self {
        Self { schema: *A::PAST[position].schema(), handler: None }
    }

    pub(crate) const fn ignored<E: Event>() -> Self {
        Self { schema: EventSchema::of::<E>(), handler: None }
    }

    pub(crate) const fn with<E: Event>(handler: Handler<F>) -> Self {
        Self { schema: EventSchema::of::<E>(), handler: Some(handler) }
    }

    const fn handled<E: Event>() -> Self
    where
        F: On<E>,
    {
        Self::with::<E>(|follower, recorded, context| {
            let event = recorded.decode::<E>()?;
            Ok(Box::pin(async move { follower.on(&event, context).await }))
        })
    }

    /// The event of this row.
    pub const fn schema(&self) -> &EventSchema {
        &self.schema
    }

    /// Whether the event is named in `ignore(...)`.
    pub const fn is_ignored(&self) -> bool {
        self.handler.is_none()
    }
}

impl<F: Follower> fmt::Debug for Row<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("schema", &self.schema).field("is_ignored", &self.is_ignored()).finish()
    }
}

impl<F: Follower> fmt::Debug for Followed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (category, rows, past) = (&self.category, &self.rows, &self.past);
        let mut shown = f.debug_struct("Followed");
        shown.field("category", category).field("rows", rows).field("past", past).finish()
    }
}

/// What there is to do about a stored event.
pub(crate) enum Task<'a> {
    /// The handler is at work as soon as this is awaited.
    Handle(Handling<'a>),
    /// The follower said that it ignores the event, or does not follow its aggregate.
    Pass,
    /// The aggregate is followed, but this program knows no event of that name.
    Unknown,
}

/// What `follower` has to do about `event`.
///
/// # Errors
///
/// When it handles the event, and cannot read it.
pub(crate) fn task<'a, F: Follower>(
    follower: &'a F,
    event: &'a Recorded,
    context: &'a mut F::Context,
) -> Result<Task<'a>, DecodeError> {
    let category = event.stream().category();
    let Some(followed) = F::FOLLOWS.iter().find(|followed| followed.category == category) else {
        return Ok(Task::Pass);
    };
    match followed.row_of(event.name()) {
        Some(Row { handler: Some(handle), .. }) => handle(follower, event, context).map(Task::Handle),
        Some(_) => Ok(Task::Pass),
        None => Ok(Task::Unknown),
    }
}
