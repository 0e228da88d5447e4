//! The tests of the tests: stores that break one promise each, and the rule that notices.

use es_runtime::memory::Memory;
use es_runtime::testing::conformance::{Ability, Rule, Setup, Suite, rules};
use es_runtime::{
    Adapter, AppendError, Appended, Capabilities, Clock, Commit, CommitId, Cursor, Direction, Durability,
    Envelope, Expected, Filter, Found, Freshness, Limit, LogPage, Metadata, NewEvent, NonEmpty, Page,
    Position, Range, ReadError, Recorded, Snapshot, Snapshots, StoreId, StreamName, SystemEntropy, Timestamp,
    Version,
};
use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio::task::yield_now;

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
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
}

#[derive(Clone)]
struct Mutant(Arc<Inner>);

impl Deref for Mutant {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

struct Inner {
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
}

const WIDE: Limit = Limit { events: usize::MAX, bytes: usize::MAX };

impl Mutant {
    fn new(setup: Setup, bug: Bug) -> Self {
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

    async fn append(&self, mut commit: Commit) -> Result<Appended, AppendError> {
        let (id, expected) = (commit.id, commit.expected);
        let conflict =
            |stream: &StreamName, actual| AppendError::Conflict { stream: stream.clone(), expected, actual };
        match self.bug {
            Bug::ChecksTheVersionBeforeTheId => {
                let actual = self.version(&commit.stream).await;
                if !expected.accepts(actual) {
                    return Err(conflict(&commit.stream, actual));
                }
            }
            Bug::OverlooksConflicts => commit.expected = Expected::Any,
            Bug::StoresInSpiteOfAConflict => {
                let outcome = self.store(commit.clone()).await;
                if let Err(AppendError::Conflict { .. }) = outcome {
                    commit.expected = Expected::Any;
                    let _ = self.store(commit).await;
                }
                return outcome;
            }
            Bug::ReportsTheExpectedVersion => {
                return self.store(commit).await.map_err(|error| match error {
                    AppendError::Conflict { stream, expected, actual: _ } => {
                        AppendError::Conflict { stream, expected, actual: Version::new(1) }
                    }
                    error => error,
                });
            }
            Bug::ChecksThenWrites | Bug::ReadsThenCreates if self.is_known(id).await.is_none() => {
                let actual = self.version(&commit.stream).await;
                if !expected.accepts(actual) {
                    return Err(conflict(&commit.stream, actual));
                }
                yield_now().await;
                if self.bug == Bug::ChecksThenWrites || actual == Version::NONE {
                    commit.expected = Expected::Any;
                }
            }
            Bug::WritesEventByEvent if self.is_known(id).await.is_none() => {
                let mut ranges = Vec::new();
                for (n, event) in commit.events.iter().enumerate() {
                    let part = Commit {
                        id: if n + 1 == commit.events.len() {
                            id
                        } else {
                            CommitId::derive(&id, &n.to_string())
                        },
                        expected: if n == 0 { expected } else { Expected::Any },
                        events: NonEmpty::new(vec![event.clone()]).expect("one"),
                        ..commit.clone()
                    };
                    ranges.push(self.store(part).await?.range());
                    yield_now().await;
                }
                let last = *ranges.last().expect("one");
                return Ok(Appended::Committed(Range { first: ranges[0].first, ..last }));
            }
            Bug::IgnoresGuards => commit.requires.clear(),
            Bug::ChecksGuardsThenWrites if self.is_known(id).await.is_none() => {
                self.check_guards(&commit).await?;
                yield_now().await;
                commit.requires.clear();
            }
            Bug::RemembersTheLastIdOnly => {
                let last = self.known(|known| known.last.replace(id));
                if last != Some(id) && self.is_known(id).await.is_some() {
                    commit.id = CommitId::derive(&id, "again");
                }
            }
            Bug::TrustsIds => {
                if let Some(found) = self.is_known(id).await {
                    return Ok(Appended::AlreadyCommitted(found.range));
                }
            }
            Bug::ComparesMetadata => {
                let stored = self.stored(id).await;
                if stored.iter().zip(commit.events.iter()).any(|(old, new)| *old.metadata() != *new.metadata)
                {
                    return Err(AppendError::IdReused { id });
                }
            }
            Bug::UsesUpIdsThatWereRefused => {
                if self.known(|known| known.refused.contains(&id)) {
                    return Err(AppendError::IdReused { id });
                }
                let outcome = self.store(commit).await;
                if outcome.is_err() {
                    self.known(|known| known.refused.insert(id));
                }
                return outcome;
            }
            Bug::StoresTwiceAtOnce => {
                let is_known = self.is_known(id).await.is_some();
                yield_now().await;
                return match self.store(commit).await? {
                    Appended::AlreadyCommitted(range) if !is_known => Ok(Appended::Committed(range)),
                    appended => Ok(appended),
                };
            }
            Bug::LosesMetadata => {
                let without = |e: &NewEvent| NewEvent { metadata: Arc::new(Metadata::new()), ..e.clone() };
                commit.events = NonEmpty::new(commit.events.iter().map(without).collect()).expect("some");
            }
            Bug::FoldsCase => {
                commit.stream = folded(&commit.stream);
            }
            Bug::GoesBackInTime => {
                let now = self.clock.now();
                self.known(|known| known.times.insert(id, now));
            }
            Bug::ShowsCommitsLate => {
                self.known(|known| known.hidden.insert(id));
                let outcome = self.store(commit).await;
                for _ in 0..id.as_uuid().as_bytes()[15] % 8 {
                    yield_now().await;
                }
                self.known(|known| known.hidden.remove(&id));
                return outcome;
            }
            _ => {}
        }
        self.store(commit).await
    }

    fn spoil(&self, events: Vec<Recorded>) -> Vec<Recorded> {
        if self.bug != Bug::GoesBackInTime {
            return events;
        }
        let at = |event: &Recorded| self.known(|known| known.times[&event.commit()]);
        let spoilt = |event: Recorded| {
            let envelope = Envelope {
                commit: event.commit(),
                index: event.index(),
                stream: event.stream().clone(),
                version: event.version(),
                position: event.position(),
                recorded_at: at(&event),
                occurred_at: event.occurred_at(),
                name: Arc::<str>::from(event.name()).into(),
                schema_version: event.schema_version(),
                metadata: Arc::new(event.metadata().clone()),
            };
            Recorded::from_store(envelope, event.event().clone())
        };
        events.into_iter().map(spoilt).collect()
    }
}

fn folded(stream: &StreamName) -> StreamName {
    let key = stream.key().to_lowercase();
    StreamName::new(stream.category(), if key.len() > StreamName::LONGEST { stream.key() } else { &key })
        .expect("valid")
}

impl Adapter for Mutant {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        if self.bug == Bug::FailsBatchesAsOne && commits.len() > 1 {
            let count = commits.len();
            return match self.memory.append_all(commits).await {
                Ok(appended) => appended.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error); count],
            };
        }
        let mut outcomes = Vec::new();
        for commit in commits {
            outcomes.push(self.append(commit).await);
        }
        outcomes
    }

    async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        let one_by_one = match self.bug {
            Bug::WritesStreamByStream => true,
            Bug::TakesOneStreamTwice => {
                commits.iter().any(|c| c.stream != commits[0].stream) || commits.len() == 2
            }
            _ => false,
        };
        if !one_by_one {
            return self.memory.append_all(commits).await;
        }
        let mut appended = Vec::new();
        for commit in commits {
            appended.push(self.store(commit).await?);
            yield_now().await;
        }
        Ok(appended)
    }

    async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        if self.bug == Bug::FindsNothing { Ok(None) } else { self.memory.find_commit(id).await }
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        freshness: Freshness,
    ) -> Result<Page, ReadError> {
        let stream = if self.bug == Bug::FoldsCase { &folded(stream) } else { stream };
        let mut page = self.memory.read_stream(stream, from, direction, limit, freshness).await?;
        match self.bug {
            Bug::SkipsAnEvent => page.events.retain(|event| event.version() != Version::new(5)),
            Bug::SplitsPages if page.events.len() > limit.events.max(1) => {
                page.next = Some(page.events[limit.events.max(1)].version());
                page.events.truncate(limit.events.max(1));
            }
            Bug::ReadsNothingFromBeyond if from > self.version(stream).await => {
                page = Page { events: Vec::new(), next: None };
            }
            Bug::SaysThereIsMore if page.next.is_none() && page.events.len() >= limit.events => {
                page.next = page.events.last().map(|last| last.version().next());
            }
            Bug::ReadsALittleLate => {
                let newest = page.events.iter().max_by_key(|event| event.version()).map(Recorded::commit);
                if let Some(newest) = newest.filter(|id| self.known(|known| known.shown.insert(*id))) {
                    page.events.retain(|event| event.commit() != newest);
                }
            }
            _ => {}
        }
        Ok(Page { events: self.spoil(page.events), ..page })
    }

    async fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> Result<LogPage, ReadError> {
        let mut page = match self.bug {
            Bug::FiltersAfterCounting => {
                let mut page = self.memory.read_all(after, &Filter::all(), limit).await?;
                page.events.retain(|event| filter.matches(event.stream().category(), event.name()));
                page.is_end |= page.events.is_empty();
                page
            }
            Bug::FiltersByPrefix => {
                let mut page = self.memory.read_all(after, &Filter::all(), WIDE).await?;
                let fits = |list: &[Arc<str>], text: &str| {
                    list.is_empty() || list.iter().any(|item| text.starts_with(&**item))
                };
                page.events.retain(|event| {
                    fits(&filter.categories, event.stream().category()) && fits(&filter.events, event.name())
                });
                page
            }
            Bug::RepeatsTheLastCommit => {
                let back = after.position().map(|at| Position::new(at.commit() - 1, u64::MAX));
                self.memory.read_all(&back.map_or_else(Cursor::start, Cursor::at), filter, limit).await?
            }
            _ => self.memory.read_all(after, filter, limit).await?,
        };
        page.events.retain(|event| !self.known(|known| known.hidden.contains(&event.commit())));
        if self.bug == Bug::SplitsPages && page.events.len() > limit.events.max(1) {
            page.events.truncate(limit.events.max(1));
            page.next = page.events.last().map_or_else(Cursor::start, |last| Cursor::at(last.position()));
            page.is_end = false;
        }
        Ok(LogPage { events: self.spoil(page.events), ..page })
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
}

impl Snapshots for Mutant {
    async fn load_snapshot(&self, stream: &StreamName) -> Result<Option<Snapshot>, ReadError> {
        self.memory.load_snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), ReadError> {
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
            self.memory.delete_snapshot(stream).await
        }
    }
}

/// A rule has to keep quiet about the wrapper itself, and has to notice the bug.
macro_rules! noticed {
    ($($test:ident: $bug:ident by $kind:ident::$rule:ident,)*) => {
        $(
            #[test]
            fn $test() {
                let with = |bug| {
                    let pretends = bug == Bug::PretendsToBeDurable;
                    let without = &[Ability::TwoHandles, Ability::Durability][..if pretends { 1 } else { 2 }];
                    let open = move |setup| async move { Mutant::new(setup, bug) };
                    Suite::new(open, without).check(Rule::new(stringify!($rule), rules::$kind::$rule))
                };
                with(Bug::None).expect("without a bug");
                let noticed = with(Bug::$bug).expect_err("the rule does not notice").to_string();
                assert!(!noticed.contains("no end"), "the rule hangs instead of noticing");
            }
        )*
    };
}

noticed! {
    version_before_id: ChecksTheVersionBeforeTheId by retry::t4_the_same_commit_again_is_known_whatever_it_expects,
    version_before_id_by_model: ChecksTheVersionBeforeTheId by model::every_sequence_of_calls_answers_as_the_model_does,
    conflicts_overlooked: OverlooksConflicts by version::t2_every_expectation_holds_when_it_should,
    conflicts_overlooked_by_history: OverlooksConflicts by version::t2_of_two_creators_one_wins,
    conflicts_stored: StoresInSpiteOfAConflict by version::t2_a_conflict_stores_nothing,
    conflicts_stored_by_race: StoresInSpiteOfAConflict by version::t2_of_many_writers_none_is_lost,
    conflicts_stored_by_history: StoresInSpiteOfAConflict by history::t2_a_concurrent_history_has_an_order,
    conflict_without_the_actual: ReportsTheExpectedVersion by version::t2_every_expectation_holds_when_it_should,
    check_then_write: ChecksThenWrites by version::t2_of_many_writers_none_is_lost,
    check_then_write_by_history: ChecksThenWrites by history::t2_a_concurrent_history_has_an_order,
    two_creators: ReadsThenCreates by version::t2_of_two_creators_one_wins,
    event_by_event: WritesEventByEvent by atomic::t1_the_events_of_a_commit_follow_each_other,
    event_by_event_seen_by_a_reader: WritesEventByEvent by atomic::t1_a_commit_is_never_seen_in_part,
    event_by_event_dropped: WritesEventByEvent by retry::t5_a_dropped_append_leaves_all_or_nothing,
    stream_by_stream: WritesStreamByStream by atomic::t1_several_streams_are_written_all_or_none,
    stream_by_stream_seen_by_a_reader: WritesStreamByStream by atomic::t1_several_streams_are_never_seen_in_part,
    stream_by_stream_checked: WritesStreamByStream by atomic::t1_several_streams_are_all_checked_before_one_is_written,
    one_stream_twice: TakesOneStreamTwice by atomic::t1_several_commits_to_one_stream_are_refused,
    guards_ignored: IgnoresGuards by version::t2_a_guard_that_does_not_hold_is_a_conflict,
    guards_checked_too_early: ChecksGuardsThenWrites by version::t2_of_two_that_guard_each_other_one_wins_at_most,
    ids_forgotten: RemembersTheLastIdOnly by retry::t4_the_same_commit_again_is_known_after_others,
    ids_trusted: TrustsIds by retry::t4_the_same_id_with_other_events_is_refused,
    ids_trusted_elsewhere: TrustsIds by retry::t4_the_same_id_in_another_stream_is_refused,
    metadata_compared: ComparesMetadata by retry::t4_the_same_commit_with_other_metadata_is_the_same,
    ids_used_up: UsesUpIdsThatWereRefused by retry::t4_a_refused_commit_leaves_its_id_free,
    stored_twice: StoresTwiceAtOnce by retry::t4_the_same_commit_at_once_is_stored_once,
    nothing_found: FindsNothing by retry::t4_a_commit_is_found_by_its_id,
    batch_as_one: FailsBatchesAsOne by retry::t5_the_commits_of_a_batch_fare_on_their_own,
    metadata_lost: LosesMetadata by atomic::t1_what_was_written_comes_back_unchanged,
    case_folded: FoldsCase by bounds::t10_names_are_taken_as_they_are,
    back_in_time: GoesBackInTime by atomic::t1_recorded_at_never_goes_back_within_a_stream,
    event_skipped: SkipsAnEvent by read::t9_versions_are_dense,
    event_skipped_by_model: SkipsAnEvent by model::every_sequence_of_calls_answers_as_the_model_does,
    pages_split: SplitsPages by read::t8_pages_of_a_stream_end_with_commits,
    pages_of_the_log_split: SplitsPages by read::t8_pages_of_the_log_end_with_commits,
    nothing_from_beyond: ReadsNothingFromBeyond by read::t8_a_stream_can_be_read_from_anywhere,
    more_at_the_end: SaysThereIsMore by read::t8_pages_of_a_stream_end_with_commits,
    stale_read: ReadsALittleLate by read::t7_a_read_sees_what_was_acknowledged_to_anybody,
    stale_read_by_history: ReadsALittleLate by history::t2_a_concurrent_history_has_an_order,
    late_commits: ShowsCommitsLate by log::t6_what_a_reader_has_passed_never_changes,
    repeated: RepeatsTheLastCommit by log::t6_a_cursor_reads_on_where_it_stood,
    filtered_after_counting: FiltersAfterCounting by log::t6_a_filter_loses_nothing,
    filtered_by_prefix: FiltersByPrefix by log::t6_a_filter_takes_names_as_they_are,
    silent: KeepsChangesToItself by log::t6_a_change_is_told,
    not_durable: PretendsToBeDurable by durable::t3_what_was_acknowledged_is_there_when_opened_again,
    no_identity: IsEveryStore by durable::t3_a_store_knows_itself_again,
    no_limit: TakesMoreThanItSays by bounds::t10_too_large_is_refused,
    any_snapshot: KeepsAnySnapshot by snapshots::a_snapshot_takes_the_place_of_an_older_one,
    highest_snapshot: KeepsTheHighestSnapshot by snapshots::a_snapshot_takes_the_place_of_an_older_one,
    deleted_snapshot: KeepsDeletedSnapshots by snapshots::a_snapshot_can_be_deleted,
}
