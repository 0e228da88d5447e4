//! Commands: load, decide, append, and decide again when somebody else was faster.

use crate::aggregate::Aggregate;
use crate::commit::{Appended, Commit, Expected, NewEvent, NonEmpty, Range};
use crate::decision::Decision;
use crate::error::AppendError;
use crate::id::CommitId;
use crate::metadata::Metadata;
use crate::name::{InvalidName, StreamName};
use crate::position::{Position, Version};
use crate::repository::{Repository, StoreError};
use crate::root::{DecideError, Root};
use crate::time::Timestamp;
use std::fmt;
use std::sync::Arc;

/// A command as data, for callers that carry commands over a wire. The state's side of
/// [`Repository::send`].
///
/// ```standalone_crate
/// # use es_runtime::prelude::*;
/// # #[event("order.paid")]
/// # pub struct OrderPaid { pub amount: u64 }
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderPaid))]
/// # pub struct Order { paid: bool }
/// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) { self.paid = true; } }
/// # #[derive(Debug)] pub struct AlreadyPaid;
/// # impl std::fmt::Display for AlreadyPaid {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("already paid") }
/// # }
/// # impl std::error::Error for AlreadyPaid {}
/// pub struct PayOrder {
///     pub amount: u64,
/// }
///
/// impl Handle<PayOrder> for Order {
///     type Decision = OrderPaid;
///     type Error = AlreadyPaid;
///
///     fn handle(&self, command: &PayOrder) -> Result<OrderPaid, AlreadyPaid> {
///         if self.paid { Err(AlreadyPaid) } else { Ok(OrderPaid { amount: command.amount }) }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orders = Store::connect("memory:").await?.repository::<Order>();
/// orders.send(&"o-1".to_string(), PayOrder { amount: 500 }).await?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "aggregate `{Self}` does not handle the command `{C}`",
    label = "missing `impl Handle<{C}> for {Self}`",
    note = "every command that is sent to an aggregate needs a `Handle` impl"
)]
pub trait Handle<C>: Aggregate {
    /// The events it may answer with.
    type Decision: Decision<Self>;
    /// Why it may refuse.
    type Error;

    /// Decides. It sees the state and cannot change it.
    ///
    /// # Errors
    ///
    /// When the aggregate refuses the command.
    fn handle(&self, command: &C) -> Result<Self::Decision, Self::Error>;
}

/// A command that aggregate `A` handles.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "aggregate `{A}` does not handle the command `{Self}`",
    label = "missing `impl Handle<{Self}> for {A}`",
    note = "every command listed in `#[aggregate(commands(...))]` needs a `Handle` impl"
)]
pub trait HandledBy<A> {
    /// Adds the names of the events that it may lead to.
    const NAMES: fn(&mut Vec<&'static str>);
}

#[diagnostic::do_not_recommend]
impl<A: Handle<C>, C> HandledBy<A> for C {
    const NAMES: fn(&mut Vec<&'static str>) = <A::Decision as Decision<A>>::names;
}

/// A command that an aggregate handles, from `#[aggregate(commands(...))]`.
pub struct CommandEntry {
    name: &'static str,
    events: fn(&mut Vec<&'static str>),
}

impl CommandEntry {
    #[doc(hidden)]
    pub const fn new(name: &'static str, events: fn(&mut Vec<&'static str>)) -> Self {
        Self { name, events }
    }

    /// The Rust name of its type.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The names of the events that it may lead to, as far as the types of the decision tell.
    pub fn events(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        (self.events)(&mut names);
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl fmt::Debug for CommandEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandEntry").field("name", &self.name).finish()
    }
}

/// A command on its way: what is said beside the decision. From [`Repository::command`].
#[must_use = "a command does nothing until `execute` is called and awaited"]
pub struct Command<A: Aggregate> {
    repository: Repository<A>,
    id: A::Id,
    commit_id: Option<CommitId>,
    metadata: Metadata,
    occurred_at: Option<Timestamp>,
    expected: Option<Version>,
    requires: Vec<Guard>,
}

impl<A: Aggregate> Command<A> {
    pub(crate) const fn new(repository: Repository<A>, id: A::Id) -> Self {
        Self {
            repository,
            id,
            commit_id: None,
            metadata: Metadata::new(),
            occurred_at: None,
            expected: None,
            requires: Vec::new(),
        }
    }

    /// Names the commit, so that the command can be given again, by whomever, and is done once.
    ///
    /// A command whose commit is stored is answered with its first outcome and not decided again. One that
    /// was refused, or that raised no events, left no commit and is decided anew.
    pub fn commit_id(mut self, id: CommitId) -> Self {
        self.commit_id = Some(id);
        self
    }

    /// Who, why, and where to look further: stored with each event.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// When it happened, where that is not now.
    pub fn occurred_at(mut self, at: Timestamp) -> Self {
        self.occurred_at = Some(at);
        self
    }

    /// Requires that the aggregate is still at the version at which the caller has seen it.
    ///
    /// Where it is not, the command fails with [`Conflict`](AppendError::Conflict) and is not decided (again):
    /// what has happened since is for the caller to look at.
    ///
    /// ```standalone_crate
    /// # use es_runtime::prelude::*;
    /// # #[event("order.paid")]
    /// # pub struct OrderPaid {}
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("order", id = String, events(OrderPaid))]
    /// # pub struct Order {}
    /// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
    /// # impl Order { fn pay(&self) -> Result<OrderPaid, std::convert::Infallible> { Ok(OrderPaid {}) } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Store::connect("memory:").await?.repository::<Order>();
    /// let id = "o-1".to_string();
    ///
    /// let seen = orders.execute(&id, Order::pay).await?.version();
    /// orders.execute(&id, Order::pay).await?;
    /// let late = orders.command(&id).expect_version(seen).execute(Order::pay).await;
    /// assert!(matches!(late, Err(CommandError::Store(StoreError::Append(AppendError::Conflict { .. })))));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn expect_version(mut self, version: Version) -> Self {
        self.expected = Some(version);
        self
    }

    /// Requires something of another stream: the commit is stored only if it still holds then.
    ///
    /// Where the guard does not hold the command fails with [`Conflict`](AppendError::Conflict), naming the
    /// guard's stream. It is not decided again, because only the caller knows what the guard was for.
    pub fn requires(mut self, guard: Guard) -> Self {
        self.requires.push(guard);
        self
    }

    /// Loads the aggregate, decides, and stores what was decided.
    ///
    /// The commands that one [`Store`](crate::Store) and its clones are given for one aggregate are done one
    /// after another, in that order, so that none conflicts with another. None waits longer than a second for one
    /// that makes no progress. What they do not see is another process, another store, and
    /// [`save`](Repository::save): after a conflict with one of these the aggregate is loaded and decided
    /// again, as often as [`Retry::conflicts`](crate::Retry) allows, so `decide` may run several times.
    ///
    /// Dropping the future stops at the next step: either the commit is stored, all of it, or it is not.
    /// With a [commit id](Self::commit_id) the same command can be given again to learn which.
    ///
    /// # Errors
    ///
    /// [`Refused`](CommandError::Refused) when the decision says no; [`Store`](CommandError::Store) when it
    /// could not be carried out.
    pub async fn execute<D: Decision<A>, X>(
        mut self,
        mut decide: impl FnMut(&A) -> Result<D, X>,
    ) -> Result<Outcome, CommandError<X>> {
        let store = self.repository.store();
        let mut stream = self.repository.stream(&self.id).map_err(StoreError::from)?;
        let mut turn = store.turn(&stream).await;
        // Only now: who waits for a turn joins no batch.
        let _underway = store.begin_command();
        let metadata = store.share(std::mem::take(&mut self.metadata));
        let requires: Vec<_> =
            self.requires.iter().map(|guard| (guard.stream.clone(), guard.expected)).collect();
        let mut conflicts = 0;
        loop {
            let mut root = self.repository.load_stream(&self.id, stream).await?;
            // After the load and not before: what was loaded may hold this very command, given meanwhile by
            // somebody else, and would be refused for having been done.
            if let Some(outcome) = self.first_outcome().await? {
                return Ok(outcome);
            }
            if let Some(conflict) = self.conflict_with(&root) {
                return Err(conflict.into());
            }
            self.decide(&mut root, &mut decide)?;
            let now = store.now();
            let occurred_at = self.occurred_at.unwrap_or(now);
            let id = || self.commit_id.unwrap_or_else(|| store.fresh_commit_id(now));
            let Some(commit) = root.make_commit(id, Arc::clone(&metadata), occurred_at, requires.clone())
            else {
                return Ok(Outcome::of_nothing(root.version()));
            };
            match store.send(&commit, false).await {
                Ok((appended, is_unsure)) => {
                    drop(turn);
                    let range = appended.range();
                    let was_ours = matches!(appended, Appended::Committed(_)) || is_unsure;
                    // Another's has times and metadata of its own.
                    if !was_ours && let Some(outcome) = self.first_outcome().await? {
                        return Ok(outcome);
                    }
                    // Another's commit may be part of what was loaded: then the root is not what is stored.
                    if range.first == root.version().next() {
                        root.committed(&commit, range);
                        self.repository.keep_snapshot_of(root);
                    }
                    return Ok(Outcome { is_repeated: !was_ours, ..Outcome::of_commit(&commit, range) });
                }
                Err(AppendError::Conflict { stream: lost, .. })
                    if lost == commit.stream
                        && self.expected.is_none()
                        && conflicts < store.retry().conflicts =>
                {
                    store.counters().conflicts.add();
                    store.retry().wait(conflicts, store.entropy()).await;
                    conflicts += 1;
                    stream = commit.stream;
                    if !turn.is_held() {
                        turn = store.turn(&stream).await;
                    }
                }
                // Somebody gave the same command at the same time, and was faster.
                Err(AppendError::IdReused { id }) => {
                    return match self.first_outcome().await? {
                        Some(outcome) => Ok(outcome),
                        None => Err(StoreError::from(AppendError::IdReused { id }).into()),
                    };
                }
                Err(error) => return Err(StoreError::from(error).into()),
            }
        }
    }

    /// Executes a command that is data: see [`Handle`].
    ///
    /// # Errors
    ///
    /// See [`execute`](Self::execute).
    pub async fn send<C>(self, command: C) -> Result<Outcome, CommandError<A::Error>>
    where
        A: Handle<C>,
    {
        self.execute(|aggregate| aggregate.handle(&command)).await
    }

    /// What stands against deciding on `root`.
    fn conflict_with(&self, root: &Root<A>) -> Option<StoreError> {
        let expected = self.expected.filter(|expected| *expected != root.version())?;
        let (stream, expected) = (root.stream().clone(), Expected::Exactly(expected));
        Some(AppendError::Conflict { stream, expected, actual: root.version() }.into())
    }

    fn decide<D: Decision<A>, X>(
        &self,
        root: &mut Root<A>,
        decide: &mut impl FnMut(&A) -> Result<D, X>,
    ) -> Result<(), CommandError<X>> {
        let span = tracing::debug_span!(
            "es.decide",
            stream = root.stream().as_str(),
            version = root.version().get(),
            events = tracing::field::Empty,
        );
        let _entered = span.enter();
        root.decide(decide)?;
        span.record("events", root.pending().len());
        Ok(())
    }

    /// What came of the command when it was given before.
    async fn first_outcome(&self) -> Result<Option<Outcome>, StoreError> {
        let Some(id) = self.commit_id else { return Ok(None) };
        let store = self.repository.store();
        let Some(found) = store.find_commit(id).await? else { return Ok(None) };
        if found.stream != self.repository.stream(&self.id)? {
            return Err(AppendError::IdReused { id }.into());
        }
        let events = self.repository.events_between(&found.stream, found.range).await?;
        store.counters().repeats.add();
        Ok(Some(Outcome { version: found.range.last, range: Some(found.range), events, is_repeated: true }))
    }
}

impl<A: Aggregate> fmt::Debug for Command<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("aggregate", &A::NAME)
            .field("commit_id", &self.commit_id)
            .field("metadata", &self.metadata)
            .field("occurred_at", &self.occurred_at)
            .field("expected", &self.expected)
            .field("requires", &self.requires)
            .finish_non_exhaustive()
    }
}

/// Something required of a stream that a command does not write.
///
/// ```
/// # use es_runtime::prelude::*;
/// # #[event("customer.joined")]
/// # pub struct Joined {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("customer", id = String, events(Joined))]
/// # pub struct Customer {}
/// # impl Apply<Joined> for Customer { fn apply(&mut self, _: &Joined) {} }
/// use es_runtime::{Expected, Guard};
///
/// let ada = "ada".to_string();
/// let joined = Guard::on::<Customer>(&ada, Expected::Exists)?;
/// # Ok::<(), es_runtime::InvalidName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    stream: StreamName,
    expected: Expected,
}

impl Guard {
    /// Requires that the aggregate `A` with this id is as expected.
    ///
    /// # Errors
    ///
    /// When the text of the id cannot name a stream.
    pub fn on<A: Aggregate>(id: &A::Id, expected: Expected) -> Result<Self, InvalidName> {
        Ok(Self { stream: StreamName::new(A::NAME, id)?, expected })
    }

    /// Requires that `root` is still as it was when it was loaded.
    pub fn unchanged<A: Aggregate>(root: &Root<A>) -> Self {
        Self { stream: root.stream().clone(), expected: Expected::Exactly(root.version()) }
    }
}

/// What came of a command or of a save.
#[derive(Debug, Clone)]
pub struct Outcome {
    version: Version,
    range: Option<Range>,
    events: Option<NonEmpty<NewEvent>>,
    is_repeated: bool,
}

impl Outcome {
    pub(crate) const fn of_nothing(version: Version) -> Self {
        Self { version, range: None, events: None, is_repeated: false }
    }

    pub(crate) fn of_commit(commit: &Commit, range: Range) -> Self {
        Self {
            version: range.last,
            range: Some(range),
            events: Some(commit.events.clone()),
            is_repeated: false,
        }
    }

    /// The version of the aggregate after it.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The events that were stored, in order. None after a decision that raised none.
    pub fn events(&self) -> &[NewEvent] {
        self.events.as_deref().unwrap_or_default()
    }

    /// Where the last event stands in the whole log; nothing after a decision that raised none.
    pub const fn position(&self) -> Option<Position> {
        match self.range {
            Some(range) => Some(range.position),
            None => None,
        }
    }

    /// Whether the command had been done before, and this is what came of it then.
    pub const fn is_repeated(&self) -> bool {
        self.is_repeated
    }
}

/// A command was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError<X> {
    /// The domain said no. Nothing was written.
    #[error("{0}")]
    Refused(X),
    /// The store could not do it. See the error for whether something was written.
    #[error("{0}")]
    Store(StoreError),
}

impl<X> From<StoreError> for CommandError<X> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<X> From<DecideError<X>> for CommandError<X> {
    fn from(error: DecideError<X>) -> Self {
        match error {
            DecideError::Refused(refusal) => Self::Refused(refusal),
            DecideError::Encode(error) => Self::Store(error.into()),
        }
    }
}
