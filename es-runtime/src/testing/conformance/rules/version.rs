//! T2: a commit is stored if and only if the streams are as it expects.

use crate::testing::conformance::draft::{commit, exactly, id, stream};
use crate::testing::conformance::{Ability, Kept, Subject, ensure, ensure_eq, ensure_matches};
use crate::{Adapter, AppendError, Appended, Commit, CommitId, Expected, Version};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::spawn;
use tokio::sync::Barrier;

const EXPECTATIONS: [Expected; 8] = [
    Expected::NoStream,
    Expected::Exists,
    Expected::Any,
    Expected::Exactly(Version::NONE),
    Expected::Exactly(Version::new(2)),
    Expected::Exactly(Version::new(3)),
    Expected::Exactly(Version::new(4)),
    Expected::Exactly(Version::new(i64::MAX as u64)),
];

/// Each expectation of a stream without events, and of one that has some.
///
/// A conflict that is not told is a lost update, one that is told wrongly is a command that can never be done.
///
/// Holds T2.
pub async fn t2_every_expectation_holds_when_it_should<A: Adapter>(store: Subject<A>) -> Kept {
    for (n, expected) in EXPECTATIONS.into_iter().enumerate() {
        for events in [0, 3] {
            let name = format!("{n}-{events}");
            let order = stream(&name);
            if events > 0 {
                store.append(commit(format!("{name} before"), &order, Expected::NoStream, events)).await?;
            }
            let actual = Version::new(events as u64);
            let outcome = store.append(commit(&name, &order, expected, 1)).await;
            if expected.accepts(actual) {
                ensure_matches!(
                    outcome,
                    Ok(Appended::Committed(range)) if range.first == actual.next(),
                    "{expected} of a stream with {events}"
                );
            } else {
                ensure_matches!(
                    outcome,
                    Err(AppendError::Conflict { stream, expected: wanted, actual: found })
                        if *stream == order && *wanted == expected && *found == actual,
                    "{expected} of a stream with {events}"
                );
            }
        }
    }
    Ok(())
}

/// Nothing of a commit is stored that met a conflict, and its id stays unknown.
///
/// The caller decides again, and what it decided first must not be there as well.
///
/// Holds T2, I2.
pub async fn t2_a_conflict_stores_nothing<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    store.append(commit("a", &order, Expected::NoStream, 2)).await?;
    let late = store.append(commit("b", &order, exactly(1), 3)).await;
    ensure_matches!(late, Err(AppendError::Conflict { .. }), "a version that is past");
    ensure_eq!(store.find_commit(id("b")).await?, None, "the commit");
    ensure_eq!(store.stream(&order).await?.len(), 2, "events in the stream");
    store.append(commit("c", &order, exactly(2), 1)).await?;
    ensure_eq!(store.log(3).await?.len(), 3, "events in the log");
    Ok(())
}

/// Of two that create a stream at once, one does and the other is told.
///
/// Two customers would get the same order number, or the same seat.
///
/// Holds T2.
pub async fn t2_of_two_creators_one_wins<A: Adapter>(store: Subject<A>) -> Kept {
    for round in 0..25 {
        let order = stream(round);
        let commits = ["a", "b"].map(|n| commit(format!("{round}{n}"), &order, Expected::NoStream, 2));
        let outcomes = at_once(&store, commits.to_vec()).await?;
        let won = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
        ensure_eq!(won, 1, "how many of {outcomes:?} won");
        for (_, outcome) in outcomes {
            let Err(refused) = outcome else { continue };
            let actual = Version::new(2);
            ensure_matches!(refused, AppendError::Conflict { actual: found, .. } if *found == actual, "the loser");
        }
        ensure_eq!(store.stream(&order).await?.len(), 2, "events in the stream");
    }
    Ok(())
}

/// Many writers on one stream: what was acknowledged is there once and where it was said to be, what met
/// a conflict is not there, and versions have no gaps.
///
/// This is what the expected version is for: nobody writes over what somebody else has written meanwhile.
///
/// Holds T2, T9, I1, I2, I4.
pub async fn t2_of_many_writers_none_is_lost<A: Adapter>(store: Subject<A>) -> Kept {
    const WRITERS: usize = 6;
    const EACH: usize = 20;
    let order = stream("1");
    let tasks = (0..WRITERS).map(|writer| {
        let (store, order) = (store.clone(), order.clone());
        spawn(async move {
            let (mut acknowledged, mut refused) = (BTreeMap::new(), Vec::new());
            let mut version = 0;
            for attempt in 0.. {
                if acknowledged.len() == EACH {
                    break;
                }
                let name = format!("{writer}.{attempt}");
                match store.append(commit(&name, &order, exactly(version), 1 + writer % 2)).await {
                    Ok(appended) => {
                        ensure_eq!(appended.range().first, Version::new(version).next(), "where {name} went");
                        version = appended.range().last.get();
                        acknowledged.insert(id(&name), appended.range());
                    }
                    Err(AppendError::Conflict { actual, .. }) => {
                        refused.push(id(&name));
                        version = actual.get();
                    }
                    Err(error) => return Err(error.into()),
                }
                // A conflict is only told when another has won meanwhile.
                ensure!(attempt < WRITERS * EACH, "more conflicts than commits of others");
                tokio::task::yield_now().await;
            }
            Ok::<_, crate::testing::conformance::Broken>((acknowledged, refused))
        })
    });
    let (mut acknowledged, mut refused) = (BTreeMap::new(), Vec::new());
    for task in tasks.collect::<Vec<_>>() {
        let (more, others) = task.await??;
        acknowledged.extend(more);
        refused.extend(others);
    }
    let events = store.stream(&order).await?;
    let mut found: BTreeMap<CommitId, Vec<u64>> = BTreeMap::new();
    for (n, event) in (1..).zip(&events) {
        ensure_eq!(event.version().get(), n, "the version of event {n}");
        found.entry(event.commit()).or_default().push(n);
    }
    ensure_eq!(found.len(), acknowledged.len(), "commits in the stream");
    for (id, range) in &acknowledged {
        let wanted = (range.first.get()..=range.last.get()).collect::<Vec<_>>();
        ensure_eq!(found.get(id), Some(&wanted), "versions of the acknowledged commit {id}");
    }
    for id in refused {
        ensure!(!found.contains_key(&id), "commit {id} is stored, though its caller was told of a conflict");
    }
    Ok(())
}

/// A commit may require something of streams that it does not write. They stay as they are.
///
/// A guard that writes would be in the way of those who do.
///
/// Holds T2.
pub async fn t2_a_guard_that_holds_lets_through_and_changes_nothing<A: Adapter>(store: Subject<A>) -> Kept {
    let [order, stock, customer] = [stream("1"), stream("stock"), stream("customer")];
    let mut guarded = commit("a", &order, Expected::NoStream, 1);
    guarded.requires = vec![(stock.clone(), exactly(2)), (customer.clone(), Expected::NoStream)];
    if !store.can(Ability::Guards)? {
        ensure_matches!(store.append(guarded).await, Err(AppendError::Unsupported(_)), "guards");
        ensure_eq!(store.find_commit(id("a")).await?, None, "after it was refused");
        return Ok(());
    }
    store.append(commit("s", &stock, Expected::NoStream, 2)).await?;
    store.append(guarded).await?;
    ensure_eq!(store.stream(&order).await?.len(), 1, "events in the stream");
    ensure_eq!(store.stream(&stock).await?.len(), 2, "events in a guarded stream");
    ensure_eq!(store.stream(&customer).await?.len(), 0, "events in a guarded stream without any");
    store.append(commit("b", &stock, exactly(2), 1)).await?;
    store.append(commit("c", &customer, Expected::NoStream, 1)).await?;
    ensure_eq!(store.log(5).await?.len(), 5, "events in the log");
    Ok(())
}

/// A guard that does not hold is a conflict on the stream it is about, and nothing is stored.
///
/// An order for something that is sold out was the thing to prevent.
///
/// Holds T2, I2.
pub async fn t2_a_guard_that_does_not_hold_is_a_conflict<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::Guards)? {
        return Ok(());
    }
    let [stock, nothing] = [stream("stock"), stream("nothing")];
    store.append(commit("s", &stock, Expected::NoStream, 3)).await?;
    for (n, expected) in EXPECTATIONS.into_iter().enumerate() {
        for (guarded, actual) in [(&stock, Version::new(3)), (&nothing, Version::NONE)] {
            let name = format!("{n}{guarded}");
            let order = stream(&name);
            let mut guard = commit(&name, &order, Expected::Any, 1);
            guard.requires = vec![(stock.clone(), Expected::Any), (guarded.clone(), expected)];
            let outcome = store.append(guard).await;
            if expected.accepts(actual) {
                ensure_matches!(outcome, Ok(Appended::Committed(_)), "{expected} of {guarded}");
                continue;
            }
            ensure_matches!(
                outcome,
                Err(AppendError::Conflict { stream, expected: wanted, actual: found })
                    if stream == guarded && *wanted == expected && *found == actual,
                "{expected} of {guarded}"
            );
            ensure_eq!(store.stream(&order).await?.len(), 0, "events stored in spite of it");
        }
    }
    Ok(())
}

/// Two commits that each require the other's stream to be empty, at once: not both can be right.
///
/// Two doctors who go off duty because the other one is there leave nobody (write skew).
///
/// Holds T2.
pub async fn t2_of_two_that_guard_each_other_one_wins_at_most<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::Guards)? {
        return Ok(());
    }
    for round in 0..25 {
        let pair = [0, 1].map(|side| stream(format_args!("{round}.{side}")));
        let commits = [0, 1].map(|side| {
            let mut guard = commit(&pair[side], &pair[side], Expected::NoStream, 1);
            guard.requires = vec![(pair[1 - side].clone(), Expected::NoStream)];
            guard
        });
        let outcomes = at_once(&store, commits.to_vec()).await?;
        let won = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
        ensure!(won <= 1, "both won: {outcomes:?}");
        for (id, outcome) in outcomes {
            let is_stored = store.find_commit(id).await?.is_some();
            ensure_eq!(is_stored, outcome.is_ok(), "whether it is stored, which was answered {outcome:?}");
        }
    }
    Ok(())
}

type Outcomes = Vec<(CommitId, Result<Appended, AppendError>)>;

/// Appends each commit in a task of its own, all at the same moment.
pub(crate) async fn at_once<A: Adapter>(
    store: &Subject<A>,
    commits: Vec<Commit>,
) -> Result<Outcomes, crate::testing::conformance::Broken> {
    let start = Arc::new(Barrier::new(commits.len()));
    let tasks = commits.into_iter().map(|commit| {
        let (store, start) = (store.clone(), start.clone());
        spawn(async move {
            start.wait().await;
            (commit.id, store.append(commit).await)
        })
    });
    let mut outcomes = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        outcomes.push(task.await?);
    }
    Ok(outcomes)
}
