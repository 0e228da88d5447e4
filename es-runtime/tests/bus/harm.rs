//! Listeners that panic, are slow, or change who listens.

use crate::support::*;
use es_runtime::prelude::*;
use es_runtime::{Commit, Encoded, Expected, Format, Listener, NewEvent, NonEmpty, Timestamp};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_listener_that_panics_is_counted_and_harms_no_other() {
    let (store, _) = store();
    let bus = started(&store).await;
    let notes = Notes::default();
    let in_call = bus.on_sync::<Placed>().priority(1).run(|event| {
        assert!(!event.event().number.is_multiple_of(2), "it does not like even numbers");
    });
    let before_await = bus.on::<Placed>().run(|event| {
        assert!(!event.event().number.is_multiple_of(2), "it does not like even numbers");
        async {}
    });
    let after_await = bus.on::<Placed>().run(|event| async move {
        tokio::task::yield_now().await;
        assert!(!event.event().number.is_multiple_of(5), "it does not like fives");
    });
    let to = notes.clone();
    bus.on_sync::<Placed>().run(move |_| to.write("sync"));
    let to = notes.clone();
    bus.on::<Placed>().run(move |_| {
        let to = to.clone();
        async move { to.write("async") }
    });
    place(&store, 0..10).await;
    notes.come_to(20).await;
    let counts = |listener: &Listener| (listener.heard(), listener.panics(), listener.is_subscribed());
    assert_eq!(counts(&in_call), (10, 5, true));
    assert_eq!(counts(&before_await), (10, 5, true));
    assert_eq!(counts(&after_await), (10, 2, true));

    let once = bus.on::<Placed>().once().run(|_| async { panic!("the only call") });
    place(&store, 10..13).await;
    notes.come_to(26).await;
    assert_eq!(counts(&once), (1, 1, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_listener_delays_nobody_and_misses_nothing() {
    const ORDERS: u64 = 12_000;
    let (store, _) = store();
    let bus = started(&store).await;
    let (slow, fast) = (Notes::default(), Notes::default());
    let (release, released) = tokio::sync::watch::channel(false);
    let to = slow.clone();
    bus.on::<Placed>().run(move |event| {
        let (to, mut released) = (to.clone(), released.clone());
        async move {
            released.wait_for(|released| *released).await.expect("it is released");
            to.write(event.event().number.to_string());
        }
    });
    let to = fast.clone();
    bus.on::<Placed>().run(move |event| {
        let to = to.clone();
        async move { to.write(event.event().number.to_string()) }
    });
    place(&store, 0..ORDERS).await;
    assert_eq!(fast.come_to(ORDERS as usize).await, texts(0..ORDERS));
    assert!(slow.lines().is_empty());
    release.send(true).expect("it waits");
    assert_eq!(slow.come_to(ORDERS as usize).await, texts(0..ORDERS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_listener_may_add_and_remove_listeners_and_give_commands() {
    let (store, _) = store();
    let bus = started(&store).await;
    let notes = Notes::default();

    // It adds one that hears what comes later, and removes itself.
    let own = Arc::new(OnceLock::<Listener>::new());
    let (adding, to, mine) = (bus.clone(), notes.clone(), Arc::clone(&own));
    let listener = bus.on_sync::<Placed>().run(move |event| {
        to.write(format!("first {}", event.event().number));
        let later = to.clone();
        adding.on_sync::<Placed>().run(move |event| later.write(format!("later {}", event.event().number)));
        let later = to.clone();
        adding.on::<Placed>().run(move |event| {
            let later = later.clone();
            async move { later.write(format!("later {} async", event.event().number)) }
        });
        mine.get().expect("set").unsubscribe();
    });
    own.set(listener).expect("set once");

    // It gives a command to the aggregate of the event that it hears of.
    let (commands, to) = (store.clone(), notes.clone());
    bus.on::<Placed>().run(move |event| {
        let (commands, to) = (commands.clone(), to.clone());
        async move {
            pay(&commands, event.event().number).await;
            to.write(format!("paid {}", event.event().number));
        }
    });
    place(&store, 0..3).await;
    let mut lines = notes.come_to(8).await;
    lines.sort();
    let mut expected = vec!["first 0".to_owned()];
    expected.extend((1..3).flat_map(|number| [format!("later {number}"), format!("later {number} async")]));
    expected.extend((0..3).map(|number| format!("paid {number}")));
    assert_eq!(lines, expected);
}

/// A listener of a higher priority has the last word.
#[tokio::test]
async fn who_is_removed_by_another_listener_is_not_told_of_the_same_event() {
    let (store, _) = store();
    let bus = started(&store).await;
    let notes = Notes::default();
    let to = notes.clone();
    let low = bus.on_sync::<Placed>().run(move |_| to.write("low"));
    let to = notes.clone();
    bus.on_sync::<Placed>().priority(1).run(move |_| {
        to.write("high");
        low.unsubscribe();
    });
    place(&store, 0..2).await;
    assert_eq!(notes.come_to(2).await, ["high", "high"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_has_unsubscribed_hears_nothing_more() {
    let (store, _) = store();
    let bus = started(&store).await;
    let notes = Notes::default();
    let dropped = Arc::new(());
    let (kept, to) = (Arc::clone(&dropped), notes.clone());
    let listener = bus.on::<Placed>().run(move |event| {
        let (to, _kept) = (to.clone(), kept.clone());
        async move { to.write(event.event().number.to_string()) }
    });
    place(&store, 0..5).await;
    assert_eq!(notes.come_to(5).await, texts(0..5));
    listener.unsubscribe();
    listener.unsubscribe();
    assert!(!listener.is_subscribed());
    place(&store, 5..10).await;
    assert_eq!(notes.come_to(5).await, texts(0..5));
    assert_eq!(Arc::strong_count(&dropped), 1, "what it captured is dropped");
}

#[tokio::test]
async fn what_does_not_fit_its_type_is_counted_and_the_next_is_heard() {
    let (store, _) = store();
    let bus = started(&store).await;
    let notes = Notes::default();
    let to = notes.clone();
    let sync = bus.on_sync::<Paid>().run(move |event| to.write(event.event().number.to_string()));
    let to = notes.clone();
    let once = bus.on::<Paid>().once().run(move |event| {
        let to = to.clone();
        async move { to.write(event.event().number.to_string()) }
    });
    for (name, payload) in [("order.settled", r#"{"number":"x"}"#), ("order.settled", r#"{"number":7}"#)] {
        let event = NewEvent {
            name: name.into(),
            schema_version: 1,
            payload: Encoded::new(Format::Json, payload.as_bytes()),
            metadata: Arc::default(),
            occurred_at: Timestamp::EPOCH,
        };
        let commit = Commit {
            id: CommitId::derive(&CommitId::ROOT, payload),
            stream: "order/1".parse().expect("a name"),
            expected: Expected::Any,
            events: NonEmpty::new(vec![event]).expect("one"),
            requires: vec![],
        };
        store.append(commit).await.expect("stored");
    }
    assert_eq!(notes.come_to(2).await, ["7", "7"]);
    assert_eq!((sync.heard(), sync.unreadable()), (1, 1));
    assert_eq!((once.heard(), once.unreadable(), once.is_subscribed()), (1, 1, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_for_a_while_costs_no_event() {
    let (store, memory) = store();
    let bus = started(&store).await;
    let notes = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&notes);
    bus.on::<Placed>().run(move |event| {
        let to = Arc::clone(&to);
        async move { to.lock().expect("not poisoned").push(event.event().number) }
    });
    place(&store, 0..5).await;
    memory.faults().fail_reads(30);
    for number in 5..10 {
        let placed = async {
            while store
                .repository::<Order>()
                .execute(&number, |_| Ok::<_, String>(Placed { number }))
                .await
                .is_err()
            {}
        };
        placed.await;
    }
    let all = async {
        while notes.lock().expect("not poisoned").len() < 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), all).await.expect("they arrive");
    assert_eq!(*notes.lock().expect("not poisoned"), (0..10).collect::<Vec<_>>());
}
