//! T2 to T7 where a store is open twice, as by two processes.

use super::readers::follow_disorder;
use crate::testing::conformance::clients::Clients;
use crate::testing::conformance::draft::{commit, exactly, id, stream};
use crate::testing::conformance::{Ability, Kept, Subject, ensure, ensure_eq, ensure_matches};
use crate::{Adapter, AppendError, Appended, Expected};

/// Clients that write and read through two handles are told nothing that does not fit together.
///
/// Two processes on one store are the rule in production, and a lock within one of them does not help there.
///
/// Holds T2, T7, I1, I2, I3, I4, I6, I7, I8.
pub async fn t2_of_many_writers_through_two_handles_none_is_lost<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::TwoHandles)? {
        return Ok(());
    }
    let handles = [store.clone(), store.twin().await];
    Clients { clients: 6, ..Clients::default() }.through(&handles).await?.check()?;
    for round in 0..10 {
        let order = stream(format_args!("round {round}"));
        let append = |side: usize| {
            handles[side].append(commit(format!("{round} {side}"), &order, Expected::NoStream, 2))
        };
        let (one, two) = tokio::join!(append(0), append(1));
        ensure!(one.is_ok() != two.is_ok(), "of two that created a stream: {one:?} and {two:?}");
    }
    Ok(())
}

/// A second handle has the same identity and the same events, and goes on when the first is closed.
///
/// If it had not, a program could not be started beside another one, or replaced by its next version.
///
/// Holds T3, I11.
pub async fn t3_two_handles_are_one_store<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::TwoHandles)? {
        return Ok(());
    }
    let order = stream("1");
    store.append(commit("before", &order, Expected::NoStream, 1)).await?;
    let twin = store.twin().await;
    ensure_eq!(twin.identity(), store.identity(), "the identity of the second handle");
    for n in 1..6 {
        let (to, from) = if n % 2 == 0 { (&store, &twin) } else { (&twin, &store) };
        to.append(commit(n, &order, exactly(n), 1)).await?;
        ensure!(from.stream(&order).await? == to.stream(&order).await?, "the handles have different events");
        from.log(n as usize + 1).await?;
    }
    drop(store);
    twin.append(commit("after", &order, exactly(6), 1)).await?;
    ensure_eq!(twin.log(7).await?.len(), 7, "events when the first handle is closed");
    Ok(())
}

/// A commit that was sent through one handle is known through the other, at once and later.
///
/// Who sends a commit again after a crash does so from another process.
///
/// Holds T4, I8.
pub async fn t4_a_commit_is_known_through_another_handle<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::TwoHandles)? {
        return Ok(());
    }
    let twin = store.twin().await;
    for round in 0..10 {
        let order = stream(round);
        let same = || commit(round, &order, Expected::NoStream, 2);
        let (one, two) = tokio::join!(store.append(same()), twin.append(same()));
        let (one, two) = (one?, two?);
        ensure_eq!(one.range(), two.range(), "where the two handles say it is");
        let stored = [one, two].into_iter().filter(|told| matches!(told, Appended::Committed(_))).count();
        ensure_eq!(stored, 1, "how many of {one:?} and {two:?} stored it");
        ensure_eq!(twin.append(same()).await?, Appended::AlreadyCommitted(one.range()), "the same again");
        ensure_eq!(twin.find_commit(id(round)).await?.map(|found| found.range), Some(one.range()), "it");
        let other = twin.append(commit(round, &order, exactly(2), 1)).await;
        ensure_matches!(other, Err(AppendError::IdReused { .. }), "the same id for other events");
    }
    Ok(())
}

/// Who follows the log through one handle misses nothing of what is written through two.
///
/// A store that gives each handle a share of the positions beforehand fills gaps behind its readers.
///
/// Holds T6, I5, I6.
pub async fn t6_a_reader_through_another_handle_misses_nothing<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::TwoHandles)? {
        return Ok(());
    }
    let twin = store.twin().await;
    let (evidence, followers) = follow_disorder(&[store.clone(), twin], &store.twin().await).await?;
    followers.iter().try_for_each(|follower| follower.check(evidence.log()))?;
    evidence.i6_streams_keep_their_order_in_the_log()
}

/// What was acknowledged through one handle is read, and expected, through the other at once.
///
/// A handle that answers from what it has seen itself decides on a state that is past.
///
/// Holds T7, I7.
pub async fn t7_a_read_through_another_handle_is_fresh<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::TwoHandles)? {
        return Ok(());
    }
    let (order, twin) = (stream("1"), store.twin().await);
    for n in 0..30 {
        let (to, from) = if n % 2 == 0 { (&store, &twin) } else { (&twin, &store) };
        let range = to.append(commit(n, &order, exactly(n), 1)).await?.range();
        let events = from.stream(&order).await?;
        ensure_eq!(events.len() as u64, n + 1, "events that the other handle reads");
        ensure_eq!(from.find_commit(id(n)).await?.map(|found| found.range), Some(range), "commit {n} there");
        let late = from.append(commit(format!("late {n}"), &order, exactly(n), 1)).await;
        ensure_matches!(late, Err(AppendError::Conflict { .. }), "a version that is past");
    }
    Ok(())
}
