//! Lets a reaction or a workflow run.

use super::running::{Companion, Reacting};
use super::{Effects, Reaction};
use crate::follow::Follower;
use crate::following::{
    Board, Crew, Direct, FollowError, NO_REGISTERS, OnFailure, OnUnknown, Settings, Worker, check_name,
    check_registers, encode,
};
use crate::id::fresh;
use crate::position::Cursor;
use crate::projection::{Builds, ReadModel, register_of};
use crate::register::Write;
use crate::store::Store;
use crate::workflow::{Workflow, run_timers};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where a reaction begins that has never run on this store. From then on it goes on where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// With the first event there is: it acts on everything that has ever happened.
    Beginning,
    /// With what happens from now on.
    Now,
}

/// How a reaction or a workflow is run; made by [`Store::reaction`] and [`Store::workflow`].
///
/// As many programs may run it as like: one of them acts, and the others stand by.
pub struct Reactor<R> {
    store: Store,
    reaction: Arc<R>,
    settings: Settings,
    partitions: u32,
    companion: Option<Companion>,
}

impl<R: Reaction> Reactor<R> {
    /// Into how many parts it is divided. Each has the streams that fall to it by a hash of their names, so that
    /// what is slow about one event does not hold up those of other streams; the order of a stream is kept. 1
    /// unless set, 1,000 at most. It holds from the first start on this store.
    #[must_use]
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = partitions.clamp(1, 1000);
        self
    }
}

impl<R: Follower<Context = Effects>> Reactor<R> {
    fn new(store: Store, reaction: R) -> Self {
        let settings = Settings {
            // What was done and not noted is done again after a crash, so it is noted often.
            batch: 50,
            budget: Duration::from_millis(25),
            lease: Duration::from_secs(10),
            on_failure: OnFailure::default(),
            on_unknown: OnUnknown::default(),
            patience: None,
        };
        Self { store, reaction: Arc::new(reaction), settings, partitions: 1, companion: None }
    }

    /// How many events are acted on before that is noted. After a crash so many at most are acted on again. 50
    /// unless set.
    #[must_use]
    pub fn batch(mut self, events: usize) -> Self {
        self.settings.batch = events.max(1);
        self
    }

    /// How long a program may be silent before another takes over. 10 s unless set. The same in every program that
    /// runs it.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.max(Duration::from_millis(10));
        self
    }

    /// What is done when a handler fails. Five times again and then a stop, unless set.
    #[must_use]
    pub fn on_failure(mut self, policy: OnFailure) -> Self {
        self.settings.on_failure = policy;
        self
    }

    /// What is done with events of followed aggregates that this program does not know. A stop, unless set.
    #[must_use]
    pub const fn on_unknown(mut self, policy: OnUnknown) -> Self {
        self.settings.on_unknown = policy;
        self
    }

    /// Begins to act, until it is told to stop or dropped. Where it has run before, by whatever program, it goes on
    /// there, and `at` means nothing.
    ///
    /// # Errors
    ///
    /// When the store keeps no registers, cannot be reached, or the name cannot be kept.
    pub async fn start(self, at: StartAt) -> Result<Reacting<R>, FollowError> {
        let Self { store, reaction, settings, partitions, companion } = self;
        check_name(R::NAME)?;
        let builds = begin::<R>(&store, at, partitions).await?;
        let board = Board::new();
        let mut crew = Crew::new(board.clone());
        for part in builds.active().map(|build| build.parts(R::NAME)).unwrap_or_default() {
            board.set_active(part.build);
            let (store, effects) = (store.clone(), store.clone());
            let name = fresh(store.now(), store.entropy()).to_string().into();
            let context = move |event: &_, attempt| Effects::of(effects.clone(), R::NAME, event, attempt);
            let engine = Arc::new(Direct { store: store.clone(), context });
            let (follower, settings, board) = (Arc::clone(&reaction), settings.clone(), board.clone());
            crew.add(Worker { store, follower, engine, part, settings, board, name });
        }
        Ok(Reacting::new(ReadModel::new(store, board), crew, companion))
    }
}

/// Notes where the reaction begins, if nothing is noted yet.
async fn begin<R: Follower>(store: &Store, at: StartAt, partitions: u32) -> Result<Builds, FollowError> {
    check_registers::<R>(store)?;
    let registers = store.registers().ok_or(NO_REGISTERS)?;
    loop {
        let (revision, mut builds) = crate::projection::builds_of(store, R::NAME).await?;
        if builds.active().is_some() {
            return Ok(builds);
        }
        let cursor = match at {
            StartAt::Beginning => Cursor::start(),
            StartAt::Now => store.head().await?,
        };
        let build = builds.begin(1, partitions);
        let key = register_of(R::NAME);
        let list = Write { key, expected: revision, value: Some(encode(&builds)) };
        let parts = build.part_writes(R::NAME, store, &cursor);
        if registers.write(std::iter::once(list).chain(parts).collect()).await? {
            return Ok(builds);
        }
    }
}

impl Store {
    /// A reaction, to be started.
    ///
    /// ```
    /// # use es_runtime::prelude::*;
    /// use es_runtime::{Effects, StartAt};
    /// # #[event("order.paid")]
    /// # pub struct OrderPaid {}
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("order", id = String, events(OrderPaid))]
    /// # pub struct Order {}
    /// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
    /// # async fn send_mail(order: &str, key: CommitId) -> Handled { Ok(()) }
    ///
    /// #[derive(Reaction)]
    /// #[reaction("thank", follows(Order))]
    /// pub struct Thank;
    ///
    /// impl On<OrderPaid> for Thank {
    ///     async fn on(&self, event: &Recorded<OrderPaid>, effects: &mut Effects) -> Handled {
    ///         send_mail(event.stream().key(), effects.idempotency_key()).await
    ///     }
    /// }
    ///
    /// # async fn run(store: Store) -> Result<(), es_runtime::FollowError> {
    /// let thanking = store.reaction(Thank).start(StartAt::Now).await?;
    /// // ... the program runs ...
    /// thanking.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reaction<R: Reaction>(&self, reaction: R) -> Reactor<R> {
        Reactor::new(self.clone(), reaction)
    }

    /// The workflows of type `W`, to be started: one program acts for all of them, and lets their timers run out.
    pub fn workflow<W: Workflow>(&self) -> Reactor<W> {
        let reactor = Reactor::new(self.clone(), W::default());
        Reactor { companion: Some(Companion::new(run_timers::<W>)), ..reactor }
    }
}

impl<R: Follower> fmt::Debug for Reactor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("name", &R::NAME)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
