//! What a storage engine implements to become a store.

use crate::commit::{Appended, Commit, Range};
use crate::error::{AppendError, ReadError};
use crate::format::Format;
use crate::id::{CommitId, StoreId};
use crate::name::StreamName;
use crate::position::{Cursor, Version};
use crate::recorded::Recorded;
use crate::register::{NoRegisters, Registers};
use crate::snapshot::{NoSnapshots, Snapshots};
use crate::sql::{NoTransactions, Transactions};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A storage engine. [`Store`](crate::Store) adds batching, retries, limits and tracing.
///
/// The promises, by the names that the tests use:
///
/// | | |
/// | --- | --- |
/// | T1 atomic | the events of a commit get versions v+1..v+n, and are never seen in part; pages end where commits end |
/// | T2 expected version | [`Expected`](crate::Expected) is a linearizable compare-and-set on the stream, else [`Conflict`](AppendError::Conflict) |
/// | T3 durable | `Ok` means durable as [`Capabilities::durability`] says |
/// | T4 idempotent | a commit id that is stored answers as the first time, looked up before the version is checked |
/// | T5 honest | every error says whether the commit is stored, or that nobody knows |
/// | T6 prefix-stable | what a reader of the log has passed never changes; order within a stream is kept |
/// | T7 fresh | a read at [`Freshness::Latest`] sees every append acknowledged before it |
/// | T8 paged | a page has bounded size, and no lock outlives it |
/// | T9 dense | versions are 1, 2, 3 and so on; a gap is [`Corrupt`](ReadError::Corrupt) |
/// | T10 bounded input | what is too large is refused, and nothing of it is written |
///
/// A future of these methods may be dropped at any time. For an append that means that its outcome is
/// unknown; it must not mean that half of it is stored.
pub trait Adapter: Send + Sync + 'static {
    /// Stores each commit on its own: one that fails takes no other with it.
    ///
    /// The outcomes are in the order of the commits. No stream is touched by two commits of one call.
    fn append_batch(
        &self,
        commits: Vec<Commit>,
    ) -> impl Future<Output = Vec<Result<Appended, AppendError>>> + Send;

    /// Stores all of the commits or none. The streams they write to must differ, and what they expect, they
    /// expect of what was there before all of them.
    ///
    /// An adapter that cannot answers [`Unsupported`](AppendError::Unsupported), and says so in
    /// [`Capabilities::multi_stream`].
    fn append_all(
        &self,
        commits: Vec<Commit>,
    ) -> impl Future<Output = Result<Vec<Appended>, AppendError>> + Send;

    /// Where the commit with this id is stored, if it is.
    fn find_commit(&self, id: CommitId) -> impl Future<Output = Result<Option<Found>, ReadError>> + Send;

    /// Events of one stream, from version `from` on ([`Direction::Forward`]) or down ([`Direction::Backward`]).
    /// Down from beyond the end is down from the newest.
    fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        freshness: Freshness,
    ) -> impl Future<Output = Result<Page, ReadError>> + Send;

    /// Shows every event of a stream from version `from` on to `reader`, without the envelopes: what an aggregate
    /// is folded from. As fresh as [`Freshness::Latest`], and as dense; memory stays bounded. It ends early where
    /// the reader breaks.
    ///
    /// What it does by itself is to [read pages](Self::read_stream). A store whose rows cost by the column can
    /// do better.
    fn replay(
        &self,
        stream: &StreamName,
        from: Version,
        reader: Reader<'_>,
    ) -> impl Future<Output = Result<(), ReadError>> + Send {
        async move {
            let (mut next, mut limit) = (Some(from), Limit::events(FIRST_PAGE));
            while let Some(from) = next {
                let page =
                    self.read_stream(stream, from, Direction::Forward, limit, Freshness::Latest).await?;
                if page.events.iter().any(|event| reader(&Bare::of(event)).is_break()) {
                    return Ok(());
                }
                (next, limit) = (page.next, Limit::default());
            }
            Ok(())
        }
    }

    /// Events of the whole log after `after`, in an order that is the same for every reader.
    fn read_all(
        &self,
        after: &Cursor,
        filter: &Filter,
        limit: Limit,
    ) -> impl Future<Output = Result<LogPage, ReadError>> + Send;

    /// Where the log ends now: a reader from there sees every append that is acknowledged after this call, and
    /// nothing that was acknowledged before it. Whoever has read to the end has come there, or farther.
    ///
    /// What it does by itself is to look through the whole log.
    fn head(&self) -> impl Future<Output = Result<Cursor, ReadError>> + Send {
        async move {
            // No event has this name, so that no page holds any.
            let (mut cursor, nothing) = (Cursor::start(), Filter::all().event("\u{1}"));
            loop {
                let page = self.read_all(&cursor, &nothing, Limit::default()).await?;
                cursor = page.next;
                if page.is_end {
                    return Ok(cursor);
                }
            }
        }
    }

    /// Says that there may be something new. A hint: it may come for nothing, and it may be missed. Where another
    /// process writes, it comes within some milliseconds as long as somebody holds a receiver, at a cost of next
    /// to nothing.
    fn changes(&self) -> watch::Receiver<()>;

    /// What this store can do, as found when it was opened.
    fn capabilities(&self) -> Capabilities;

    /// Which store this is. The same each time it is opened, by whatever process.
    fn identity(&self) -> StoreId;

    /// Where this store keeps snapshots, if it can.
    fn snapshots(&self) -> Option<impl Snapshots> {
        None::<NoSnapshots>
    }

    /// Where this store keeps registers, if it can: projections, reactions and workflows need them.
    fn registers(&self) -> Option<impl Registers> {
        None::<NoRegisters>
    }

    /// The store's transactions, if it has SQL: projections that are to see each event exactly once need them.
    fn transactions(&self) -> Option<impl Transactions> {
        None::<NoTransactions>
    }
}

/// The events of the first page of a load: most aggregates have no more, and stores read so much without a thread
/// of its own.
pub(crate) const FIRST_PAGE: usize = 128;

/// Takes the events of a stream one by one, and says whether it wants more.
pub type Reader<'a> = &'a mut (dyn FnMut(&Bare<'_>) -> ControlFlow<()> + Send);

/// A stored event without its envelope: what a fold looks at.
#[derive(Debug, Clone, Copy)]
pub struct Bare<'a> {
    /// Its place in the stream.
    pub version: Version,
    /// The name it is stored under.
    pub name: &'a str,
    /// The version of its shape.
    pub schema_version: u16,
    /// How the payload is written.
    pub format: Format,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Bare<'a> {
    /// What a fold looks at of `recorded`.
    pub fn of(recorded: &'a Recorded) -> Self {
        Self {
            version: recorded.version(),
            name: recorded.name(),
            schema_version: recorded.schema_version(),
            format: recorded.event().format(),
            payload: recorded.event().bytes(),
        }
    }
}

/// A commit that was looked up by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The stream its events are in.
    pub stream: StreamName,
    /// Where they are.
    pub range: Range,
}

/// Which way to read a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From older to newer.
    Forward,
    /// From newer to older.
    Backward,
}

/// Whether a read may lag behind the newest append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It sees every append acknowledged before it. Decisions need this.
    Latest,
    /// It may lag, and may come from a replica.
    Any,
}

/// How much a page may hold. A page holds at least one commit, and ends where a commit ends, so it
/// may be larger by one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many events.
    pub events: usize,
    /// How many bytes of payload.
    pub bytes: usize,
}

impl Limit {
    /// At most `events`, and at most 4 MiB of payload.
    pub const fn events(events: usize) -> Self {
        Self { events, bytes: 4 << 20 }
    }

    /// Whether a page with so much in it is full.
    pub const fn is_reached(self, events: usize, bytes: usize) -> bool {
        events >= self.events || bytes >= self.bytes
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self::events(1000)
    }
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events, in the direction that was asked for.
    pub events: Vec<Recorded>,
    /// Where to read on, or nothing if this was the end of the stream.
    pub next: Option<Version>,
}

/// A part of the whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The events that the filter lets through, in the order of the log.
    pub events: Vec<Recorded>,
    /// How far this page reached, whether the filter let anything through or not.
    pub next: Cursor,
    /// Whether there was nothing more when it was read.
    pub is_end: bool,
}

/// Which events of the log to read. Applied in the store.
///
/// ```
/// use es_runtime::Filter;
///
/// let everything = Filter::all();
/// let payments = Filter::all().category("order").event("order.paid");
/// # let _ = (everything, payments);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only streams of these categories; of any if there are none.
    pub categories: Vec<Arc<str>>,
    /// Only events of these names; of any if there are none.
    pub events: Vec<Arc<str>>,
}

impl Filter {
    /// Every event.
    pub const fn all() -> Self {
        Self { categories: Vec::new(), events: Vec::new() }
    }

    /// Only streams of this category, or of one named before.
    #[must_use]
    pub fn category(mut self, category: impl Into<Arc<str>>) -> Self {
        self.categories.push(category.into());
        self
    }

    /// Only events stored under this name, or under one named before. Aliases are names of their own.
    #[must_use]
    pub fn event(mut self, name: impl Into<Arc<str>>) -> Self {
        self.events.push(name.into());
        self
    }

    /// Whether it lets through an event called `name` in a stream of `category`.
    pub fn matches(&self, category: &str, name: &str) -> bool {
        let any_of =
            |list: &[Arc<str>], text: &str| list.is_empty() || list.iter().any(|item| **item == *text);
        any_of(&self.categories, category) && any_of(&self.events, name)
    }
}

/// What a store can do, and how far its promises reach.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// What survives once an append has answered.
    pub durability: Durability,
    /// Whether every reader sees the whole log in one order.
    pub total_order: bool,
    /// Whether commits to several streams can be stored all or none.
    pub multi_stream: bool,
    /// Whether a commit can require something of streams that it does not write.
    pub guards: bool,
    /// How long a commit id is remembered.
    pub idempotency: Idempotency,
    /// The most events one commit may have.
    pub max_commit_events: usize,
    /// The most bytes one commit may have.
    pub max_commit_bytes: usize,
    /// What an operator should know, such as a setting of the server that weakens a promise.
    pub warnings: Vec<String>,
}

impl Capabilities {
    /// Of a store with a single writer at a time, which can do everything. For authors of adapters.
    pub const fn full(durability: Durability) -> Self {
        Self {
            durability,
            total_order: true,
            multi_stream: true,
            guards: true,
            idempotency: Idempotency::Forever,
            max_commit_events: usize::MAX,
            max_commit_bytes: usize::MAX,
            warnings: Vec::new(),
        }
    }
}

/// What survives once an append has answered. Each level survives what the ones before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing: it is gone with the process.
    Memory,
    /// The process being killed, but not a loss of power.
    ProcessCrash,
    /// A loss of power: it was flushed to the disk.
    Fsync,
    /// The loss of a machine: most of them have it in memory.
    Quorum,
    /// The loss of a machine and of power: most of them have it on disk.
    QuorumFsync,
}

/// How long a commit id is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// For as long as the events are stored.
    Forever,
    /// For so long after the commit.
    Window(Duration),
}
