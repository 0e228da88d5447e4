//! Random sequences of calls, answered by the store and by a model that fits on a page.

use crate::testing::conformance::draft::{event, id, payload, stream, with_events};
use crate::testing::conformance::rules::{check_log_page, check_page};
use crate::testing::conformance::{Ability, Broken, Kept, Subject, ensure, ensure_eq};
use crate::{
    Adapter, AppendError, Appended, Commit, CommitId, Cursor, Direction, Expected, Filter, Limit, NewEvent,
    Recorded, StreamName, Version,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::collections::BTreeMap;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

const STREAMS: u8 = 3;

/// A call, in numbers that shrink well. An id that was used before is a repetition or a reuse.
#[derive(Debug, Clone)]
enum Call {
    Append(Write),
    AppendAll(Vec<Write>),
    Find(u8),
    Read { stream: u8, from: u64, direction: Direction, limit: Limit },
    Log { after: usize, filter: Filter, limit: Limit },
}

#[derive(Debug, Clone)]
struct Write {
    id: u8,
    stream: u8,
    expected: Expected,
    events: u8,
    guard: Option<(u8, Expected)>,
}

fn expected() -> impl Strategy<Value = Expected> {
    prop_oneof![
        3 => Just(Expected::Any),
        2 => Just(Expected::NoStream),
        2 => Just(Expected::Exists),
        3 => (0_u64..8).prop_map(|version| Expected::Exactly(Version::new(version))),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let guard = proptest::option::weighted(0.2, (0..STREAMS, expected()));
    (0_u8..24, 0..STREAMS, expected(), 1_u8..4, guard)
        .prop_map(|(id, stream, expected, events, guard)| Write { id, stream, expected, events, guard })
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![
        (0_usize..6).prop_map(Limit::events),
        (0_usize..200).prop_map(|bytes| Limit { events: 1000, bytes }),
        Just(Limit::default()),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let some = |names: &'static [&'static str]| proptest::sample::subsequence(names, 0..=names.len());
    (some(&["order", "none"]), some(&["odd", "even", "none"])).prop_map(|(categories, events)| {
        let filter = categories.into_iter().fold(Filter::all(), Filter::category);
        events.into_iter().fold(filter, Filter::event)
    })
}

fn call() -> impl Strategy<Value = Call> {
    let direction = prop_oneof![Just(Direction::Forward), Just(Direction::Backward)];
    prop_oneof![
        6 => write().prop_map(Call::Append),
        2 => proptest::collection::vec(write(), 1..4).prop_map(Call::AppendAll),
        1 => (0_u8..24).prop_map(Call::Find),
        3 => (0..STREAMS, 0_u64..12, direction, limit())
            .prop_map(|(stream, from, direction, limit)| Call::Read { stream, from, direction, limit }),
        2 => (0_usize..20, filter(), limit())
            .prop_map(|(after, filter, limit)| Call::Log { after, filter, limit }),
    ]
}

/// Every answer to a random sequence of calls is one that the model allows. A sequence with a wrong
/// answer is made as short as possible before it is shown.
///
/// It finds what nobody has thought of: what one call leaves behind for another.
///
/// Holds T1, T2, T4, T5, T6, T8, T9.
pub async fn every_sequence_of_calls_answers_as_the_model_does<A: Adapter>(store: Subject<A>) -> Kept {
    let cases = if store.can(Ability::Durability)? { 40 } else { 600 };
    let config = Config { cases, failure_persistence: None, max_shrink_time: 20_000, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let outcome = block_in_place(|| {
        runner.run(&proptest::collection::vec(call(), 1..40), |calls| {
            let played = Handle::current().block_on(async { play(&store.another().await, &calls).await });
            played.map_err(|broken| TestCaseError::fail(broken.to_string()))
        })
    });
    outcome.map_err(|error| Broken::new(error.to_string()))
}

/// What is stored, as simple as can be: the events as the store gave them back, commit by commit.
#[derive(Default)]
struct Model {
    commits: BTreeMap<CommitId, (Commit, Appended)>,
    versions: BTreeMap<StreamName, u64>,
    order: Vec<CommitId>,
    is_ordered: bool,
}

impl Model {
    fn version(&self, stream: &StreamName) -> Version {
        Version::new(self.versions.get(stream).copied().unwrap_or_default())
    }

    /// The answer to a commit that was stored, or everything that may be wrong with a new one.
    fn judge(&self, commit: &Commit) -> Judgement {
        if let Some((stored, appended)) = self.commits.get(&commit.id) {
            let content = |commit: &Commit| {
                let events: Vec<_> =
                    commit.events.iter().map(|e| (e.name.to_string(), e.payload.bytes().to_vec())).collect();
                (commit.stream.clone(), events)
            };
            let same = content(stored) == content(commit);
            return if same { Judgement::Stored(*appended) } else { Judgement::Reused };
        }
        let own = [(commit.stream.clone(), commit.expected)];
        let wrong = own.iter().chain(&commit.requires).filter(|(stream, e)| !e.accepts(self.version(stream)));
        Judgement::New(wrong.map(|(stream, e)| (stream.clone(), *e, self.version(stream))).collect())
    }

    fn store(&mut self, commit: Commit, appended: Appended) -> Kept {
        let first = self.version(&commit.stream).next();
        let last = self.version(&commit.stream).plus(commit.events.len() as u64);
        let range = appended.range();
        ensure_eq!((range.first, range.last), (first, last), "versions of a new commit");
        let before = self.order.last().map(|id| self.commits[id].1.range().position);
        ensure!(
            !self.is_ordered || before < Some(range.position),
            "a new commit at {}, after {before:?}",
            range.position
        );
        self.versions.insert(commit.stream.clone(), last.get());
        self.order.push(commit.id);
        self.commits.insert(commit.id, (commit, appended));
        Ok(())
    }
}

#[derive(Debug)]
enum Judgement {
    Stored(Appended),
    Reused,
    New(Vec<(StreamName, Expected, Version)>),
}

async fn play<A: Adapter>(store: &Subject<A>, calls: &[Call]) -> Kept {
    let is_ordered = store.can(Ability::TotalOrder)?;
    let (guards, several) = (store.can(Ability::Guards)?, store.can(Ability::SeveralStreams)?);
    let mut model = Model { is_ordered, ..Model::default() };
    for call in calls {
        match call {
            Call::Append(write) => {
                let commit = build(write, guards);
                let outcome = store.append(commit.clone()).await;
                settle(&mut model, vec![commit], outcome.map(|appended| vec![appended]))?;
            }
            Call::AppendAll(writes) if several => {
                let commits: Vec<_> = writes.iter().map(|write| build(write, guards)).collect();
                let mut ids: Vec<_> = commits.iter().map(|commit| commit.id).collect();
                ids.sort();
                if ids.windows(2).any(|pair| pair[0] == pair[1]) {
                    continue;
                }
                let outcome = store.append_all(commits.clone()).await;
                settle(&mut model, commits, outcome)?;
            }
            Call::AppendAll(_) => {}
            Call::Find(name) => {
                let found = store.find_commit(id(name)).await?.map(|found| (found.stream, found.range));
                let known = model.commits.get(&id(name));
                let wanted = known.map(|(commit, appended)| (commit.stream.clone(), appended.range()));
                ensure_eq!(found, wanted, "commit {name}");
            }
            Call::Read { stream: key, from, direction, limit } => {
                let mut rest = check_stream(store, &model, &stream(key)).await?;
                rest.retain(|event| match direction {
                    Direction::Forward => event.version().get() >= *from,
                    Direction::Backward => event.version().get() <= *from,
                });
                if *direction == Direction::Backward {
                    rest.reverse();
                }
                let page = store.page(&stream(key), Version::new(*from), *direction, *limit).await?;
                check_page(&page, &rest, *limit)?;
            }
            Call::Log { after, filter, limit } => {
                let log = check_log(store, &model).await?;
                let at = (*after).min(log.len());
                let cursor = match at.checked_sub(1) {
                    Some(last) if is_ordered => Cursor::at(log[last].position()),
                    _ => Cursor::start(),
                };
                let at = if cursor == Cursor::start() { 0 } else { at };
                let let_through = |e: &&Recorded| filter.matches(e.stream().category(), e.name());
                let rest: Vec<_> = log[at..].iter().filter(let_through).cloned().collect();
                check_log_page(&store.read_all(&cursor, filter, *limit).await?, &cursor, &rest, *limit)?;
            }
        }
    }
    for key in 0..STREAMS {
        check_stream(store, &model, &stream(key)).await?;
    }
    check_log(store, &model).await?;
    Ok(())
}

fn build(write: &Write, guards: bool) -> Commit {
    let name = |i: u8| if (write.id + i).is_multiple_of(2) { "even" } else { "odd" };
    let sized = |i: u8| NewEvent {
        payload: payload(vec![b'0' + write.id; usize::from(write.id + i) * 5 % 64]),
        ..event(name(i), "")
    };
    let to = stream(write.stream);
    let mut built = with_events(write.id, &to, write.expected, (0..write.events).map(sized).collect());
    if guards {
        built.requires = write.guard.iter().map(|(key, expected)| (stream(key), *expected)).collect();
    }
    built
}

/// Whether `outcome` is one that the model allows, for a commit alone or for several that are all or none.
fn settle(model: &mut Model, commits: Vec<Commit>, outcome: Result<Vec<Appended>, AppendError>) -> Kept {
    let twice = (1..commits.len()).any(|n| commits[..n].iter().any(|c| c.stream == commits[n].stream));
    let judgements: Vec<_> = commits.iter().map(|commit| model.judge(commit)).collect();
    let is_good = |judgement: &Judgement| match judgement {
        Judgement::Stored(_) => true,
        Judgement::Reused => false,
        Judgement::New(wrong) => wrong.is_empty(),
    };
    match outcome {
        Ok(appended) => {
            ensure!(!twice, "two commits to one stream were taken");
            ensure_eq!(appended.len(), commits.len(), "outcomes");
            for ((commit, judgement), appended) in commits.into_iter().zip(judgements).zip(appended) {
                ensure!(is_good(&judgement), "{commit:?} was taken, but {judgement:?}");
                match judgement {
                    Judgement::Stored(first) => {
                        let wanted = Appended::AlreadyCommitted(first.range());
                        ensure_eq!(appended, wanted, "a commit again");
                    }
                    _ => {
                        ensure!(matches!(appended, Appended::Committed(_)), "a new commit got {appended:?}");
                        model.store(commit, appended)?;
                    }
                }
            }
        }
        Err(AppendError::Invalid(_)) => ensure!(twice, "{commits:?} is not invalid"),
        Err(AppendError::IdReused { id }) => {
            let reused =
                |(c, judgement): (&Commit, &Judgement)| c.id == id && matches!(judgement, Judgement::Reused);
            ensure!(commits.iter().zip(&judgements).any(reused), "the id {id} was not used for other events");
        }
        Err(AppendError::Conflict { stream, expected, actual }) => {
            let conflict = (stream, expected, actual);
            let told = |judgement: &Judgement| matches!(judgement, Judgement::New(wrong) if wrong.contains(&conflict));
            ensure!(judgements.iter().any(told), "a conflict {conflict:?}, but {judgements:?}");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn check_stream<A: Adapter>(
    store: &Subject<A>,
    model: &Model,
    stream: &StreamName,
) -> Result<Vec<Recorded>, Broken> {
    let events = store.stream(stream).await?;
    let ids = model.order.iter().filter(|id| model.commits[*id].0.stream == *stream);
    check_events(model, ids, &events)?;
    for (n, event) in (1..).zip(&events) {
        ensure_eq!(event.version().get(), n, "the version of event {n} of {stream}");
    }
    Ok(events)
}

async fn check_log<A: Adapter>(store: &Subject<A>, model: &Model) -> Result<Vec<Recorded>, Broken> {
    let count = model.commits.values().map(|(commit, _)| commit.events.len()).sum();
    let events = store.log(count).await?;
    if model.is_ordered {
        check_events(model, model.order.iter(), &events)?;
    }
    Ok(events)
}

fn check_events<'a>(model: &Model, ids: impl Iterator<Item = &'a CommitId>, events: &[Recorded]) -> Kept {
    let mut rest = events;
    for id in ids {
        let (commit, _) = &model.commits[id];
        ensure!(rest.len() >= commit.events.len(), "events of commit {id} are missing");
        let (stored, others) = rest.split_at(commit.events.len());
        ensure!(commit.is_same_as(stored), "instead of {commit:?} there is {stored:?}");
        let belong = (0..).zip(stored).all(|(index, event)| event.commit() == *id && event.index() == index);
        ensure!(belong, "the events of commit {id} say they are of another: {stored:?}");
        rest = others;
    }
    ensure!(rest.is_empty(), "events that nobody stored: {rest:?}");
    Ok(())
}
