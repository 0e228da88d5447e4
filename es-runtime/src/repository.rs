//! Repositories: aggregates in and out of a store.

mod snapshots;

use crate::adapter::{Bare, FIRST_PAGE, Limit};
use crate::aggregate::Aggregate;
use crate::command::{Command, CommandError, Handle, Outcome};
use crate::commit::{Commit, NewEvent, NonEmpty, Range};
use crate::decision::Decision;
use crate::error::{AppendError, ReadError};
use crate::format::EncodeError;
use crate::metrics;
use crate::name::{InvalidName, StreamName};
use crate::past::Past;
use crate::position::Version;
use crate::recorded::Recorded;
use crate::root::{ReplayError, Root};
use crate::store::Store;
use crate::time::Timestamp;
use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use tracing::Instrument;

/// A load of more events than this without a snapshot is worth a warning.
const LONG_REPLAY: u64 = 1000;

/// The aggregates of type `A` in a store. Cheap to clone.
///
/// ```standalone_crate
/// # use es_runtime::prelude::*;
/// # #[event("order.paid")]
/// # pub struct OrderPaid { pub amount: u64 }
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderPaid))]
/// # pub struct Order { paid: bool }
/// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) { self.paid = true; } }
/// # impl Order {
/// #     pub fn pay(&self, amount: u64) -> Result<OrderPaid, &'static str> {
/// #         if self.paid { Err("already paid") } else { Ok(OrderPaid { amount }) }
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orders = Store::connect("memory:").await?.repository::<Order>();
/// let id = "o-1".to_string();
///
/// let outcome = orders.execute(&id, |order| order.pay(500)).await?;
/// assert_eq!(outcome.version().get(), 1);
/// assert!(orders.load(&id).await?.paid);
///
/// match orders.execute(&id, |order| order.pay(500)).await {
///     Err(CommandError::Refused(reason)) => assert_eq!(reason, "already paid"),
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
pub struct Repository<A> {
    store: Store,
    aggregate: PhantomData<fn() -> A>,
}

impl<A: Aggregate> Repository<A> {
    pub(crate) const fn new(store: Store) -> Self {
        Self { store, aggregate: PhantomData }
    }

    /// The store it reads and writes.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The stream of the aggregate with this id.
    ///
    /// # Errors
    ///
    /// When the text of the id cannot name a stream.
    pub fn stream(&self, id: &A::Id) -> Result<StreamName, InvalidName> {
        StreamName::new(A::NAME, id)
    }

    /// The aggregate as it is now. One without events has version 0 and the default state.
    ///
    /// # Errors
    ///
    /// When the id cannot name a stream, the store cannot be read, or an event does not fit.
    pub async fn load(&self, id: &A::Id) -> Result<Root<A>, StoreError> {
        self.load_stream(id, self.stream(id)?).await
    }

    /// The aggregate whose stream this is.
    pub(crate) async fn load_stream(&self, id: &A::Id, stream: StreamName) -> Result<Root<A>, StoreError> {
        let span = tracing::debug_span!(
            "es.load",
            stream = stream.as_str(),
            version = tracing::field::Empty,
            replayed = tracing::field::Empty,
        );
        let recorded = span.clone();
        let load = async {
            let root = Root::empty(id.clone(), stream, self.store.format());
            let (root, replayed) = match &A::SNAPSHOT {
                Some(plan) => self.load_from_snapshot(root, plan).await?,
                None => self.replay_rest(root).await?,
            };
            recorded.record("version", root.version().get()).record("replayed", replayed);
            metrics::observe(metrics::REPLAYED_EVENTS, replayed as f64);
            if replayed > LONG_REPLAY {
                self.note_long_replay(&root, replayed);
            }
            Ok(root)
        };
        load.instrument(span).await
    }

    /// The aggregate as it was when it had `version` events.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and when it never had so many.
    pub async fn load_at(&self, id: &A::Id, version: Version) -> Result<Past<A>, StoreError> {
        let root = self.replay_while(id, version, |_| true).await?;
        if root.version() < version {
            let (stream, last) = (root.stream().clone(), root.version());
            return Err(StoreError::NoSuchVersion { stream, version, last });
        }
        Ok(Past::new(root))
    }

    /// The aggregate as the store knew it at `time`: with the events recorded until then.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub async fn load_as_of(&self, id: &A::Id, time: Timestamp) -> Result<Past<A>, StoreError> {
        let is_in = |event: &Recorded| event.recorded_at() <= time;
        self.replay_while(id, Version::new(u64::MAX), is_in).await.map(Past::new)
    }

    /// Whether the aggregate has any events.
    ///
    /// # Errors
    ///
    /// When the id cannot name a stream or the store cannot be read.
    pub async fn exists(&self, id: &A::Id) -> Result<bool, StoreError> {
        let page = self.store.read_stream(&self.stream(id)?, Version::new(1), Limit::events(1)).await?;
        Ok(!page.events.is_empty())
    }

    /// What happened to the aggregate: its events with their envelopes, from version `from` on.
    ///
    /// Where to read on is `next` of the page.
    ///
    /// # Errors
    ///
    /// When the id cannot name a stream or the store cannot be read.
    pub async fn history(&self, id: &A::Id, from: Version) -> Result<crate::Page, StoreError> {
        Ok(self.store.read_stream(&self.stream(id)?, from, Limit::default()).await?)
    }

    /// Loads the aggregate, decides, and stores what was decided; decides again when somebody else was faster.
    ///
    /// # Errors
    ///
    /// See [`Command::execute`].
    pub async fn execute<D: Decision<A>, X>(
        &self,
        id: &A::Id,
        decide: impl FnMut(&A) -> Result<D, X>,
    ) -> Result<Outcome, CommandError<X>> {
        self.command(id).execute(decide).await
    }

    /// A command about which more is said than the decision: its commit id, metadata, guards.
    ///
    /// ```
    /// # use es_runtime::prelude::*;
    /// # #[event("order.paid")]
    /// # pub struct OrderPaid {}
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("order", id = String, events(OrderPaid))]
    /// # pub struct Order {}
    /// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
    /// # async fn pay(orders: Repository<Order>, id: String, request: CommitId) -> Result<(), Box<dyn std::error::Error>> {
    /// let outcome = orders
    ///     .command(&id)
    ///     .commit_id(request)
    ///     .metadata(Metadata::new().with_actor("ada"))
    ///     .execute(|_| Ok::<_, std::convert::Infallible>(OrderPaid {}))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn command(&self, id: &A::Id) -> Command<A> {
        Command::new(self.clone(), id.clone())
    }

    /// Executes a command that is data.
    ///
    /// # Errors
    ///
    /// See [`Command::execute`].
    pub async fn send<C>(&self, id: &A::Id, command: C) -> Result<Outcome, CommandError<A::Error>>
    where
        A: Handle<C>,
    {
        self.command(id).send(command).await
    }

    /// Stores the pending events of `root`, if nothing else happened to it since it was loaded.
    ///
    /// Nothing decides again here: after a [`Conflict`](AppendError::Conflict) load the aggregate anew. After
    /// [`Unknown`](AppendError::Unknown), or when the future was dropped, save the same root again: what was
    /// sent is sent again as it was, so it is stored once.
    ///
    /// # Errors
    ///
    /// See [`AppendError`]. The events stay pending.
    pub async fn save(&self, root: &mut Root<A>) -> Result<Outcome, StoreError> {
        let mut outcome = Outcome::of_nothing(root.version());
        // Twice where a save without an answer was followed by more events.
        loop {
            let was_sent = root.is_sent();
            let Some(commit) = self.commit_of(root) else { break };
            match self.store.send(&commit, was_sent).await {
                Ok((appended, _)) => {
                    root.committed(&commit, appended.range());
                    outcome = Outcome::of_commit(&commit, appended.range());
                }
                Err(error) => {
                    if error.is_not_stored() {
                        root.not_committed();
                    }
                    return Err(error.into());
                }
            }
        }
        self.snapshot_after_save(root);
        Ok(outcome)
    }

    fn commit_of(&self, root: &mut Root<A>) -> Option<Commit> {
        let now = self.store.now();
        root.commit(|| self.store.fresh_commit_id(now), now)
    }

    /// Replays everything after the root's version.
    async fn replay_rest(&self, mut root: Root<A>) -> Result<(Root<A>, u64), StoreError> {
        let start = root.version();
        if const { A::SNAPSHOT.is_some() } {
            self.replay_whole(&mut root).await?;
        } else {
            let (stream, mut replayed) = (root.stream().clone(), Ok(()));
            let mut reader = |event: &Bare<'_>| {
                replayed = root.replay_bare(event);
                if replayed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            self.store.replay(&stream, start.next(), &mut reader).await?;
            replayed?;
        }
        let replayed = root.version().get() - start.get();
        Ok((root, replayed))
    }

    /// The same with the envelopes, of which a snapshot needs the last.
    async fn replay_whole(&self, root: &mut Root<A>) -> Result<(), StoreError> {
        let (mut next, mut limit) = (Some(root.version().next()), Limit::events(FIRST_PAGE));
        while let Some(from) = next {
            let page = self.store.read_stream(root.stream(), from, limit).await?;
            for event in &page.events {
                root.replay(event)?;
            }
            (next, limit) = (page.next, Limit::default());
        }
        Ok(())
    }

    /// Replays up to version `last`, or to the first event that is not in.
    async fn replay_while(
        &self,
        id: &A::Id,
        last: Version,
        is_in: impl Fn(&Recorded) -> bool,
    ) -> Result<Root<A>, StoreError> {
        let mut root = Root::<A>::empty(id.clone(), self.stream(id)?, self.store.format());
        let mut next = Some(Version::new(1));
        while let Some(from) = next.filter(|from| *from <= last) {
            let left = usize::try_from(last.get() - root.version().get()).unwrap_or(usize::MAX);
            let whole = Limit::default();
            let limit = Limit { events: whole.events.min(left), ..whole };
            let page = self.store.read_stream(root.stream(), from, limit).await?;
            for event in &page.events {
                if event.version() > last || !is_in(event) {
                    return Ok(root);
                }
                root.replay(event)?;
            }
            next = page.next;
        }
        Ok(root)
    }

    #[cold]
    fn note_long_replay(&self, root: &Root<A>, replayed: u64) {
        self.store.counters().long_replays.add();
        if self.store.warns_first(A::NAME) {
            tracing::warn!(
                aggregate = A::NAME,
                stream = root.stream().as_str(),
                replayed,
                "a load replayed more than {LONG_REPLAY} events; consider `snapshot(every = ...)` (said once)"
            );
        }
    }

    /// The events of a commit that was stored before.
    pub(crate) async fn events_between(
        &self,
        stream: &StreamName,
        range: Range,
    ) -> Result<Option<NonEmpty<NewEvent>>, StoreError> {
        let count = range.last.get() - range.first.get() + 1;
        let limit = Limit { events: usize::try_from(count).unwrap_or(usize::MAX), bytes: usize::MAX };
        let page = self.store.read_stream(stream, range.first, limit).await?;
        let events = page.events.into_iter().take_while(|event| event.version() <= range.last);
        Ok(NonEmpty::new(events.map(NewEvent::from).collect()))
    }
}

impl<A> Clone for Repository<A> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), aggregate: PhantomData }
    }
}

impl<A: Aggregate> fmt::Debug for Repository<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("aggregate", &A::NAME).field("store", &self.store).finish()
    }
}

/// What was asked of the store could not be done; what the domain refuses is
/// [`Refused`](CommandError::Refused) instead.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The id cannot name a stream. Nothing was read or written, and a retry does not help.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// Something could not be read. Nothing was written.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored event does not fit the aggregate. Nothing was written, and a retry does not help.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A new event cannot be written in the store's format. Nothing was written, and a retry does not help.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The commit was not stored, or nobody knows: see [`AppendError`].
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The aggregate never had so many events.
    #[error("`{stream}` has {last} events, so it never was at version {version}")]
    NoSuchVersion {
        /// The aggregate's stream.
        stream: StreamName,
        /// What was asked for.
        version: Version,
        /// The version it has.
        last: Version,
    },
}
