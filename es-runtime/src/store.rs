//! A store: an adapter, and everything that is the same whatever the adapter.

mod batcher;
mod connect;
pub(crate) mod erased;
mod limits;
pub mod memory;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod paging;
#[cfg(feature = "postgres")]
pub mod postgres;
mod retry;
mod sending;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sizes;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod stats;
mod transact;
mod turns;

pub use limits::Limits;
pub use retry::Retry;
pub use stats::Stats;

use crate::adapter::{
    Adapter, Capabilities, Direction, Filter, Found, Freshness, Limit, LogPage, Page, Reader,
};
use crate::aggregate::Aggregate;
use crate::commit::{Appended, Commit};
use crate::error::{AppendError, ReadError};
use crate::following::Board;
use crate::format::Format;
use crate::id::{CommitId, Entropy, StoreId, SystemEntropy, fresh};
use crate::metadata::Metadata;
use crate::name::StreamName;
use crate::position::{Cursor, Version};
use crate::projection::{Projection, Projections, Projector, ReadModel};
use crate::repository::Repository;
use crate::snapshot::Fingerprints;
use crate::subscription::Tail;
use crate::time::{Clock, SystemClock, Timestamp};
use batcher::{Batcher, Underway};
use erased::{DynAdapter, DynRegisters, DynSnapshots, DynTransactions};
use sending::Sending;
use stats::Counters;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tracing::Instrument;
use turns::{Turn, Turns};

/// Where events are kept. One store, one writer, one batcher; cheap to clone.
///
/// It runs on tokio, and needs the runtime's timer for the waits between two tries (`enable_time`, which
/// `#[tokio::main]` does).
///
/// ```standalone_crate
/// # use es_runtime::prelude::*;
/// # #[event("order.paid")]
/// # pub struct OrderPaid {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderPaid))]
/// # pub struct Order {}
/// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::connect("memory:").await?;
/// let orders = store.repository::<Order>();
/// assert!(!orders.exists(&"o-1".to_string()).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    adapter: Arc<dyn DynAdapter>,
    snapshots: Option<Arc<dyn DynSnapshots>>,
    registers: Option<Arc<dyn DynRegisters>>,
    transactions: Option<Arc<dyn DynTransactions>>,
    batcher: Batcher,
    settings: StoreBuilder,
    /// Most commits have none, and share it.
    no_metadata: Arc<Metadata>,
    counters: Arc<Counters>,
    turns: Turns,
    warned: Mutex<HashSet<&'static str>>,
    snapshotting: Mutex<HashSet<StreamName>>,
    fingerprints: Fingerprints,
    /// What those share who follow the end of the log.
    tail: Tail,
}

impl Store {
    /// A store on an adapter, anybody's, with everything else as it is by default.
    pub fn new(adapter: impl Adapter) -> Self {
        Self::builder().adapter(adapter)
    }

    /// For what is not as it is by default.
    pub fn builder() -> StoreBuilder {
        StoreBuilder {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::default()),
            format: Format::default(),
            limits: Limits::default(),
            retry: Retry::default(),
        }
    }

    /// The aggregates of type `A` in this store.
    pub fn repository<A: Aggregate>(&self) -> Repository<A> {
        Repository::new(self.clone())
    }

    /// What keeps `projection` up to date from the events of this store. Nothing happens before it is started.
    pub fn projection<P: Projection>(&self, projection: P) -> Projector<P> {
        Projector::new(self.clone(), projection)
    }

    /// The read model of a projection that some program keeps up to date, this one or another.
    pub fn read_model<P: Projection>(&self) -> ReadModel<P> {
        ReadModel::new(self.clone(), Board::new())
    }

    /// The projections that were built in this store.
    pub fn projections(&self) -> Projections {
        Projections::new(self.clone())
    }

    /// Stores a commit. [`Repository`] makes commits; this is for tools that copy events.
    ///
    /// It is sent again, as it is, while its outcome is unknown or the store unavailable, as
    /// [`Retry`] allows. Dropping the future leaves the outcome unknown: append the same commit again, or
    /// [look it up](Self::find_commit).
    ///
    /// # Errors
    ///
    /// See [`AppendError`].
    pub async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        self.send(&commit, false).await.map(|(appended, _)| appended)
    }

    /// Stores a commit that the caller has perhaps sent before, without an answer. Says also whether an
    /// unanswered sending may have stored it, so that it is the caller's even if it was there already.
    pub(crate) async fn send(
        &self,
        commit: &Commit,
        was_sent: bool,
    ) -> Result<(Appended, bool), AppendError> {
        let span = tracing::debug_span!(
            "es.append",
            stream = commit.stream.as_str(),
            commit = %commit.id,
            expected = %commit.expected,
            events = commit.events.len(),
        );
        self.send_in_span(commit, Sending::of(commit.id, was_sent)).instrument(span).await
    }

    async fn send_in_span(
        &self,
        commit: &Commit,
        mut sending: Sending,
    ) -> Result<(Appended, bool), AppendError> {
        self.0.settings.limits.check(commit)?;
        loop {
            match self.0.batcher.append(commit, &mut sending).await {
                Ok(appended) => {
                    self.count(&appended, &sending);
                    return Ok((appended, sending.is_unsure()));
                }
                Err(error) => self.wait_to_resend(error, &mut sending).await?,
            }
        }
    }

    fn count(&self, appended: &Appended, sending: &Sending) {
        if matches!(appended, Appended::Committed(_)) || sending.is_unsure() {
            self.0.counters.commits.add();
        }
    }

    /// Stores all of the commits or none, where [`Capabilities::multi_stream`] says that the store can.
    ///
    /// # Errors
    ///
    /// See [`AppendError`]. With [`Unknown`](AppendError::Unknown) they are all stored or none of them is.
    pub async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        self.send_all(commits, false).await
    }

    /// Stores commits of which the caller has perhaps sent some before, without an answer.
    pub(crate) async fn send_all(
        &self,
        commits: Vec<Commit>,
        was_sent: bool,
    ) -> Result<Vec<Appended>, AppendError> {
        let span = tracing::debug_span!("es.append_all", commits = commits.len());
        let append = async {
            commits.iter().try_for_each(|commit| self.0.settings.limits.check(commit))?;
            let Some(first) = commits.first() else { return Ok(Vec::new()) };
            let mut sending = Sending::of(first.id, was_sent);
            loop {
                match self.0.adapter.append_all(commits.clone()).await {
                    Ok(appended) => {
                        appended.iter().for_each(|appended| self.count(appended, &sending));
                        return Ok(appended);
                    }
                    Err(error) => self.wait_to_resend(error, &mut sending).await?,
                }
            }
        };
        append.instrument(span).await
    }

    async fn wait_to_resend(&self, error: AppendError, sending: &mut Sending) -> Result<(), AppendError> {
        let retry = &self.0.settings.retry;
        let error = sending.failed(error);
        if !error.is_retryable() || sending.failures() > retry.failures {
            return Err(error);
        }
        tracing::debug!(%error, failures = sending.failures(), "sending the commit again");
        self.0.counters.resends.add();
        retry.wait(sending.failures() - 1, &*self.0.settings.entropy).await;
        Ok(())
    }

    /// Where the commit with this id is stored, if it is.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        self.0.adapter.find_commit(id).await
    }

    /// Events of one stream, from version `from` on: every append acknowledged before is seen.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        limit: Limit,
    ) -> Result<Page, ReadError> {
        self.0.adapter.read_stream(stream, from, Direction::Forward, limit, Freshness::Latest).await
    }

    /// Shows every event of a stream from version `from` on to `reader`.
    pub(crate) async fn replay(
        &self,
        stream: &StreamName,
        from: Version,
        reader: Reader<'_>,
    ) -> Result<(), ReadError> {
        self.0.adapter.replay(stream, from, reader).await
    }

    /// The newest events of one stream, the newest first, from version `from` down.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read_stream_back(
        &self,
        stream: &StreamName,
        from: Version,
        limit: Limit,
    ) -> Result<Page, ReadError> {
        self.0.adapter.read_stream(stream, from, Direction::Backward, limit, Freshness::Latest).await
    }

    /// Events of the whole log after `after`.
    ///
    /// ```
    /// # use es_runtime::prelude::*;
    /// # use es_runtime::{Cursor, Filter, Limit};
    /// # async fn print_all(store: Store) -> Result<(), es_runtime::ReadError> {
    /// let mut cursor = Cursor::start();
    /// loop {
    ///     let page = store.read_all(&cursor, &Filter::all().category("order"), Limit::default()).await?;
    ///     for event in &page.events {
    ///         println!("{} {} {}", event.position(), event.stream(), event.name());
    ///     }
    ///     if page.is_end {
    ///         return Ok(());
    ///     }
    ///     cursor = page.next;
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read_all(
        &self,
        after: &Cursor,
        filter: &Filter,
        limit: Limit,
    ) -> Result<LogPage, ReadError> {
        self.0.adapter.read_all(after, filter, limit).await
    }

    /// Where the log ends now: a reader from there sees what is stored from now on.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn head(&self) -> Result<Cursor, ReadError> {
        self.0.adapter.head().await
    }

    /// Says that there may be something new. A hint: it may come for nothing, or not at all.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.adapter.changes()
    }

    /// What this store can do.
    pub fn capabilities(&self) -> Capabilities {
        self.0.adapter.capabilities()
    }

    /// Which store this is: the same each time it is opened.
    pub fn identity(&self) -> StoreId {
        self.0.adapter.identity()
    }

    /// What happened since it was opened by this program.
    pub fn stats(&self) -> Stats {
        self.0.counters.read()
    }

    /// Waits until the commands before this one on `stream` are done.
    pub(crate) async fn turn(&self, stream: &StreamName) -> Turn<'_> {
        self.0.turns.take(stream).await
    }

    /// Tells that a command has begun, until the answer is dropped.
    pub(crate) fn begin_command(&self) -> Underway<'_> {
        self.0.batcher.begin_command()
    }

    /// What the events of a commit share.
    pub(crate) fn share(&self, metadata: Metadata) -> Arc<Metadata> {
        if metadata.is_empty() { Arc::clone(&self.0.no_metadata) } else { Arc::new(metadata) }
    }

    pub(crate) fn tail(&self) -> &Tail {
        &self.0.tail
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    pub(crate) fn fingerprints(&self) -> &Fingerprints {
        &self.0.fingerprints
    }

    pub(crate) fn snapshots(&self) -> Option<&Arc<dyn DynSnapshots>> {
        self.0.snapshots.as_ref()
    }

    pub(crate) fn registers(&self) -> Option<&Arc<dyn DynRegisters>> {
        self.0.registers.as_ref()
    }

    pub(crate) fn transactions(&self) -> Option<&Arc<dyn DynTransactions>> {
        self.0.transactions.as_ref()
    }

    pub(crate) fn format(&self) -> Format {
        self.0.settings.format
    }

    pub(crate) fn retry(&self) -> &Retry {
        &self.0.settings.retry
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.settings.clock.now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.0.settings.entropy
    }

    pub(crate) fn fresh_commit_id(&self, now: Timestamp) -> CommitId {
        fresh(now, self.entropy()).into()
    }

    /// Whether this is the first warning about `aggregate`.
    pub(crate) fn warns_first(&self, aggregate: &'static str) -> bool {
        self.0.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(aggregate)
    }

    /// Claims the writing of a snapshot of `stream`, unless one is being written.
    pub(crate) fn begin_snapshot(&self, stream: &StreamName) -> Option<SnapshotTurn> {
        let mut writing = self.0.snapshotting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_mine = writing.insert(stream.clone());
        is_mine.then(|| SnapshotTurn { store: self.clone(), stream: stream.clone() })
    }
}

/// While it lives, no other snapshot of the stream is written by this program.
pub(crate) struct SnapshotTurn {
    store: Store,
    stream: StreamName,
}

impl Drop for SnapshotTurn {
    fn drop(&mut self) {
        let mut writing = self.store.0.snapshotting.lock().unwrap_or_else(PoisonError::into_inner);
        writing.remove(&self.stream);
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("identity", &self.identity()).finish_non_exhaustive()
    }
}

/// What of a store is not as it is by default.
///
/// ```standalone_crate
/// # use es_runtime::prelude::*;
/// # use es_runtime::{Retry, Timestamp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let noon: Timestamp = "2026-01-01T12:00:00Z".parse()?;
/// let store = Store::builder().clock(move || noon).retry(Retry::never()).connect("memory:").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct StoreBuilder {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    format: Format,
    limits: Limits,
    retry: Retry,
}

impl StoreBuilder {
    /// Who tells the time. The operating system, unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where fresh ids and jitter come from. The operating system, unless set.
    #[must_use]
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Arc::new(entropy);
        self
    }

    /// How new payloads are written. JSON, unless set; what is stored is read in the format it has.
    #[must_use]
    pub const fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// How large things may be.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How often to try again.
    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// A store on this adapter, which brings its own clock. The names in the registry are checked by
    /// [`connect`](Self::connect) only, because this cannot fail.
    pub fn adapter(mut self, adapter: impl Adapter) -> Store {
        let adapter: Arc<dyn DynAdapter> = Arc::new(adapter);
        self.limits = self.limits.within(&adapter.capabilities());
        let counters = Arc::<Counters>::default();
        Store(Arc::new(Shared {
            snapshots: adapter.snapshots(),
            registers: adapter.registers(),
            transactions: adapter.transactions(),
            batcher: Batcher::new(Arc::clone(&adapter)),
            adapter,
            settings: self,
            no_metadata: Arc::default(),
            turns: Turns::new(turns::PATIENCE, Arc::clone(&counters)),
            counters,
            warned: Mutex::default(),
            snapshotting: Mutex::default(),
            fingerprints: Fingerprints::default(),
            tail: Tail::default(),
        }))
    }
}

impl fmt::Debug for StoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreBuilder")
            .field("format", &self.format)
            .field("limits", &self.limits)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
