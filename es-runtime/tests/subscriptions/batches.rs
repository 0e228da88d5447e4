//! What is in a batch, and when it comes.

use crate::support::*;
use es_runtime::{Cursor, Filter, Limit, Position};
use std::time::Duration;
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn a_batch_ends_where_a_commit_ends_whether_it_is_old_or_new() {
    let (store, _) = memory();
    let pairs = async |numbers: std::ops::Range<u64>| {
        for number in numbers {
            commit(&store, "pair/a", number, &["left", "right"]).await;
        }
    };
    pairs(0..5).await;
    let subscribe = store.subscribe(Filter::all()).batch(Limit::events(3));
    let mut subscription = subscribe.start().await.expect("starts");
    for round in 0..3 {
        let mut sizes = Vec::new();
        loop {
            let batch = next_batch(&mut subscription).await;
            let last = batch.events.last().expect("some");
            assert_eq!(last.name(), "right");
            assert_eq!(batch.cursor, Cursor::at(last.position()));
            assert_eq!(batch.cursor, *subscription.cursor());
            sizes.push(batch.events.len());
            if batch.is_end {
                break;
            }
        }
        assert_eq!(sizes, [4, 4, 2], "in round {round}");
        assert!(is_idle(&mut subscription).await);
        // Held back, so that they come in one piece.
        pairs(5 * (round + 1)..5 * (round + 2)).await;
    }
}

#[tokio::test]
async fn what_is_left_of_a_batch_comes_at_once() {
    let (store, _) = memory();
    commits(&store, "a/1", 0..10).await;
    let mut subscription = store.subscribe(Filter::all()).start().await.expect("starts");
    let first = next(&mut subscription).await;
    assert_eq!(*subscription.cursor(), Cursor::at(first.position()));
    let batch = next_batch(&mut subscription).await;
    assert_eq!((batch.events.len(), batch.is_end), (9, true));
    assert_eq!(batch.cursor, store.head().await.expect("readable"));
}

#[tokio::test]
async fn the_end_is_told_once_even_where_there_is_nothing_on_the_way() {
    let (store, _) = memory();
    for events in [0, 5000] {
        commits(&store, "a/1", 0..events).await;
        let filter = Filter::all().category("nowhere");
        let mut subscription =
            store.subscribe(filter).batch(Limit::events(100)).start().await.expect("starts");
        let batch = next_batch(&mut subscription).await;
        assert_eq!((batch.events.len(), batch.is_end), (0, true));
        assert_eq!(batch.cursor, store.head().await.expect("readable"));
        assert!(is_idle(&mut subscription).await);
    }
}

/// A projector keeps its cursor so that it need not look through the same events after each start.
#[tokio::test(start_paused = true)]
async fn a_cursor_does_not_stay_behind_where_the_filter_lets_nothing_through() {
    let (store, _) = memory();
    let filter = Filter::all().category("nowhere");
    let subscribe = store.subscribe(filter).progress(Duration::from_secs(5));
    let mut subscription = subscribe.start().await.expect("starts");
    assert!(next_batch(&mut subscription).await.is_end);
    // Nothing is said while nothing happens.
    assert!(timeout(Duration::from_secs(3600), subscription.next_batch()).await.is_err());

    let start = Instant::now();
    for number in 0..100 {
        let position = commit(&store, "a/1", number, &["happened"]).await;
        // It moves without a word.
        let wait = timeout(Duration::from_millis(40), subscription.next_batch()).await;
        assert_eq!(*subscription.cursor(), Cursor::at(position), "after {:?}", start.elapsed());
        if let Ok(batch) = wait {
            let batch = batch.expect("readable");
            assert_eq!((batch.events.len(), batch.is_end, batch.cursor), (0, true, Cursor::at(position)));
        }
    }
    let batch = next_batch(&mut subscription).await;
    assert_eq!((batch.events.len(), batch.cursor), (0, store.head().await.expect("readable")));
    assert!(start.elapsed() <= Duration::from_secs(6), "{:?}", start.elapsed());
}

#[tokio::test]
async fn from_now_sees_what_comes_later_and_nothing_before() {
    let (store, _) = memory();
    commits(&store, "a/1", 0..10).await;
    let mut subscription = store.subscribe(Filter::all()).from_now().start().await.expect("starts");
    let position = commit(&store, "a/1", 10, &["later"]).await;
    assert_eq!(next(&mut subscription).await.position(), position);
    assert!(is_idle(&mut subscription).await);
}

/// A store that was restored from an older copy, say. Others are not held up by it.
#[tokio::test]
async fn a_cursor_beyond_the_end_keeps_nobody_from_the_end() {
    let (store, memory) = memory();
    commits(&store, "a/1", 0..10).await;
    let beyond = Cursor::at(Position::new(12, 0));
    let mut ahead = store.subscribe(Filter::all()).after(beyond).start().await.expect("starts");
    assert!(next_batch(&mut ahead).await.is_end);
    let mut subscription = store.subscribe(Filter::all()).start().await.expect("starts");
    assert_eq!(catch_up(&mut subscription).await.len(), 10);
    let reads = memory.faults().calls().reads;
    assert!(is_idle(&mut subscription).await);
    let position = commit(&store, "a/1", 10, &["later"]).await;
    assert_eq!(next(&mut subscription).await.position(), position);
    // One more look, the first of its tailer, that after the commit; the fall-back on a slow machine.
    let reads = memory.faults().calls().reads - reads;
    assert!(reads <= 6, "{reads} reads");
    assert!(is_idle(&mut ahead).await);
    commits(&store, "a/1", 11..13).await;
    assert_eq!(next(&mut ahead).await.position(), Position::new(13, 0));
}
