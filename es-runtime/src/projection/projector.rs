//! Keeps a projection up to date.

use super::builds::{self, Build, Builds};
use super::delivers::Delivers;
use super::read_model::ReadModel;
use super::running::{Running, Supervisor};
use super::status::Status;
use super::{BuildState, Projection};
use crate::following::{Board, FollowError, OnFailure, OnUnknown, PartState, Settings, check_name, race};
use crate::store::Store;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::Instrument;

/// How a projection is kept up to date; made by [`Store::projection`].
///
/// As many programs may run it as like: each of its parts is worked on by one of them at a time, and the others
/// stand by.
///
/// ```standalone_crate
/// use es_runtime::prelude::*;
/// use es_runtime::{OnFailure, Tables};
/// # use std::time::Duration;
///
/// # #[event("order.paid")]
/// # pub struct OrderPaid { pub cents: u64 }
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderPaid))]
/// # pub struct Order {}
/// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
/// #[derive(Projection)]
/// #[projection("income", follows(Order))]
/// struct Income;
///
/// impl Tables for Income {
///     async fn create(&self, sql: &mut Sql) -> Handled {
///         let create = format!("CREATE TABLE {} (id TEXT PRIMARY KEY, cents BIGINT)", sql.table("orders"));
///         Ok(sql.batch(&create).await?)
///     }
/// }
///
/// impl On<OrderPaid> for Income {
///     async fn on(&self, event: &Recorded<OrderPaid>, sql: &mut Sql) -> Handled {
///         let insert = format!("INSERT INTO {} VALUES ($1, $2)", sql.table("orders"));
///         sql.execute(&insert, &[&event.stream().key(), &event.event().cents]).await?;
///         Ok(())
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let store = Store::connect(&format!("sqlite:{}", folder.path().join("a.db").display())).await?;
/// let income = store.projection(Income).on_failure(OnFailure::retry(5).then_park()).start().await?;
///
/// let orders = store.repository::<Order>();
/// let paid = orders.execute(&"o-1".to_string(), |_| Ok::<_, String>(OrderPaid { cents: 250 })).await?;
/// if let Some(position) = paid.position() {
///     income.at_least(position, Duration::from_secs(5)).await?;
/// }
/// let rows = income.rows("SELECT sum(cents) FROM {orders}", &[]).await?;
/// assert_eq!(rows[0].get::<i64>(0)?, 250);
/// income.stop().await;
/// # Ok(())
/// # }
/// ```
pub struct Projector<P> {
    pub(super) store: Store,
    pub(super) projection: Arc<P>,
    pub(super) settings: Settings,
    partitions: u32,
    is_rebuild: bool,
}

impl<P: Projection> Projector<P> {
    pub(crate) fn new(store: Store, projection: P) -> Self {
        let settings = Settings {
            batch: 4000,
            budget: Duration::from_millis(25),
            lease: Duration::from_secs(10),
            on_failure: OnFailure::default(),
            on_unknown: OnUnknown::default(),
            patience: None,
        };
        let projection = Arc::new(projection);
        Self { store, projection, settings, partitions: 1, is_rebuild: false }
    }

    /// The most events of a batch, which is one transaction where there is one. 4,000 unless set.
    ///
    /// A transaction ends after 25 milliseconds of handling, however many events there are, because other writers
    /// may wait for it; while the projection is built anew, after 250.
    #[must_use]
    pub fn batch(mut self, events: usize) -> Self {
        self.settings.batch = events.max(1);
        self
    }

    /// Into how many parts it is divided. Each has the streams that fall to it by a hash of their names, a
    /// checkpoint and an owner of its own, so that they are worked on at the same time, by one program or by
    /// several. 1 unless set, 1,000 at most. It holds for builds that begin from now on.
    #[must_use]
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = partitions.clamp(1, 1000);
        self
    }

    /// How long a program may be silent before others take over its parts. 10 s unless set. The same in every
    /// program that runs the projection.
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

    /// What is done with events of followed aggregates that this program does not know. A stop, unless set; a
    /// projection that is built anew always stops.
    #[must_use]
    pub const fn on_unknown(mut self, policy: OnUnknown) -> Self {
        self.settings.on_unknown = policy;
        self
    }

    /// Builds the projection anew from the first event on, beside what is there, even if its version is the same.
    /// One that is being built already is gone on with.
    #[must_use]
    pub const fn rebuild(mut self) -> Self {
        self.is_rebuild = true;
        self
    }
}

impl<P: Projection> fmt::Debug for Projector<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projector")
            .field("projection", &P::NAME)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[allow(
    private_bounds,
    reason = "which deliveries there are is closed, and how they work is nobody's business"
)]
impl<P: Projection> Projector<P>
where
    P::Delivery: Delivers<P>,
{
    /// Begins to keep it up to date, until it is told to stop or dropped.
    ///
    /// The first start makes its tables. Where its [`VERSION`](Projection::VERSION) has been raised, it is built anew
    /// beside the old one, which readers see until the new one has caught up.
    ///
    /// # Errors
    ///
    /// When the store cannot do it, a newer program has raised the version, or the tables cannot be made.
    pub async fn start(self) -> Result<Running<P>, FollowError> {
        <P::Delivery as Delivers<P>>::check(&self.store)?;
        check_name(P::NAME)?;
        let is_rebuild = self.is_rebuild;
        open(&self.store, &self.projection, self.partitions, is_rebuild).await?;
        let board = Board::new();
        let model = ReadModel::new(self.store.clone(), board.clone());
        let (stop, stopped) = watch::channel(false);
        let span = tracing::debug_span!("es.projection", projection = P::NAME, version = P::VERSION);
        let supervisor = Supervisor::new(self, board);
        let task = tokio::spawn(supervisor.run(stopped).instrument(span));
        Ok(Running::new(model, stop, task))
    }

    /// Handles everything that is in the log now, and stops. For tests and tools; other programs may run the
    /// projection at the same time.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and whatever stops it: unlike a running projection it does not wait for ever for a
    /// store that fails.
    pub async fn run_to_end(mut self) -> Result<Status, FollowError> {
        self.settings.patience = Some(self.store.retry().failures);
        let store = self.store.clone();
        let running = self.start().await?;
        let outcome = caught_up::<P>(&store, &running).await;
        running.stop().await;
        outcome?;
        ReadModel::<P>::new(store, Board::new()).status().await
    }
}

async fn caught_up<P: Projection>(store: &Store, running: &Running<P>) -> Result<(), FollowError> {
    let head = store.head().await?;
    let mut changes = running.board().changes();
    loop {
        changes.borrow_and_update();
        let (_, builds) = builds::read(store, P::NAME).await?;
        // What is being built is what counts, even if the one that it replaces cannot go on.
        let is_own = |build: &&Build| build.version == P::VERSION;
        let building = builds.building().filter(is_own);
        let build = building.or_else(|| builds.active().filter(is_own));
        if let Some(error) = running.board().error_of(build.map_or(0, |build| build.number)) {
            return Err(error);
        }
        if let (Some(active), None) = (build, building) {
            let parts = active.parts(P::NAME);
            let states = builds::part_states(store, &parts).await?;
            let is_past =
                |(_, state): &(u64, PartState)| state.checkpoint.is_past(&head) && state.checkpoint.is_live;
            // Somebody has taken each part, and found its checkpoint to be of this log.
            let is_taken = parts.iter().all(|part| running.board().has_seen(part));
            if is_taken && states.iter().all(is_past) {
                return Ok(());
            }
        }
        // Another program may do the work, and tells by registers only.
        let reached_here = async {
            while !running.board().is_past(&head) && changes.changed().await.is_ok() {}
            sleep(Duration::from_millis(2)).await;
        };
        race(reached_here, sleep(Duration::from_millis(50))).await;
    }
}

/// Sees to it that there is a build for this program's version. Answers with it.
pub(super) async fn open<P: Projection>(
    store: &Store,
    projection: &Arc<P>,
    partitions: u32,
    mut is_rebuild: bool,
) -> Result<Build, FollowError>
where
    P::Delivery: Delivers<P>,
{
    loop {
        let (revision, mut builds) = builds::read(store, P::NAME).await?;
        check_version::<P>(&builds)?;
        is_rebuild &= !builds.of_version(P::VERSION).any(|build| build.state == BuildState::Building);
        if let Some(build) = builds.of_version(P::VERSION).last()
            && !is_rebuild
        {
            return Ok(build.clone());
        }
        let build = builds.begin(P::VERSION, partitions);
        if <P::Delivery as Delivers<P>>::begin(store, projection, revision, builds).await? {
            tracing::info!(
                projection = P::NAME,
                build = build.number,
                version = build.version,
                "began a build"
            );
        }
        is_rebuild = false;
    }
}

/// Refuses to touch what a newer program keeps.
pub(super) fn check_version<P: Projection>(builds: &Builds) -> Result<(), FollowError> {
    let newest = builds.builds.iter().filter(|build| build.state != BuildState::Retired);
    let has_own = builds.of_version(P::VERSION).next().is_some();
    match newest.map(|build| build.version).max() {
        Some(kept) if kept > P::VERSION && !has_own => {
            Err(FollowError::NewerBuild { follower: P::NAME, kept, own: P::VERSION })
        }
        _ => Ok(()),
    }
}
