//! Histories made up, and what the check says of them.

use super::{Call, Exchange, History};
use crate::testing::conformance::Kept;
use crate::testing::conformance::draft::{commit, exactly, id, stream};
use crate::{AppendError, Appended, Commit, Expected, Version, memory::Memory};

/// A store with commit `a` in stream 1, and after it `b` in stream 2; and how it came to that.
async fn stored() -> (Memory, [(Commit, Appended); 2]) {
    let store = Memory::new();
    let history = History::new();
    let commits =
        [commit("a", &stream("1"), Expected::NoStream, 2), commit("b", &stream("2"), Expected::Any, 1)];
    let mut told = Vec::new();
    for commit in &commits {
        told.push(history.append(&store, commit.clone()).await.expect("stored"));
    }
    let [a, b] = commits;
    (store, [(a, told[0]), (b, told[1])])
}

fn at(invoked: u64, answered: u64, exchange: Exchange) -> Call {
    Call { invoked, answered: Some(answered), exchange }
}

fn told((commit, appended): &(Commit, Appended)) -> Exchange {
    Exchange::Append(commit.clone(), Some(Ok(*appended)))
}

async fn check(store: &Memory, calls: Vec<Call>) -> Kept {
    let history = History::new();
    for call in calls {
        history.push(call);
    }
    history.evidence(store).await?.check()
}

fn says(kept: Kept, invariant: &str) -> bool {
    kept.is_err_and(|broken| broken.to_string().starts_with(invariant))
}

#[tokio::test]
async fn what_happened_fits() {
    let (store, [a, b]) = stored().await;
    let overlapping = vec![at(2, 9, told(&a)), at(1, 8, told(&b))];
    check(&store, overlapping).await.expect("both at once");
    let given_up = Call { invoked: 1, answered: None, exchange: Exchange::Append(a.0.clone(), None) };
    let again = Exchange::Append(a.0.clone(), Some(Ok(Appended::AlreadyCommitted(a.1.range()))));
    check(&store, vec![given_up, at(2, 3, again), at(2, 4, told(&b))])
        .await
        .expect("given up, and sent again");
}

#[tokio::test]
async fn the_log_is_in_the_order_of_time() {
    let (store, [a, b]) = stored().await;
    let kept = check(&store, vec![at(10, 11, told(&a)), at(1, 5, told(&b))]).await;
    assert!(says(kept, "I7"));
}

#[tokio::test]
async fn a_read_and_a_search_see_what_was_acknowledged() {
    let (store, [a, b]) = stored().await;
    for late in [Exchange::Read(stream("1"), Vec::new()), Exchange::Find(id("a"), None)] {
        let calls = |from| vec![at(1, 2, told(&a)), at(3, 4, told(&b)), at(from, 6, late.clone())];
        assert!(says(check(&store, calls(3)).await, "I7"), "{late:?}");
        check(&store, calls(1)).await.expect("asked before it was answered");
    }
}

#[tokio::test]
async fn a_conflict_was_there_while_it_was_told() {
    let (store, [a, b]) = stored().await;
    let conflict = |actual| {
        let error =
            AppendError::Conflict { stream: stream("1"), expected: exactly(9), actual: Version::new(actual) };
        Exchange::Append(commit("c", &stream("1"), exactly(9), 1), Some(Err(error)))
    };
    let calls = |actual| vec![at(1, 2, told(&a)), at(3, 4, told(&b)), at(5, 6, conflict(actual))];
    check(&store, calls(2)).await.expect("it was at 2");
    assert!(says(check(&store, calls(0)).await, "I7"), "it was not at 0 any more");
    assert!(says(check(&store, calls(1)).await, "I4"), "no commit ends at 1");
    assert!(says(check(&store, calls(9)).await, "I2"), "9 was what was expected");
}

#[tokio::test]
async fn a_guard_held_at_some_moment() {
    let (store, [a, mut b]) = stored().await;
    for (required, from, holds) in
        [(exactly(2), 3, true), (Expected::NoStream, 3, false), (Expected::NoStream, 1, true)]
    {
        b.0.requires = vec![(stream("1"), required)];
        let kept = check(&store, vec![at(1, 2, told(&a)), at(from, 4, told(&b))]).await;
        assert_eq!(kept.is_ok(), holds, "{required} from {from}: {kept:?}");
    }
}

#[tokio::test]
async fn nothing_is_there_that_was_refused_or_not_sent() {
    let (store, [a, b]) = stored().await;
    let unavailable = AppendError::Unavailable(crate::Cause::new("cut off"));
    let refused = Exchange::Append(b.0.clone(), Some(Err(unavailable)));
    assert!(says(check(&store, vec![at(1, 2, told(&a)), at(3, 4, refused)]).await, "I2"));
    let read = Exchange::Read(stream("2"), Vec::new());
    assert!(says(check(&store, vec![at(1, 2, told(&a)), at(1, 9, read)]).await, "I1"));
}

#[tokio::test]
async fn a_repetition_is_told_as_one() {
    let (store, [a, b]) = stored().await;
    assert!(says(
        check(&store, vec![at(1, 2, told(&a)), at(3, 4, told(&a)), at(5, 6, told(&b))]).await,
        "I8"
    ));
    let again = Exchange::Append(b.0, Some(Ok(Appended::AlreadyCommitted(b.1.range()))));
    let kept = check(&store, vec![at(1, 2, told(&a)), at(3, 4, again)]).await;
    assert!(says(kept, "I2"), "who stored it?");
}
