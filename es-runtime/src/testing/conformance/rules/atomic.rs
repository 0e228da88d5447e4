//! T1: a commit is stored whole and unchanged, or not at all.

use crate::testing::conformance::compare::{Shown, same_events};
use crate::testing::conformance::draft::{commit, event, id, payload, stream, with_events};
use crate::testing::conformance::rules::{all, check_page};
use crate::testing::conformance::{Ability, Kept, Subject, ensure, ensure_eq, ensure_matches};
use crate::{
    Adapter, AppendError, Cursor, Direction, Encoded, EventId, Expected, Filter, Format, Limit, Metadata,
    NewEvent, Timestamp, Version,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::spawn;
use tokio::task::yield_now;

/// The events of a commit get the versions after the ones before, one place in the log, and ids.
///
/// Versions and ids are what everything else refers to: an event with the wrong one is replayed out of order, or
/// taken for another.
///
/// Holds T1, T9.
pub async fn t1_the_events_of_a_commit_follow_each_other<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    let first = store.append(commit("a", &order, Expected::NoStream, 3)).await?.range();
    let other = store.append(commit("x", &stream("2"), Expected::NoStream, 1)).await?.range();
    let second = store.append(commit("b", &order, Expected::Exists, 2)).await?.range();
    ensure_eq!((first.first.get(), first.last.get()), (1, 3), "versions of the first commit");
    ensure_eq!((second.first.get(), second.last.get()), (4, 5), "versions of the second commit");
    ensure_eq!((other.first.get(), other.last.get()), (1, 1), "versions in another stream");
    let events = store.stream(&order).await?;
    ensure_eq!(events.len(), 5, "events in the stream");
    for (event, (name, index)) in events.iter().zip([("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1)]) {
        ensure_eq!((event.commit(), event.index()), (id(name), index), "where {:?} belongs", Shown(event));
        ensure_eq!(event.id(), EventId::of(id(name), index), "its id");
    }
    ensure_eq!(events[2].position(), first.position, "the position of a commit is that of its last event");
    ensure_eq!(events[4].position(), second.position, "the position of a commit is that of its last event");
    for pair in events.windows(2) {
        ensure!(pair[0].position() < pair[1].position(), "positions go back from {:?}", Shown(&pair[0]));
        let together = pair[0].position().commit() == pair[1].position().commit();
        ensure_eq!(
            together,
            pair[0].commit() == pair[1].commit(),
            "whether one place in the log is shared with the next by {:?}",
            Shown(&pair[0])
        );
    }
    Ok(())
}

/// Whoever reads while a commit is written sees all of it or nothing, in the stream and in the log.
///
/// Whoever sees half of a commit decides on a state that the aggregate never had.
///
/// Holds T1, I4.
pub async fn t1_a_commit_is_never_seen_in_part<A: Adapter>(store: Subject<A>) -> Kept {
    const COMMITS: usize = 40;
    const EVENTS: usize = 5;
    let write = async |store: &Subject<A>| {
        for n in 0..COMMITS {
            store.append(commit(n, &stream("1"), Expected::Any, EVENTS)).await?;
            yield_now().await;
        }
        Ok(())
    };
    while_writing(&store, write, |store| look_for_parts(store, EVENTS)).await?;
    ensure_eq!(store.stream(&stream("1")).await?.len(), COMMITS * EVENTS, "events in the end");
    Ok(())
}

async fn look_for_parts<A: Adapter>(store: Subject<A>, events: usize) -> Kept {
    for limit in [Limit::events(100_000), Limit::events(1)] {
        for (direction, from) in [(Direction::Forward, 1), (Direction::Backward, u64::MAX)] {
            let page = store.page(&stream("1"), Version::new(from), direction, limit).await?;
            ensure_eq!(page.events.len() % events, 0, "events over whole commits, read {direction:?}");
        }
        let page = store.read_all(&Cursor::start(), &Filter::all(), limit).await?;
        ensure_eq!(page.events.len() % events, 0, "events over whole commits in the log");
    }
    Ok(())
}

/// Looks again and again while something is written: between any two steps of the writer in its own task,
/// and at the same time in another.
async fn while_writing<A: Adapter, K: Future<Output = Kept> + Send + 'static>(
    store: &Subject<A>,
    write: impl AsyncFnOnce(&Subject<A>) -> Kept,
    look: impl Fn(Subject<A>) -> K + Clone + Send + 'static,
) -> Kept {
    let done = Arc::new(AtomicBool::new(false));
    let look_on = || {
        let (store, look, done) = (store.clone(), look.clone(), done.clone());
        async move {
            while !done.load(Ordering::Relaxed) {
                look(store.clone()).await?;
                yield_now().await;
            }
            Ok(())
        }
    };
    let elsewhere = spawn(look_on());
    let writing = async {
        let written = write(store).await;
        done.store(true, Ordering::Relaxed);
        written
    };
    let (written, seen) = tokio::join!(writing, look_on());
    written?;
    seen?;
    all([elsewhere]).await
}

/// Several streams are written all or none, or it is refused by a store that says it cannot.
///
/// Money that left one account and did not arrive in the other is what this is for.
///
/// Holds T1.
pub async fn t1_several_streams_are_written_all_or_none<A: Adapter>(store: Subject<A>) -> Kept {
    let [one, two] = [stream("1"), stream("2")];
    let both = |name: &str, expected| {
        vec![
            commit(format!("{name}1"), &one, Expected::Any, 2),
            commit(format!("{name}2"), &two, expected, 3),
        ]
    };
    if !store.can(Ability::SeveralStreams)? {
        let refused = store.append_all(both("a", Expected::Any)).await;
        ensure_matches!(refused, Err(AppendError::Unsupported(_)), "what the store says it cannot");
        ensure_eq!(store.find_commit(id("a1")).await?, None, "after it was refused");
        return Ok(());
    }
    let failed = store.append_all(both("a", Expected::Exists)).await;
    ensure_matches!(failed, Err(AppendError::Conflict { stream, .. }) if *stream == two, "the second cannot");
    for (stream, name) in [(&one, "a1"), (&two, "a2")] {
        ensure_eq!(store.stream(stream).await?.len(), 0, "events of {stream} when the other one failed");
        ensure_eq!(store.find_commit(id(name)).await?, None, "commit {name} when one of them failed");
    }
    let stored = store.append_all(both("b", Expected::NoStream)).await?;
    let lasts: Vec<_> = stored.iter().map(|appended| appended.range().last.get()).collect();
    ensure_eq!(lasts, [2, 3], "the outcomes, in the order of the commits");
    ensure_eq!(store.stream(&one).await?.len(), 2, "events of the first");
    ensure_eq!(store.stream(&two).await?.len(), 3, "events of the second");
    ensure_eq!(store.append_all(Vec::new()).await?, [], "an append of nothing");
    Ok(())
}

/// Whoever reads the log while several streams are written sees all of them or none.
///
/// A report that is made in between counts the money twice, or not at all.
///
/// Holds T1.
pub async fn t1_several_streams_are_never_seen_in_part<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::SeveralStreams)? || !store.can(Ability::TotalOrder)? {
        return Ok(());
    }
    let write = async |store: &Subject<A>| {
        for n in 0..40 {
            let part = |key: &str| commit(format!("{n}{key}"), &stream(key), Expected::Any, 1);
            store.append_all(vec![part("a"), part("b"), part("c")]).await?;
            yield_now().await;
        }
        Ok(())
    };
    let look = |store: Subject<A>| async move {
        let page = store.read_all(&Cursor::start(), &Filter::all(), Limit::events(100_000)).await?;
        ensure!(!page.is_end || page.events.len() % 3 == 0, "the log ends inside an append of three streams");
        Ok(())
    };
    while_writing(&store, write, look).await
}

/// What a commit expects, it expects of what was there before all of them.
///
/// Otherwise two commits that are right together would refuse each other, depending on their order.
///
/// Holds T1, T2.
pub async fn t1_several_streams_are_all_checked_before_one_is_written<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::SeveralStreams)? || !store.can(Ability::Guards)? {
        return Ok(());
    }
    let mut commits =
        [commit("a", &stream("1"), Expected::NoStream, 1), commit("b", &stream("2"), Expected::NoStream, 1)];
    commits[0].requires = vec![(stream("2"), Expected::NoStream)];
    commits[1].requires = vec![(stream("1"), Expected::NoStream)];
    ensure_eq!(store.append_all(commits.to_vec()).await?.len(), 2, "outcomes");
    Ok(())
}

/// Two commits to one stream make no sense in one append: one commit can hold the events of both.
///
/// A store that guesses which comes first, or loses one, is found out in production only.
///
/// Holds T1, T10.
pub async fn t1_several_commits_to_one_stream_are_refused<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::SeveralStreams)? {
        return Ok(());
    }
    let order = stream("1");
    let twice = vec![commit("a", &order, Expected::Any, 1), commit("b", &order, Expected::Any, 1)];
    ensure_matches!(store.append_all(twice).await, Err(AppendError::Invalid(_)), "one stream twice");
    ensure_eq!(store.stream(&order).await?.len(), 0, "events stored of it");
    Ok(())
}

/// Bytes, format, name, versions, times and metadata are the same whichever way an event is read.
///
/// A byte that changes on the way makes an event that cannot be decoded, years later.
///
/// Holds T1.
pub async fn t1_what_was_written_comes_back_unchanged<A: Adapter>(store: Subject<A>) -> Kept {
    let metadata = Metadata::new()
        .with_correlation_id("c'1\"")
        .with_causation_id("")
        .with_actor("Ада Лавлейс")
        .with_tenant("acme/\\%_")
        .with_trace_context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some("a=1,b=2".into()))
        .with_header("x", "line\nbreak\ttab")
        .with_header("Ключ", "🦀");
    let full = |format, schema_version, occurred_at| NewEvent {
        name: "order.πlaced-v2_'\"".into(),
        schema_version,
        payload: Encoded::new(format, (0..=255).collect::<Vec<u8>>()),
        metadata: Arc::new(metadata.clone()),
        occurred_at,
    };
    let noon = Timestamp::from_micros(1_234_567_890_123_456).expect("in range");
    let written = vec![
        full(Format::Json, 1, noon),
        full(Format::MessagePack, u16::MAX, Timestamp::EPOCH),
        full(Format::Cbor, 300, Timestamp::MAX),
        NewEvent { payload: payload(*b"null"), ..event("plain", "") },
    ];
    let order = stream("1");
    store.append(with_events("a", &order, Expected::NoStream, written.clone())).await?;
    let forward = store.stream(&order).await?;
    ensure_eq!(forward.len(), written.len(), "events in the stream");
    for (new, old) in written.iter().zip(&forward) {
        ensure_eq!(old.event(), &new.payload, "the size and format of a payload");
        ensure!(old.event().bytes() == new.payload.bytes(), "the bytes of a payload have changed");
        ensure_eq!(old.name(), &*new.name, "a name");
        ensure_eq!(old.schema_version(), new.schema_version, "a schema version");
        ensure_eq!(old.occurred_at(), new.occurred_at, "when it happened");
        ensure_eq!(old.metadata(), &*new.metadata, "metadata");
        ensure_eq!(old.stream(), &order, "a stream");
        ensure_eq!(old.stream().category(), "order", "a category");
    }
    let mut backward = store.page(&order, Version::new(9), Direction::Backward, Limit::default()).await?;
    backward.events.reverse();
    ensure!(backward.events == forward, "events differ when they are read backward");
    ensure!(store.log(4).await? == forward, "events differ when they are read from the log");
    Ok(())
}

/// The store's times within a stream never go back, though its clock does.
///
/// To load an aggregate as of a time is to take its events up to there: with times that go back, that would leave out
/// events in the middle.
///
/// Holds T1.
pub async fn t1_recorded_at_never_goes_back_within_a_stream<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    for (n, jump) in [0, -3600, 7200, -86_400, 1].into_iter().enumerate() {
        store.clock().jump(jump);
        store.append(commit(n, &order, Expected::Any, 2)).await?;
    }
    let events = store.stream(&order).await?;
    for pair in events.windows(2) {
        ensure!(pair[0].recorded_at() <= pair[1].recorded_at(), "times go back from {:?}", Shown(&pair[0]));
    }
    let page = store.page(&order, Version::new(1), Direction::Forward, Limit::default()).await?;
    check_page(&page, &events, Limit::default())?;
    same_events(&store.log(10).await?, &events, "the log")?;
    Ok(())
}
