//! A projection catches up, follows, stops and goes on where it was.

use crate::account::{Account, Balances, Deposited, SOON, deposit, fold, memory, until, write};
use crate::everywhere;
use es_runtime::{FollowError, StreamName};
use std::convert::Infallible;
use std::time::Duration;

#[tokio::test]
async fn everything_in_the_log_is_handled_once_and_in_order() {
    let (store, _) = memory();
    for number in 0..250 {
        deposit(&store, &format!("a-{}", number % 7), number).await;
    }
    let balances = Balances::new();
    let status = store.projection(balances.clone()).batch(20).run_to_end().await.expect("it can");
    assert_eq!(balances.balances(), fold(&store).await);
    assert_eq!(balances.kept().calls.len(), 250);
    assert_eq!(balances.versions("a-3"), (1..=36).collect::<Vec<u64>>());
    let active = status.active().expect("it is built");
    assert_eq!((active.build.number, active.handled, active.owned), (1, 250, 0));
    assert!(active.is_live);

    store.projection(balances.clone()).run_to_end().await.expect("it can");
    assert_eq!(balances.kept().calls.len(), 250, "nothing is new");
}

everywhere! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_end_is_reached_where_a_commit_of_several_events_comes_last() {
        let world = world().await;
        let deposits = |_: &Account| Ok::<_, Infallible>([1, 2, 3].map(|amount| Deposited { amount }));
        world.store.repository::<Account>().execute(&"a-1".to_owned(), deposits).await.expect("stored");
        let projector = world.store.projection(world.projection(|_, _| Ok(())));
        let status = tokio::time::timeout(SOON, projector.run_to_end()).await.expect("it ends").expect("it can");
        assert_eq!(status.active().expect("built").handled, 3);
        assert_eq!(world.balances().await, fold(&world.store).await);

        let head = world.store.head().await.expect("readable").position().expect("there are events");
        world.store.read_model::<Model>().at_least(head, SOON).await.expect("it is there");
    }
}

#[tokio::test]
async fn what_is_written_is_read_after_at_least() {
    let (store, _) = memory();
    let balances = Balances::new();
    let running = store.projection(balances.clone()).start().await.expect("it starts");
    let elsewhere = store.read_model::<Balances>();
    for number in 1..=50 {
        let position = deposit(&store, "a-1", 1).await;
        running.at_least(position, SOON).await.expect("it follows");
        assert_eq!(balances.balances()["a-1"], (number, i64::try_from(number).expect("small")));
        elsewhere.at_least(position, SOON).await.expect("it is noted");
    }
    running.stop().await;
    let position = deposit(&store, "a-1", 1).await;
    let waited = elsewhere.at_least(position, Duration::from_millis(30)).await;
    assert!(matches!(waited, Err(FollowError::Timeout { .. })), "{waited:?}");
}

#[tokio::test]
async fn what_other_aggregates_do_is_waited_for_as_well() {
    let (store, _) = memory();
    let running = store.projection(Balances::new()).start().await.expect("it starts");
    let position = write(&store, StreamName::new("other", "o-1").expect("a name"), "other.done").await;
    running.at_least(position, SOON).await.expect("it passes over it");
    let elsewhere = store.read_model::<Balances>();
    elsewhere.at_least(position, SOON).await.expect("that is noted too");
}

#[tokio::test]
async fn one_that_is_dropped_stops_and_gives_its_parts_back() {
    let (store, _) = memory();
    let balances = Balances::new();
    let position = deposit(&store, "a-1", 1).await;
    let running = store.projection(balances.clone()).start().await.expect("it starts");
    running.at_least(position, SOON).await.expect("it follows");
    drop(running);
    let model = store.read_model::<Balances>();
    until("its part is free", async || {
        model.status().await.expect("readable").active().expect("built").owned == 0
    })
    .await;
    deposit(&store, "a-1", 1).await;
    store.projection(balances.clone()).run_to_end().await.expect("nobody is waited for");
    assert_eq!(balances.versions("a-1"), [1, 2]);
}
