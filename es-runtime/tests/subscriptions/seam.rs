//! Catching up while others write, and going on with what they write.

use crate::support::*;
use es_runtime::{Cursor, EventId, Filter, Limit, Store};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const WRITERS: u64 = 8;

/// Commits of one to three events, to streams of two categories.
async fn write(store: Store, writer: u64, commits: u64) {
    let category = if writer.is_multiple_of(2) { "even" } else { "odd" };
    for number in 0..commits {
        let names = &["one", "two", "three"][..=(number % 3) as usize];
        commit(&store, &format!("{category}/{writer}"), number, names).await;
        if number.is_multiple_of(16) {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

fn filters() -> [Filter; 5] {
    [
        Filter::all(),
        Filter::all().category("even"),
        Filter::all().event("three"),
        Filter::all().category("odd").event("two").event("one"),
        Filter::all().category("nowhere"),
    ]
}

/// Reads with pauses of its own until it has passed what it must, and answers with what it has seen.
async fn follow(
    store: Store,
    filter: Filter,
    speed: usize,
    until: impl Fn() -> Option<Cursor>,
) -> Vec<EventId> {
    let limit = Limit::events([1, 7, 100, 1000, 33][speed]);
    let progress = Duration::from_millis(20);
    let mut subscription =
        store.subscribe(filter).batch(limit).progress(progress).start().await.expect("starts");
    let mut seen = Vec::new();
    loop {
        match speed {
            // One by one, and now and then the rest at once.
            0 if seen.len() % 50 != 49 => {
                if let Ok(event) = timeout(Duration::from_millis(100), subscription.next()).await {
                    seen.push(event.expect("readable").id());
                }
            }
            _ => {
                if let Ok(batch) = timeout(Duration::from_millis(100), subscription.next_batch()).await {
                    seen.extend(ids(&batch.expect("readable")));
                }
            }
        }
        if speed == 1 {
            sleep(Duration::from_millis(1)).await;
        }
        if let Some(end) = until()
            && *subscription.cursor() == end
        {
            return seen;
        }
    }
}

pub(crate) async fn check(readers: Store, writers: Vec<Store>, commits: u64) {
    write(writers[0].clone(), 100, commits).await;
    let (done, end) = tokio::sync::watch::channel(None);
    let mut followers = JoinSet::new();
    for (speed, filter) in filters().into_iter().enumerate() {
        let (readers, end) = (readers.clone(), end.clone());
        followers.spawn(async move {
            let until = || end.borrow().clone();
            (speed, follow(readers, filter, speed, until).await)
        });
    }
    let mut writing = JoinSet::new();
    for writer in 0..WRITERS {
        let store = writers[writer as usize % writers.len()].clone();
        writing.spawn(write(store, writer, commits));
    }
    writing.join_all().await;
    done.send(Some(readers.head().await.expect("readable"))).expect("somebody listens");
    for (speed, seen) in timeout(SOON * 4, followers.join_all()).await.expect("they arrive") {
        let expected = log(&readers, &filters()[speed]).await;
        assert_eq!(seen.len(), expected.len(), "by {speed}");
        assert!(seen == expected, "the order by {speed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_subscriber_sees_its_part_of_the_log_in_order_and_once() {
    for _ in 0..5 {
        let (store, _) = memory();
        check(store.clone(), vec![store], 300).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dropped_future_loses_nothing() {
    let (store, memory) = memory();
    memory.faults().delay(Duration::from_micros(700));
    let writing = tokio::spawn(write(store.clone(), 0, 400));
    let mut subscription =
        store.subscribe(Filter::all()).batch(Limit::events(16)).start().await.expect("starts");
    let (mut seen, mut chance) = (Vec::new(), 7_u64);
    let mut dropped = 0;
    while !writing.is_finished() || *subscription.cursor() != store.head().await.expect("readable") {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let patience = Duration::from_micros(chance >> 53);
        match chance >> 40 & 3 {
            0 => match timeout(patience, subscription.next_batch()).await {
                Ok(batch) => seen.extend(ids(&batch.expect("readable"))),
                Err(_) => dropped += 1,
            },
            1 => tokio::select! {
                biased;
                () = tokio::task::yield_now() => dropped += 1,
                event = subscription.next() => seen.push(event.expect("readable").id()),
            },
            _ => match timeout(patience, subscription.next()).await {
                Ok(event) => seen.push(event.expect("readable").id()),
                Err(_) => dropped += 1,
            },
        }
    }
    assert!(dropped > 20, "{dropped}");
    assert_eq!(seen, log(&store, &Filter::all()).await);
}

/// Wherever a subscriber stops, in the midst of a commit too, the next one goes on.
#[tokio::test]
async fn a_kept_cursor_is_where_to_go_on() {
    let (store, _) = memory();
    write(store.clone(), 0, 30).await;
    for limit in [1, 4, 1000] {
        let (mut cursor, mut seen) = (Cursor::start(), Vec::new());
        while seen.len() < 60 {
            let kept = Cursor::from_bytes(&cursor.to_bytes()).expect("ours");
            let subscribe = store.subscribe(Filter::all()).after(kept).batch(Limit::events(limit));
            let mut subscription = subscribe.start().await.expect("starts");
            assert_eq!(*subscription.cursor(), cursor);
            for _ in 0..=seen.len() % 4 {
                if seen.len() < 60 {
                    seen.push(next(&mut subscription).await.id());
                }
            }
            cursor = subscription.cursor().clone();
        }
        assert_eq!(seen, log(&store, &Filter::all()).await);
        assert_eq!(cursor, store.head().await.expect("readable"));
    }
}
