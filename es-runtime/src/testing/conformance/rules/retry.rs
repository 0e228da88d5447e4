//! T4 and T5: a commit can be sent again, and no error hides what was stored.

use crate::testing::conformance::clients::give_up_after;
use crate::testing::conformance::draft::{commit, event, exactly, id, payload, stream, with_events};
use crate::testing::conformance::rules::version::at_once;
use crate::testing::conformance::{Ability, Kept, Subject, ensure, ensure_eq, ensure_matches};
use crate::{
    Adapter, AppendError, Appended, Commit, Expected, Found, Metadata, NewEvent, NonEmpty, Timestamp,
};
use std::pin::pin;
use std::sync::Arc;
use tokio::spawn;

/// The same commit again is stored once, and answered as the first time.
///
/// An answer that got lost is asked for again, and has to be the same.
///
/// Holds T4, I8.
pub async fn t4_the_same_commit_again_answers_as_the_first_time<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    let first = store.append(commit("a", &order, Expected::Any, 3)).await?;
    ensure_matches!(first, Appended::Committed(_), "the first time");
    for _ in 0..3 {
        let again = store.append(commit("a", &order, Expected::Any, 3)).await?;
        ensure_eq!(again, Appended::AlreadyCommitted(first.range()), "the same commit again");
    }
    ensure_eq!(store.stream(&order).await?.len(), 3, "events in the stream");
    ensure_eq!(store.log(3).await?.len(), 3, "events in the log");
    Ok(())
}

/// A commit is known for ever (or for as long as the store says), not only as the last one.
///
/// The retry of a queue comes hours later.
///
/// Holds T4, I8.
pub async fn t4_the_same_commit_again_is_known_after_others<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    let mut ranges = Vec::new();
    for n in 0..20 {
        ranges.push(store.append(commit(n, &order, Expected::Any, 1 + n % 3)).await?.range());
        store.append(commit(format!("other {n}"), &stream("2"), Expected::Any, 1)).await?;
    }
    for (n, range) in ranges.into_iter().enumerate() {
        let again = store.append(commit(n, &order, Expected::Any, 1 + n % 3)).await?;
        ensure_eq!(again, Appended::AlreadyCommitted(range), "commit {n} again");
    }
    Ok(())
}

/// The id is looked up before versions and guards are checked: they held when it was stored.
///
/// Otherwise a retry meets the conflict that it has made itself, and is decided a second time.
///
/// Holds T4, I3, I8.
pub async fn t4_the_same_commit_again_is_known_whatever_it_expects<A: Adapter>(store: Subject<A>) -> Kept {
    let [order, stock] = [stream("1"), stream("2")];
    let mut first = commit("a", &order, Expected::NoStream, 2);
    if store.can(Ability::Guards)? {
        first.requires = vec![(stock.clone(), Expected::NoStream)];
    }
    let range = store.append(first.clone()).await?.range();
    store.append(commit("b", &order, exactly(2), 1)).await?;
    store.append(commit("c", &stock, Expected::NoStream, 1)).await?;
    for expected in [Expected::NoStream, exactly(2), exactly(77), Expected::Exists] {
        let again = store.append(Commit { expected, ..first.clone() }).await?;
        ensure_eq!(again, Appended::AlreadyCommitted(range), "again, with {expected} expected");
    }
    Ok(())
}

/// Times and metadata do not make another commit of it: who tries again after a crash has new ones.
///
/// Refused, it would look like a mistake of the caller's, who has made none.
///
/// Holds T4, I8.
pub async fn t4_the_same_commit_with_other_metadata_is_the_same<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    let first = commit("a", &order, Expected::NoStream, 2);
    let range = store.append(first.clone()).await?.range();
    let later = |event: &NewEvent| NewEvent {
        metadata: Arc::new(Metadata::new().with_actor("ada").with_header("attempt", "2")),
        occurred_at: Timestamp::from_micros(5).expect("in range"),
        ..event.clone()
    };
    let events = NonEmpty::new(first.events.iter().map(later).collect()).expect("two");
    let again = store.append(Commit { events, ..first }).await?;
    ensure_eq!(again, Appended::AlreadyCommitted(range), "again, with other metadata");
    let kept = store.stream(&order).await?;
    ensure!(kept.iter().all(|event| event.metadata().is_empty()), "the metadata has changed");
    Ok(())
}

/// An id that is used for other events is a mistake, and is told.
///
/// Answered as stored, the second of two commands that share an id by mistake would be lost without a word.
///
/// Holds T4, T5.
pub async fn t4_the_same_id_with_other_events_is_refused<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    let [one, two] = ["one", "two"].map(|text| event("order.changed", text));
    store.append(with_events("a", &order, Expected::NoStream, vec![one.clone(), two.clone()])).await?;
    let others = [
        ("fewer", vec![one.clone()]),
        ("more", vec![one.clone(), two.clone(), two.clone()]),
        ("another order", vec![two.clone(), one.clone()]),
        ("another name", vec![one.clone(), NewEvent { name: "order.paid".into(), ..two.clone() }]),
        ("another schema version", vec![one.clone(), NewEvent { schema_version: 2, ..two.clone() }]),
        ("another payload", vec![one.clone(), NewEvent { payload: payload(*b"{}"), ..two.clone() }]),
        (
            "another format",
            vec![
                one,
                NewEvent { payload: crate::Encoded::new(crate::Format::Cbor, two.payload.bytes()), ..two },
            ],
        ),
    ];
    for (what, events) in others {
        for expected in [Expected::Any, exactly(2), Expected::NoStream] {
            let outcome = store.append(with_events("a", &order, expected, events.clone())).await;
            ensure_matches!(outcome, Err(AppendError::IdReused { id: used }) if *used == id("a"), "{what}");
        }
    }
    ensure_eq!(store.stream(&order).await?.len(), 2, "events in the stream");
    Ok(())
}

/// An id that is used in another stream is a mistake as well.
///
/// As above: it was not stored where the caller thinks it is.
///
/// Holds T4, T5.
pub async fn t4_the_same_id_in_another_stream_is_refused<A: Adapter>(store: Subject<A>) -> Kept {
    store.append(commit("a", &stream("1"), Expected::NoStream, 1)).await?;
    let elsewhere = store.append(commit("a", &stream("2"), Expected::NoStream, 1)).await;
    ensure_matches!(elsewhere, Err(AppendError::IdReused { .. }), "the same id elsewhere");
    ensure_eq!(store.stream(&stream("2")).await?.len(), 0, "events stored elsewhere");
    Ok(())
}

/// A commit that is sent several times at once is stored once, and all are told where.
///
/// A client that gets impatient sends again before the first one has come through.
///
/// Holds T4, I8.
pub async fn t4_the_same_commit_at_once_is_stored_once<A: Adapter>(store: Subject<A>) -> Kept {
    for round in 0..15 {
        let order = stream(round);
        let same = vec![commit(round, &order, Expected::NoStream, 2); 4];
        let outcomes = at_once(&store, same).await?;
        let mut stored = 0;
        for (_, outcome) in &outcomes {
            ensure_matches!(outcome, Ok(appended) if appended.range().last.get() == 2, "one of {outcomes:?}");
            stored += usize::from(matches!(outcome, Ok(Appended::Committed(_))));
        }
        ensure_eq!(stored, 1, "how many of {outcomes:?} stored it");
        ensure_eq!(store.stream(&order).await?.len(), 2, "events in the stream");
    }
    Ok(())
}

/// An append to several streams can be sent again like any other.
///
/// A transfer that is sent again must not be made again.
///
/// Holds T4, I8.
pub async fn t4_the_same_append_to_several_streams_answers_as_the_first_time<A: Adapter>(
    store: Subject<A>,
) -> Kept {
    if !store.can(Ability::SeveralStreams)? {
        return Ok(());
    }
    let both = || {
        vec![
            commit("a", &stream("1"), Expected::NoStream, 2),
            commit("b", &stream("2"), Expected::NoStream, 1),
        ]
    };
    let first = store.append_all(both()).await?;
    store.append(commit("c", &stream("1"), exactly(2), 1)).await?;
    let again = store.append_all(both()).await?;
    for (first, again) in first.into_iter().zip(again) {
        ensure_matches!(first, Appended::Committed(_), "the first time");
        ensure_eq!(again, Appended::AlreadyCommitted(first.range()), "again");
    }
    ensure_eq!(store.log(4).await?.len(), 4, "events in the log");
    let mut other = both();
    other[1] = commit("b", &stream("2"), Expected::Any, 2);
    (other[0].id, other[0].expected) = (id("d"), Expected::Any);
    ensure_matches!(store.append_all(other).await, Err(AppendError::IdReused { .. }), "other contents");
    ensure_eq!(store.find_commit(id("d")).await?, None, "the commit beside it");
    Ok(())
}

/// A commit that was refused has not used its id up, not even for other events.
///
/// A command keeps its id when it is decided again after a conflict.
///
/// Holds T4, I2.
pub async fn t4_a_refused_commit_leaves_its_id_free<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    let refused = store.append(commit("a", &order, Expected::Exists, 1)).await;
    ensure_matches!(refused, Err(AppendError::Conflict { .. }), "nothing exists");
    let decided_again = store.append(commit("a", &order, Expected::NoStream, 2)).await?;
    ensure_matches!(decided_again, Appended::Committed(_), "the id of a refused commit");
    Ok(())
}

/// A commit is found by its id, where it was said to be, and one that is not stored is not found.
///
/// This is how a command that was done is known before it is decided again.
///
/// Holds T4, I1, I3.
pub async fn t4_a_commit_is_found_by_its_id<A: Adapter>(store: Subject<A>) -> Kept {
    ensure_eq!(store.find_commit(id("a")).await?, None, "a commit in an empty store");
    for n in 0..4 {
        let order = stream(n % 2);
        let range = store.append(commit(n, &order, Expected::Any, 2)).await?.range();
        ensure_eq!(store.find_commit(id(n)).await?, Some(Found { stream: order, range }), "commit {n}");
    }
    ensure_eq!(store.find_commit(id("a")).await?, None, "a commit that nobody stored");
    Ok(())
}

/// In one batch a conflict, a repetition, a reused id and a good commit each get their own outcome.
///
/// The callers of a batch know nothing of each other: one that fails must not fail the others, nor hide what became
/// of them.
///
/// Holds T5, I4.
pub async fn t5_the_commits_of_a_batch_fare_on_their_own<A: Adapter>(store: Subject<A>) -> Kept {
    let known = store.append(commit("known", &stream("known"), Expected::NoStream, 2)).await?.range();
    store.append(commit("before", &stream("fine"), Expected::NoStream, 4)).await?;
    let batch = vec![
        commit("good", &stream("good"), Expected::NoStream, 2),
        commit("late", &stream("late"), Expected::Exists, 1),
        commit("known", &stream("known"), Expected::NoStream, 2),
        commit("fine", &stream("fine"), Expected::Any, 1),
    ];
    let outcomes = store.append_batch(batch).await;
    ensure_eq!(outcomes.len(), 4, "outcomes");
    ensure_matches!(outcomes[0], Ok(Appended::Committed(_)), "a good commit");
    ensure_matches!(outcomes[1], Err(AppendError::Conflict { .. }), "a conflict");
    ensure_matches!(outcomes[2], Ok(Appended::AlreadyCommitted(range)) if *range == known, "a repetition");
    ensure_matches!(
        outcomes[3],
        Ok(Appended::Committed(range)) if range.first.get() == 5,
        "a good commit after a bad one"
    );
    let batch = vec![
        commit("known", &stream("reused"), Expected::Any, 1),
        commit("last", &stream("good"), exactly(2), 1),
    ];
    let outcomes = store.append_batch(batch).await;
    ensure_matches!(outcomes[0], Err(AppendError::IdReused { .. }), "a reused id");
    ensure_matches!(outcomes[1], Ok(Appended::Committed(_)), "a good commit after a reused id");
    for (key, events) in [("good", 3), ("late", 0), ("known", 2), ("fine", 5), ("reused", 0)] {
        ensure_eq!(store.stream(&stream(key)).await?.len(), events, "events of {key}");
    }
    ensure!(store.append_batch(Vec::new()).await.is_empty(), "an empty batch has outcomes");
    Ok(())
}

/// An append that its caller gives up is stored whole or not at all, and sending it again tells.
///
/// Requests are cancelled all the time, by timeouts and by users who close a page.
///
/// Holds T1, T5, I3.
pub async fn t5_a_dropped_append_leaves_all_or_nothing<A: Adapter>(store: Subject<A>) -> Kept {
    const EVENTS: usize = 4;
    for round in 0..40 {
        let order = stream(round);
        let same = || commit(round, &order, Expected::NoStream, EVENTS);
        give_up_after(round as u64 % 8, store.append_batch(vec![same()])).await;
        let seen = store.stream(&order).await?.len();
        ensure!(seen == 0 || seen == EVENTS, "{seen} of {EVENTS} events after the append was dropped");
        let again = store.append(same()).await?;
        ensure!(seen == 0 || matches!(again, Appended::AlreadyCommitted(_)), "seen, but {again:?}");
        ensure_eq!(store.find_commit(id(round)).await?.map(|found| found.range), Some(again.range()), "it");
        ensure_eq!(store.stream(&order).await?.len(), EVENTS, "events in the end");
    }
    // The same, given up by a task that is aborted from elsewhere.
    for round in 100..120 {
        let order = stream(round);
        let task = spawn({
            let (store, order) = (store.clone(), order.clone());
            async move { store.append(commit(round, &order, Expected::NoStream, EVENTS)).await }
        });
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        task.abort();
        let _ = task.await;
        store.append(commit(round, &order, Expected::NoStream, EVENTS)).await?;
        ensure_eq!(store.stream(&order).await?.len(), EVENTS, "events in the end");
    }
    let after = pin!(store.append(commit("after", &stream("after"), Expected::NoStream, 1)));
    ensure_matches!(after.await, Ok(Appended::Committed(_)), "an append after all that");
    Ok(())
}
