//! A store in memory that keeps every promise, and what can go wrong around one.

mod append;
mod cases;
mod log;
mod registers;
mod stream;

pub(crate) use self::cases::REJECTING;

use es_runtime::memory::Memory;
use es_runtime::testing::conformance::Setup;
use es_runtime::{
    Adapter, AppendError, Appended, Capabilities, Clock, Commit, CommitId, Cursor, Direction, Durability,
    Filter, Found, Freshness, Limit, LogPage, Page, Range, ReadError, Reader, Recorded, Register, Registers,
    Snapshot, Snapshots, StoreId, StreamName, SystemEntropy, Timestamp, Version,
};
use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    ChecksTheVersionBeforeTheId,
    OverlooksConflicts,
    StoresInSpiteOfAConflict,
    ReportsTheExpectedVersion,
    ChecksThenWrites,
    ReadsThenCreates,
    WritesEventByEvent,
    WritesStreamByStream,
    TakesOneStreamTwice,
    IgnoresGuards,
    ChecksGuardsThenWrites,
    RemembersTheLastIdOnly,
    TrustsIds,
    ComparesMetadata,
    UsesUpIdsThatWereRefused,
    StoresTwiceAtOnce,
    FindsNothing,
    FailsBatchesAsOne,
    LosesMetadata,
    FoldsCase,
    GoesBackInTime,
    SkipsAnEvent,
    SplitsPages,
    ReadsNothingFromBeyond,
    SaysThereIsMore,
    ReadsALittleLate,
    ShowsCommitsLate,
    RepeatsTheLastCommit,
    FiltersAfterCounting,
    FiltersByPrefix,
    KeepsChangesToItself,
    PretendsToBeDurable,
    IsEveryStore,
    TakesMoreThanItSays,
    KeepsAnySnapshot,
    KeepsTheHighestSnapshot,
    KeepsDeletedSnapshots,
    ReturnsSnapshotsOneVersionTooLow,
    SharesSnapshotsBetweenCategories,
    FindsTheWrongPlace,
    FindsAnything,
    ReadsFromOneBefore,
    LeavesGapsWhereItMayLag,
    ReplaysTheFirstPageOnly,
    ReplaysMoreThanIsWanted,
    CoversTheEnd,
    CoversTheFuture,
    LosesEmptyPayloads,
    SaysStoredEachTime,
    ForgetsIdsOfSeveralStreams,
    WritesToGuardedStreams,
    SaysTheStartIsTheHead,
    SaysTheHeadIsFurther,
    SaysWhereTheHeadWas,
    ReadsRegistersLate,
    ChecksRegistersThenWrites,
    WritesRegistersOneByOne,
    ListsRegistersByPattern,
    FoldsTheCaseOfRegisters,
}

/// Everything on one page.
const WIDE: Limit = Limit { events: usize::MAX, bytes: usize::MAX };

#[derive(Clone)]
pub(crate) struct Mutant(Arc<Inner>);

impl Deref for Mutant {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

pub(crate) struct Inner {
    memory: Memory,
    bug: Bug,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
    silence: watch::Sender<()>,
}

#[derive(Default)]
struct Known {
    last: Option<CommitId>,
    refused: HashSet<CommitId>,
    hidden: HashSet<CommitId>,
    shown: HashSet<CommitId>,
    times: HashMap<CommitId, Timestamp>,
    heads: Vec<Cursor>,
    registers: HashMap<String, Option<Register>>,
}

impl Mutant {
    pub(crate) fn new(setup: Setup, bug: Bug) -> Self {
        let memory = Memory::with(setup.clock.clone(), SystemEntropy::default());
        let silence = watch::Sender::new(());
        Self(Arc::new(Inner { memory, bug, clock: setup.clock, known: Mutex::default(), silence }))
    }

    fn known<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        with(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn version(&self, stream: &StreamName) -> Version {
        let last = Version::new(u64::MAX);
        let page = self.memory.read_stream(stream, last, Direction::Backward, WIDE, Freshness::Latest).await;
        page.expect("no faults").events.first().map_or(Version::NONE, Recorded::version)
    }

    async fn is_known(&self, id: CommitId) -> Option<Found> {
        self.memory.find_commit(id).await.expect("no faults")
    }

    async fn stored(&self, id: CommitId) -> Vec<Recorded> {
        let page = self.memory.read_all(&Cursor::start(), &Filter::all(), WIDE).await.expect("no faults");
        page.events.into_iter().filter(|event| event.commit() == id).collect()
    }

    async fn store(&self, commit: Commit) -> Result<Appended, AppendError> {
        self.memory.append_batch(vec![commit]).await.remove(0)
    }

    async fn check_guards(&self, commit: &Commit) -> Result<(), AppendError> {
        for (stream, expected) in &commit.requires {
            let actual = self.version(stream).await;
            if !expected.accepts(actual) {
                return Err(AppendError::Conflict { stream: stream.clone(), expected: *expected, actual });
            }
        }
        Ok(())
    }

    /// The name under which it keeps snapshots.
    fn shared(&self, stream: &StreamName) -> StreamName {
        match self.bug {
            Bug::SharesSnapshotsBetweenCategories => StreamName::new("any", stream.key()).expect("valid"),
            _ => stream.clone(),
        }
    }
}

fn folded(stream: &StreamName) -> StreamName {
    let key = stream.key().to_lowercase();
    StreamName::new(stream.category(), if key.len() > StreamName::LONGEST { stream.key() } else { &key })
        .expect("valid")
}

impl Adapter for Mutant {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        self.append_each(commits).await
    }

    async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        self.append_together(commits).await
    }

    async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        let found = self.memory.find_commit(id).await?;
        Ok(match self.bug {
            Bug::FindsNothing => None,
            Bug::FindsTheWrongPlace => found.map(|found| {
                let last = found.range.last.next();
                Found { range: Range { last, ..found.range }, ..found }
            }),
            Bug::FindsAnything if found.is_none() => {
                let page = self.memory.read_all(&Cursor::start(), &Filter::all(), WIDE).await?;
                page.events.first().map(|event| Found {
                    stream: event.stream().clone(),
                    range: Range {
                        first: event.version(),
                        last: event.version(),
                        position: event.position(),
                    },
                })
            }
            _ => found,
        })
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        freshness: Freshness,
    ) -> Result<Page, ReadError> {
        self.page_of_stream(stream, from, direction, limit, freshness).await
    }

    async fn replay(&self, stream: &StreamName, from: Version, reader: Reader<'_>) -> Result<(), ReadError> {
        self.shown(stream, from, reader).await
    }

    async fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> Result<LogPage, ReadError> {
        self.page_of_log(after, filter, limit).await
    }

    async fn head(&self) -> Result<Cursor, ReadError> {
        self.end_of_log().await
    }

    fn changes(&self) -> watch::Receiver<()> {
        match self.bug {
            Bug::KeepsChangesToItself => self.silence.subscribe(),
            _ => self.memory.changes(),
        }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.memory.capabilities();
        match self.bug {
            Bug::PretendsToBeDurable => capabilities.durability = Durability::Fsync,
            Bug::TakesMoreThanItSays => capabilities.max_commit_events = 10,
            _ => {}
        }
        capabilities
    }

    fn identity(&self) -> StoreId {
        let same = "6f1d8a04-52c7-5c2e-9d34-8b1e70c643a1";
        match self.bug {
            Bug::IsEveryStore => StoreId::from_str(same).expect("a UUID"),
            _ => self.memory.identity(),
        }
    }

    fn snapshots(&self) -> Option<impl Snapshots> {
        Some(self.clone())
    }

    fn registers(&self) -> Option<impl Registers> {
        Some(self.clone())
    }
}

impl Snapshots for Mutant {
    async fn load_snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, ReadError> {
        let kept = self.memory.load_snapshot(&self.shared(stream)).await?;
        let too_low = self.bug == Bug::ReturnsSnapshotsOneVersionTooLow;
        Ok(kept.map(|kept| match too_low {
            true => Snapshot { version: Version::new(kept.version.get() - 1), ..kept },
            false => kept,
        }))
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), ReadError> {
        let stream = &self.shared(stream);
        let kept = self.memory.load_snapshot(stream).await?;
        match self.bug {
            Bug::KeepsAnySnapshot => self.memory.delete_snapshot(stream).await?,
            Bug::KeepsTheHighestSnapshot if kept.is_some_and(|kept| kept.version > snapshot.version) => {
                return Ok(());
            }
            _ => {}
        }
        self.memory.save_snapshot(stream, snapshot).await
    }

    async fn delete_snapshot(&self, stream: &StreamName) -> Result<(), ReadError> {
        if self.bug == Bug::KeepsDeletedSnapshots {
            Ok(())
        } else {
            self.memory.delete_snapshot(&self.shared(stream)).await
        }
    }
}
