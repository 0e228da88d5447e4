//! Many subscribers at the end of the log, and those who cannot keep up.

use crate::support::*;
use es_runtime::{Filter, Limit, Recorded};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_subscribers_cost_the_store_as_much_as_one() {
    const COMMITS: u64 = 50;
    let (store, memory) = memory();
    let mut subscribers = JoinSet::new();
    let (ready, mut all_ready) = tokio::sync::mpsc::channel(200);
    for _ in 0..200 {
        let mut subscription = store.subscribe(Filter::all()).start().await.expect("starts");
        let ready = ready.clone();
        subscribers.spawn(async move {
            assert!(next_batch(&mut subscription).await.is_end);
            ready.send(()).await.expect("awaited");
            let mut seen = Vec::new();
            while seen.len() < COMMITS as usize {
                seen.push(next(&mut subscription).await.id());
            }
            seen
        });
    }
    for _ in 0..200 {
        all_ready.recv().await.expect("ready");
    }
    let before = memory.faults().calls().reads;
    for number in 0..COMMITS {
        commit(&store, "a/1", number, &["happened"]).await;
        sleep(Duration::from_millis(3)).await;
    }
    let seen = timeout(SOON, subscribers.join_all()).await.expect("they arrive");
    let reads = memory.faults().calls().reads - before;
    let expected = log(&store, &Filter::all()).await;
    assert!(seen.iter().all(|seen| *seen == expected));
    // A read for each commit at most, and those of the fall-back on a slow machine.
    assert!((10..COMMITS + 10).contains(&reads), "{reads} reads");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_too_slow_loses_nothing_and_delays_nobody() {
    const EVENTS: u64 = 40_000;
    let (store, _) = memory();
    let subscribe = || store.subscribe(Filter::all()).batch(Limit::events(500)).start();
    let (mut slow, mut fast) = (subscribe().await.expect("starts"), subscribe().await.expect("starts"));
    assert!(next_batch(&mut slow).await.is_end && next_batch(&mut fast).await.is_end);

    let mut fast = tokio::spawn(async move {
        let mut seen = Vec::new();
        while seen.len() < EVENTS as usize {
            seen.extend(ids(&next_batch(&mut fast).await));
        }
        seen
    });
    // It sees the beginning of it live, and then is busy elsewhere.
    commits(&store, "a/1", 0..10).await;
    let mut seen: Vec<_> = vec![next(&mut slow).await.id()];
    let names = ["happened"; 100];
    for number in 10..10 + (EVENTS - 10) / 100 {
        commit(&store, "a/1", number, &names).await;
    }
    commit(&store, "a/1", u64::MAX, &names[..90]).await;
    let seen_fast =
        timeout(SOON, &mut fast).await.expect("it does not wait for the slow one").expect("no panic");

    while seen.len() < EVENTS as usize {
        seen.extend(ids(&next_batch(&mut slow).await));
    }
    assert!(is_idle(&mut slow).await);
    let expected = log(&store, &Filter::all()).await;
    assert!(seen == expected && seen_fast == expected);

    // It is at the end again, and told of what comes.
    let position = commit(&store, "a/2", 0, &["later"]).await;
    assert_eq!(next(&mut slow).await.position(), position);
}

/// Between two batches a subscriber asks for nothing but the next page.
#[tokio::test]
async fn who_does_not_ask_reads_no_more_than_a_page_ahead() {
    let (store, memory) = memory();
    commits(&store, "a/1", 0..1000).await;
    let before = memory.faults().calls().reads;
    let mut subscription =
        store.subscribe(Filter::all()).batch(Limit::events(10)).start().await.expect("starts");
    assert_eq!(next_batch(&mut subscription).await.events.len(), 10);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(memory.faults().calls().reads - before, 2);
    assert_eq!(
        next_batch(&mut subscription).await.events.first().map(Recorded::version).map(|v| v.get()),
        Some(11)
    );
}
