//! Where it begins, how far it has come, and how it ends.

use crate::support::*;
use es_runtime::{Bus, Cursor, Listener};
use std::time::Duration;
use tokio::time::{sleep, timeout};

fn listen(bus: &Bus, notes: &Notes) -> [Listener; 2] {
    let (sync, to) = (notes.clone(), notes.clone());
    let one = bus.on_sync::<Placed>().run(move |event| sync.write(format!("sync {}", event.event().number)));
    let other = bus.on::<Placed>().run(move |event| {
        let to = to.clone();
        async move { to.write(format!("async {}", event.event().number)) }
    });
    [one, other]
}

fn heard(numbers: std::ops::Range<u64>) -> Vec<String> {
    let mut lines: Vec<_> = numbers.flat_map(|n| [format!("async {n}"), format!("sync {n}")]).collect();
    lines.sort();
    lines
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[tokio::test]
async fn it_begins_now_or_where_it_is_told() {
    let (store, _) = store();
    place(&store, 0..4).await;
    let (now, all, rest) = (Notes::default(), Notes::default(), Notes::default());
    let buses = [Bus::new(&store), Bus::new(&store), Bus::new(&store)];
    let after_two = Cursor::at(log(&store).await[1].position());
    for (bus, notes) in buses.iter().zip([&now, &all, &rest]) {
        listen(bus, notes);
    }
    buses[0].start().await.expect("starts");
    buses[1].start_after(Cursor::start()).await;
    buses[2].start_after(after_two).await;
    // It has begun.
    buses[0].start_after(Cursor::start()).await;
    place(&store, 4..6).await;
    assert_eq!(sorted(now.come_to(4).await), heard(4..6));
    assert_eq!(sorted(all.come_to(12).await), heard(0..6));
    assert_eq!(sorted(rest.come_to(8).await), heard(2..6));
}

#[tokio::test]
async fn who_comes_later_hears_what_comes_later() {
    let (store, _) = store();
    let bus = started(&store).await;
    let (early, late) = (Notes::default(), Notes::default());
    listen(&bus, &early);
    place(&store, 0..3).await;
    early.come_to(6).await;
    listen(&bus, &late);
    place(&store, 3..5).await;
    assert_eq!(sorted(early.come_to(10).await), heard(0..5));
    assert_eq!(sorted(late.come_to(4).await), heard(3..5));
}

/// With a cursor that is kept, a restart costs no event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_cursor_is_that_of_the_slowest_listener() {
    let (store, _) = store();
    let notes = Notes::default();
    let (release, released) = tokio::sync::watch::channel(0);
    let begin = async |cursor| {
        let bus = Bus::new(&store);
        listen(&bus, &Notes::default());
        bus.on::<Placed>().once().run(|_| async {});
        let (to, released) = (notes.clone(), released.clone());
        let slow = bus.on::<Placed>().run(move |event| {
            let (to, mut released) = (to.clone(), released.clone());
            async move {
                let number = event.event().number;
                released.wait_for(|released| *released > number).await.expect("it is released");
                to.write(number.to_string());
            }
        });
        bus.start_after(cursor).await;
        (bus, slow)
    };
    let (bus, slow) = begin(Cursor::start()).await;
    place(&store, 0..10).await;
    release.send(4).expect("it waits");
    notes.come_to(4).await;
    bus.stop();
    assert!(timeout(Duration::from_millis(50), bus.stopped()).await.is_err(), "one is at work");
    release.send(5).expect("it waits");
    timeout(Duration::from_secs(5), bus.stopped()).await.expect("none is at work");
    assert_eq!(notes.lines(), texts(0..5));
    assert!(!slow.is_subscribed());

    release.send(u64::MAX).expect("sent");
    let cursor = Cursor::from_bytes(&bus.cursor().to_bytes()).expect("ours");
    let (bus, _) = begin(cursor).await;
    assert_eq!(notes.come_to(10).await, texts(0..10));
    // Nobody is left behind, so that it is the end of the log.
    let end = store.head().await.expect("readable");
    let reached = async {
        while bus.cursor() != end {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(5), reached).await.expect("it gets there");
}

/// Whoever goes on from there hears of everything that nobody was told of.
#[tokio::test]
async fn a_listener_may_end_it_in_the_midst_of_much_that_is_new() {
    let (store, _) = store();
    place(&store, 0..10).await;
    let (bus, notes) = (Bus::new(&store), Notes::default());
    let (to, ending) = (notes.clone(), bus.clone());
    bus.on_sync::<Placed>().run(move |event| {
        to.write(event.event().number.to_string());
        if event.event().number == 4 {
            ending.stop();
        }
    });
    bus.start_after(Cursor::start()).await;
    timeout(Duration::from_secs(5), bus.stopped()).await.expect("it ends");
    assert_eq!(notes.lines(), texts(0..5));

    let (rest, to) = (Bus::new(&store), notes.clone());
    rest.on_sync::<Placed>().run(move |event| to.write(event.event().number.to_string()));
    rest.start_after(bus.cursor()).await;
    let mut lines = notes.come_to(11).await;
    // The last one was told of while it ended.
    assert_eq!(lines.remove(5), "4");
    assert_eq!(lines, texts(0..10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_when_it_is_told_or_nobody_has_it() {
    let (store, memory) = store();
    for is_dropped in [true, false] {
        let bus = started(&store).await;
        let notes = Notes::default();
        let listeners = listen(&bus, &notes);
        place(&store, 0..1).await;
        notes.come_to(2).await;
        // A clone is the same bus.
        drop(bus.clone());
        place(&store, 1..2).await;
        notes.come_to(4).await;
        let late = if is_dropped {
            drop(bus);
            None
        } else {
            bus.stop();
            Some(listen(&bus, &notes))
        };
        place(&store, 2..4).await;
        notes.come_to(4).await;
        assert!(listeners.iter().chain(late.iter().flatten()).all(|listener| !listener.is_subscribed()));
        let reads = memory.faults().calls().reads;
        sleep(Duration::from_millis(1200)).await;
        assert_eq!(memory.faults().calls().reads, reads, "nobody reads for nobody");
    }
}
