//! A snapshot of a program that knew another past is thrown away.

use crate::stored::memory;
use es_runtime::Stats;
use es_runtime::prelude::*;
use std::convert::Infallible;
use std::time::Duration;

#[event("tally.counted")]
pub struct Counted {
    pub by: u64,
}

#[event("tally.corrected")]
pub struct Corrected {
    pub by: u64,
}

#[event("tally.corrected", retired = "nobody counts wrong any more")]
pub struct Retired {}

#[event("tally.corrected", into(Counted))]
pub struct Replaced {
    pub by: u64,
}

impl From<Replaced> for Counted {
    fn from(old: Replaced) -> Self {
        Self { by: old.by * 100 }
    }
}

macro_rules! tally {
    ($name:ident, $($lists:tt)*) => {
        #[derive(Aggregate, Default, serde::Serialize, serde::Deserialize)]
        #[aggregate("tally", id = String, $($lists)*, snapshot(every = 3))]
        pub struct $name {
            sum: u64,
        }

        impl Apply<Counted> for $name {
            fn apply(&mut self, event: &Counted) {
                self.sum += event.by;
            }
        }
    };
}

tally!(Tally, events(Counted, Corrected));
tally!(RetiredTally, events(Counted), past(Retired));
tally!(MovedTally, events(Counted), past(Corrected = "corrections have streams of their own"));
tally!(ReplacedTally, events(Counted), past(Replaced));

impl Apply<Corrected> for Tally {
    fn apply(&mut self, event: &Corrected) {
        self.sum += event.by * 10;
    }
}

/// A store with a snapshot of two events counted and one corrected, by the program before.
async fn with_a_snapshot() -> Store {
    let store = memory();
    let events = |_: &Tally| Ok::<_, Infallible>((Counted { by: 1 }, Counted { by: 1 }, Corrected { by: 1 }));
    store.repository::<Tally>().execute(&"t".into(), events).await.expect("stored");
    until(&store, |stats| stats.snapshot_writes == 1).await;
    store
}

/// Waits for what is done in the background.
async fn until(store: &Store, is_so: impl Fn(Stats) -> bool) {
    for _ in 0..1000 {
        if is_so(store.stats()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it never came to that: {:?}", store.stats());
}

macro_rules! is_thrown_away {
    ($($test:ident: $after:ident is $sum:expr;)*) => { $(
        #[tokio::test]
        async fn $test() {
            let store = with_a_snapshot().await;
            let sum = store.repository::<$after>().load(&"t".into()).await.expect("loads").sum;
            assert_eq!((sum, store.stats().snapshot_discards), ($sum, 1));
        }
    )* };
}

is_thrown_away! {
    when_an_event_was_retired: RetiredTally is 2;
    when_an_event_was_moved: MovedTally is 2;
    when_others_are_read_in_the_place_of_an_event: ReplacedTally is 102;
}

#[tokio::test]
async fn when_something_else_became_of_the_event() {
    let store = with_a_snapshot().await;
    let count = |_: &RetiredTally| Ok::<_, Infallible>([1, 1, 1].map(|by| Counted { by }));
    store.repository::<RetiredTally>().execute(&"t".into(), count).await.expect("stored");
    until(&store, |stats| stats.snapshot_writes == 2).await;
    assert_eq!(store.repository::<ReplacedTally>().load(&"t".into()).await.expect("loads").sum, 105);
}

#[tokio::test]
async fn one_of_the_same_past_is_believed() {
    let store = with_a_snapshot().await;
    let before = store.stats().snapshot_hits;
    assert_eq!(store.repository::<Tally>().load(&"t".into()).await.expect("loads").sum, 12);
    let stats = store.stats();
    assert_eq!((stats.snapshot_hits, stats.snapshot_discards), (before + 1, 0));
}
