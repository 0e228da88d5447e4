//! Who hears what, and in which order.

use crate::support::*;
use es_runtime::prelude::*;
use es_runtime::{Bus, Hear};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_listener_hears_its_events_in_the_order_of_the_log() {
    let (store, _) = store();
    let bus = started(&store).await;
    let all: Vec<_> = (0..5).map(|_| Notes::default()).collect();
    for notes in &all {
        let notes = notes.clone();
        bus.on::<Placed>().run(move |event| {
            let notes = notes.clone();
            async move {
                tokio::task::yield_now().await;
                notes.write(event.event().number.to_string());
            }
        });
    }
    let sync = Notes::default();
    let to = sync.clone();
    let listener = bus.on_sync::<Placed>().run(move |event| to.write(event.event().number.to_string()));
    place(&store, 0..200).await;
    pay(&store, 1).await;
    for notes in all.iter().chain([&sync]) {
        assert_eq!(notes.come_to(200).await, texts(0..200));
    }
    assert_eq!((listener.heard(), listener.panics(), listener.unreadable()), (200, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn synchronous_listeners_come_first_those_of_a_higher_priority_before_others() {
    let (store, _) = store();
    let bus = started(&store).await;
    let notes = Notes::default();
    let to = notes.clone();
    bus.on::<Placed>().run(move |event| {
        let to = to.clone();
        async move { to.write(format!("{} async", event.event().number)) }
    });
    for (name, priority) in [("a", 0), ("low", -5), ("high", 10), ("b", 0), ("higher", i32::MAX)] {
        let to = notes.clone();
        bus.on_sync::<Placed>().priority(priority).run(move |event| {
            // Long enough for another to overtake, if that could be.
            std::thread::sleep(Duration::from_millis(1));
            to.write(format!("{} {name}", event.event().number));
        });
    }
    place(&store, 0..10).await;
    let lines = notes.come_to(60).await;
    for number in 0..10 {
        let of_one: Vec<_> =
            lines.iter().filter_map(|line| line.strip_prefix(&format!("{number} "))).collect();
        assert_eq!(of_one, ["higher", "high", "a", "b", "low", "async"]);
    }
}

/// The turn of the others comes with each event, not when all that is new has been told.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_has_a_task_waits_for_the_synchronous_ones_of_the_same_event_only() {
    let (store, _) = store();
    place(&store, 0..10).await;
    let (bus, notes) = (Bus::new(&store), Notes::default());
    let to = notes.clone();
    bus.on_sync::<Placed>().run(move |event| {
        std::thread::sleep(Duration::from_millis(20));
        to.write(format!("sync {}", event.event().number));
    });
    let to = notes.clone();
    bus.on::<Placed>().run(move |event| {
        let to = to.clone();
        async move { to.write(format!("async {}", event.event().number)) }
    });
    bus.start_after(es_runtime::Cursor::start()).await;
    let lines = notes.come_to(20).await;
    let at = |line: &str| lines.iter().position(|other| other == line).expect(line);
    assert!(at("async 0") < at("sync 9"), "{lines:?}");
    assert!((0..10).all(|n| at(&format!("sync {n}")) < at(&format!("async {n}"))), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn once_is_once_however_many_come_at_the_same_time() {
    for _ in 0..20 {
        let (store, _) = store();
        let bus = started(&store).await;
        let notes = Notes::default();
        let to = notes.clone();
        let listener = bus.on::<Placed>().once().run(move |event| {
            let to = to.clone();
            async move { to.write(format!("async {}", event.event().number)) }
        });
        let to = notes.clone();
        let sync = bus
            .on_sync::<Placed>()
            .once()
            .run(move |event| to.write(format!("sync {}", event.event().number)));
        let to = notes.clone();
        let both = bus.consumer(Ledger(to)).hears::<Placed>().hears::<Paid>().once().run();
        let writers = (0..8).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move { place(&store, 10 * writer..10 * writer + 10).await })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("no panic");
        }
        let mut lines = notes.come_to(3).await;
        lines.sort();
        let first = log(&store).await[0].decode::<Placed>().expect("placed").into_event().number;
        assert_eq!(lines, [format!("async {first}"), format!("placed {first}"), format!("sync {first}")]);
        for listener in [listener, sync, both] {
            assert!(!listener.is_subscribed());
            assert_eq!(listener.heard(), 1);
        }
    }
}

struct Ledger(Notes);

impl Hear<Placed> for Ledger {
    async fn hear(&self, event: Recorded<Placed>) {
        self.0.write(format!("placed {}", event.event().number));
    }
}

impl Hear<Paid> for Ledger {
    async fn hear(&self, event: Recorded<Paid>) {
        sleep(Duration::from_millis(1)).await;
        self.0.write(format!("paid {}", event.event().number));
    }
}

#[tokio::test]
async fn a_consumer_of_several_types_hears_them_in_the_order_of_the_log() {
    let (store, _) = store();
    let bus = started(&store).await;
    let (both, one, none) = (Notes::default(), Notes::default(), Notes::default());
    bus.consumer(Ledger(both.clone())).hears::<Placed>().hears::<Paid>().run();
    bus.consumer(Ledger(one.clone())).hears::<Paid>().run();
    assert!(!bus.consumer(Ledger(none.clone())).run().is_subscribed());
    for number in 0..5 {
        place(&store, number..number + 1).await;
        pay(&store, number).await;
    }
    let expected: Vec<_> =
        (0..5).flat_map(|number| [format!("placed {number}"), format!("paid {number}")]).collect();
    assert_eq!(both.come_to(10).await, expected);
    assert_eq!(one.come_to(5).await, ["paid 0", "paid 1", "paid 2", "paid 3", "paid 4"]);
    assert!(none.lines().is_empty());
}

/// There is no function to publish, so there is nothing to be heard of what is not stored.
#[tokio::test]
async fn what_is_not_stored_is_not_heard() {
    let (store, memory) = store();
    let bus = started(&store).await;
    let notes = Notes::default();
    let to = notes.clone();
    bus.on_sync::<Placed>().run(move |event| to.write(event.event().number.to_string()));
    let mut order = store.repository::<Order>().load(&1).await.expect("loads");
    order.raise(Placed { number: 1 }).expect("encodes");
    memory.faults().fail_before(usize::MAX);
    store.repository::<Order>().save(&mut order).await.expect_err("it is not stored");
    memory.faults().fail_before(0);
    place(&store, 2..3).await;
    assert_eq!(notes.come_to(1).await, ["2"]);
}

#[tokio::test]
async fn what_another_process_stores_is_heard() {
    let memory = es_runtime::memory::Memory::new();
    let (here, there) = (Store::new(memory.clone()), Store::new(memory));
    let bus = Bus::new(&here);
    let notes = Notes::default();
    let to = notes.clone();
    bus.on_sync::<Placed>().run(move |event| to.write(event.event().number.to_string()));
    bus.start().await.expect("starts");
    place(&there, 0..10).await;
    assert_eq!(notes.come_to(10).await, texts(0..10));
}
