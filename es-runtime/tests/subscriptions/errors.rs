//! A store that cannot be read for a while.

use crate::support::*;
use es_runtime::testing::Chaos;
use es_runtime::{Filter, Limit, ReadError};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn what_fails_once_is_read_again_without_a_word() {
    let (store, memory) = memory();
    commits(&store, "a/1", 0..10).await;
    memory.faults().fail_reads(3);
    let mut subscription = store.subscribe(Filter::all()).start().await.expect("starts");
    assert_eq!(catch_up(&mut subscription).await.len(), 10);
    memory.faults().fail_reads(3);
    commits(&store, "a/1", 10..20).await;
    for _ in 10..20 {
        next(&mut subscription).await;
    }
    memory.faults().fail_reads(3);
    store.subscribe(Filter::all()).from_now().start().await.expect("starts");
}

#[tokio::test(start_paused = true)]
async fn an_error_is_answered_and_the_next_call_goes_on() {
    let (store, memory) = memory();
    commits(&store, "a/1", 0..10).await;
    let mut behind = store.subscribe(Filter::all()).batch(Limit::events(4)).start().await.expect("starts");
    let mut live = store.subscribe(Filter::all()).start().await.expect("starts");
    let mut seen = catch_up(&mut live).await;
    let mut seen_behind = vec![next(&mut behind).await.id()];

    memory.faults().fail_reads(usize::MAX);
    commits(&store, "a/1", 10..20).await;
    for _ in 0..3 {
        // Each is told of each failure once, and is not called in vain meanwhile.
        assert!(matches!(live.next_batch().await, Err(ReadError::Unavailable(_))));
        while let Ok(event) = behind.next().await {
            seen_behind.push(event.id());
        }
    }
    memory.faults().fail_reads(0);
    seen.extend(catch_up(&mut live).await);
    seen_behind.extend(catch_up(&mut behind).await);
    let expected = log(&store, &Filter::all()).await;
    assert_eq!((seen, seen_behind), (expected.clone(), expected));

    // What is over is not told any more.
    assert!(timeout(Duration::from_secs(600), live.next()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chance_loses_nothing() {
    for seed in 0..5 {
        let (store, memory) = memory();
        let chaos = memory.faults().chaos(seed, Chaos { reads: 0.3, lag: 0.3, ..Chaos::none() });
        let writing = tokio::spawn({
            let store = store.clone();
            async move { commits(&store, "a/1", 0..300).await }
        });
        let subscribe = store.subscribe(Filter::all()).batch(Limit::events(8));
        let mut subscription = subscribe.start().await.expect("starts");
        let mut seen = Vec::new();
        while seen.len() < 300 {
            match timeout(SOON, subscription.next()).await.expect("it goes on") {
                Ok(event) => seen.push(event.id()),
                Err(error) => assert!(matches!(error, ReadError::Unavailable(_)), "{error}"),
            }
        }
        writing.await.expect("no panic");
        drop(chaos);
        assert_eq!(seen, log(&store, &Filter::all()).await, "seed {seed}");
    }
}
