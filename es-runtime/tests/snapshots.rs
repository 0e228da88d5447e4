//! Snapshots save time and are never believed.
#![allow(missing_docs)]

use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::testing::Faulty;
use es_runtime::{Snapshot, Snapshots, Stats, StreamName};
use std::convert::Infallible;
use std::time::Duration;

#[event("tally.counted")]
pub struct Counted {
    pub by: u64,
}

macro_rules! tally {
    ($name:ident, $state:ty, $($argument:tt)*) => {
        #[derive(Aggregate, Default, Debug, Clone, serde::Serialize, serde::Deserialize)]
        #[aggregate("tally", id = String, events(Counted), $($argument)*)]
        pub struct $name {
            sum: $state,
        }

        impl Apply<Counted> for $name {
            fn apply(&mut self, event: &Counted) {
                self.sum += <$state>::try_from(event.by).expect("small");
            }
        }
    };
}

tally!(Tally, u64, snapshot(every = 10));
tally!(WideTally, u128, snapshot(every = 10));
tally!(RevisedTally, u64, revision = 2, snapshot(every = 10));

fn store() -> (Store, Faulty<Memory>) {
    let memory = Faulty::new(Memory::new());
    (Store::new(memory.clone()), memory)
}

async fn count<A>(store: &Store, times: u64)
where
    Counted: es_runtime::EventOf<A>,
    A: Aggregate<Id = String> + Apply<Counted>,
{
    let tallies = store.repository::<A>();
    for _ in 0..times {
        tallies.execute(&"t".into(), |_| Ok::<_, Infallible>(Counted { by: 1 })).await.expect("stored");
    }
}

/// Waits for what is done in the background.
async fn until(store: &Store, is_so: impl Fn(Stats) -> bool) -> Stats {
    for _ in 0..1000 {
        if is_so(store.stats()) {
            return store.stats();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it never came to that: {:?}", store.stats());
}

fn stream() -> StreamName {
    StreamName::new("tally", "t").expect("a name")
}

async fn snapshot(memory: &Faulty<Memory>) -> Option<Snapshot> {
    memory.load_snapshot(&stream()).await.expect("readable")
}

#[tokio::test]
async fn one_is_taken_when_enough_events_have_come_since_the_last() {
    let (store, memory) = store();
    count::<Tally>(&store, 9).await;
    assert_eq!(snapshot(&memory).await, None);
    count::<Tally>(&store, 1).await;
    until(&store, |stats| stats.snapshot_writes == 1).await;
    assert_eq!(snapshot(&memory).await.expect("taken").version, Version::new(10));
    count::<Tally>(&store, 9).await;
    assert_eq!(store.stats().snapshot_writes, 1);

    // By events, not by their number: a commit that jumps over version 20 takes one as well.
    let three = || Ok::<_, Infallible>([1, 1, 1].map(|by| Counted { by }));
    store.repository::<Tally>().execute(&"t".into(), |_| three()).await.expect("stored");
    until(&store, |stats| stats.snapshot_writes == 2).await;
    assert_eq!(snapshot(&memory).await.expect("taken").version, Version::new(22));
}

#[tokio::test]
async fn a_load_starts_from_it_and_goes_on_with_the_rest() {
    let (store, _) = store();
    count::<Tally>(&store, 10).await;
    until(&store, |stats| stats.snapshot_writes == 1).await;
    count::<Tally>(&store, 3).await;
    let tally = store.repository::<Tally>().load(&"t".into()).await.expect("loads");
    assert_eq!((tally.sum, tally.version()), (13, Version::new(13)));
    assert!(store.stats().snapshot_hits >= 1);
}

#[tokio::test]
async fn one_of_another_shape_or_revision_is_thrown_away_and_made_again() {
    let (store, memory) = store();
    count::<Tally>(&store, 12).await;
    until(&store, |stats| stats.snapshot_writes == 1).await;
    assert_eq!(store.stats().snapshot_writes, 1, "one at a time");
    let old = snapshot(&memory).await.expect("taken");

    let wide = store.repository::<WideTally>().load(&"t".into()).await.expect("loads");
    assert_eq!(wide.sum, 12);
    assert_eq!((store.stats().snapshot_discards, snapshot(&memory).await), (1, None));
    count::<WideTally>(&store, 1).await;
    until(&store, |stats| stats.snapshot_writes == 2).await;
    assert_ne!(snapshot(&memory).await.expect("made again").fingerprint, old.fingerprint);

    assert_eq!(store.repository::<RevisedTally>().load(&"t".into()).await.expect("loads").sum, 13);
    assert_eq!(store.stats().snapshot_discards, 2);
}

/// A tally whose sum is inside of another type, of which the state says only the name.
macro_rules! nested {
    ($module:ident, { $($fields:tt)* }) => {
        mod $module {
            use super::*;

            #[derive(Default, Debug, Clone, serde::Serialize, serde::Deserialize)]
            pub struct Inner { pub sum: u64, $($fields)* }

            #[derive(Aggregate, Default, Debug, Clone, serde::Serialize, serde::Deserialize)]
            #[aggregate("tally", id = String, events(Counted), snapshot(every = 10))]
            pub struct Tally {
                pub inner: Inner,
            }

            impl Apply<Counted> for Tally {
                fn apply(&mut self, event: &Counted) {
                    self.inner.sum += u64::from(event.by);
                    self.inner.count();
                }
            }
        }
    };
}

nested!(plain, {});
nested!(counting, { #[serde(default)] pub events: u64 });

impl plain::Inner {
    fn count(&self) {}
}

impl counting::Inner {
    fn count(&mut self) {
        self.events += 1;
    }
}

#[tokio::test]
async fn one_with_another_type_inside_is_thrown_away_although_it_would_decode() {
    let (store, memory) = store();
    count::<plain::Tally>(&store, 10).await;
    until(&store, |stats| stats.snapshot_writes == 1).await;
    let tally =
        store.repository::<counting::Tally>().load(&"t".into()).await.expect("every event is replayed");
    assert_eq!((tally.inner.sum, tally.inner.events), (10, 10), "a snapshot from before knows nothing of it");
    assert_eq!((store.stats().snapshot_discards, snapshot(&memory).await), (1, None));
}

#[tokio::test]
async fn one_that_does_not_decode_is_thrown_away() {
    let (store, memory) = store();
    count::<Tally>(&store, 10).await;
    until(&store, |stats| stats.snapshot_writes == 1).await;
    let mut broken = snapshot(&memory).await.expect("taken");
    broken.state = es_runtime::Encoded::new(es_runtime::Format::Json, *b"{\"sum\":");
    memory.save_snapshot(&stream(), broken).await.expect("kept");
    assert_eq!(store.repository::<Tally>().load(&"t".into()).await.expect("loads").sum, 10);
    assert_eq!((store.stats().snapshot_discards, snapshot(&memory).await), (1, None));
}

#[tokio::test]
async fn one_that_is_ahead_of_its_stream_or_of_another_history_is_thrown_away() {
    // A store restored from an older backup, with the snapshots of the newer one.
    let (newer, newer_memory) = store();
    count::<Tally>(&newer, 10).await;
    until(&newer, |stats| stats.snapshot_writes == 1).await;
    let ahead = snapshot(&newer_memory).await.expect("taken");
    for events in [3, 10] {
        let (restored, memory) = store();
        count::<RevisedTally>(&restored, events).await;
        let written = u64::from(events == 10);
        until(&restored, |stats| stats.snapshot_writes == written).await;
        memory.delete_snapshot(&stream()).await.expect("gone");
        memory.save_snapshot(&stream(), ahead.clone()).await.expect("kept");
        let tally = restored.repository::<Tally>().load(&"t".into()).await.expect("loads");
        assert_eq!((tally.sum, restored.stats().snapshot_discards), (events, 1));
        count::<Tally>(&restored, 1).await;
    }
}

#[tokio::test]
async fn writing_one_neither_fails_nor_delays_the_commit() {
    let (store, memory) = store();
    count::<Tally>(&store, 9).await;
    // The load of a snapshot, and the write of the next.
    memory.faults().fail_snapshots(2);
    count::<Tally>(&store, 1).await;
    let stats = until(&store, |stats| stats.snapshot_failures == 2).await;
    assert_eq!((stats.snapshot_writes, stats.commits), (0, 10));
    count::<Tally>(&store, 1).await;
    until(&store, |stats| stats.snapshot_writes == 1).await;
}

#[tokio::test]
async fn a_saved_root_takes_one_too() {
    let (store, memory) = store();
    let tallies = store.repository::<Tally>();
    let mut tally = tallies.load(&"t".into()).await.expect("loads");
    for _ in 0..10 {
        tally.raise(Counted { by: 2 }).expect("encodes");
    }
    tallies.save(&mut tally).await.expect("stored");
    until(&store, |stats| stats.snapshot_writes == 1).await;
    assert_eq!(snapshot(&memory).await.expect("taken").version, Version::new(10));
    assert_eq!(tallies.load(&"t".into()).await.expect("loads").sum, 20);
}

#[tokio::test]
async fn a_snapshot_never_skips_the_version_check() {
    let (store, _) = store();
    count::<Tally>(&store, 10).await;
    until(&store, |stats| stats.snapshot_writes == 1).await;
    let tallies = store.repository::<Tally>();
    let mut one = tallies.load(&"t".into()).await.expect("loads");
    let mut other = tallies.load(&"t".into()).await.expect("loads");
    one.raise(Counted { by: 1 }).expect("encodes");
    other.raise(Counted { by: 1 }).expect("encodes");
    tallies.save(&mut one).await.expect("first");
    assert!(matches!(tallies.save(&mut other).await, Err(StoreError::Append(AppendError::Conflict { .. }))));
}

#[tokio::test]
async fn a_long_load_without_one_is_counted() {
    #[derive(Aggregate, Default)]
    #[aggregate("tally", id = String, events(Counted))]
    struct Plain {}
    impl Apply<Counted> for Plain {
        fn apply(&mut self, _: &Counted) {}
    }
    let (store, _) = store();
    let many = || Ok::<_, Infallible>((0..1001).map(|by| Counted { by }).collect::<Vec<_>>());
    store.repository::<Plain>().execute(&"t".into(), |_| many()).await.expect("stored");
    assert_eq!(store.stats().long_replays, 0);
    store.repository::<Plain>().load(&"t".into()).await.expect("loads");
    assert_eq!(store.stats().long_replays, 1);
}

/// Two give the same command; one looks it up before the other stores it, and loads after.
#[tokio::test]
async fn a_command_that_was_done_meanwhile_leaves_no_wrong_snapshot() {
    let (store, memory) = store();
    count::<Tally>(&store, 8).await;
    let request = CommitId::derive(&CommitId::ROOT, "request");
    let give = |store: &Store| {
        let command = store.repository::<Tally>().command(&"t".into()).commit_id(request);
        command.execute(|_| Ok::<_, Infallible>([Counted { by: 1 }, Counted { by: 1 }]))
    };
    let load = memory.faults().hold_read();
    let lookup = memory.faults().hold_read();
    let slow = tokio::spawn(give(&store));
    load.reached().await;
    load.release();
    lookup.reached().await;
    // Without a snapshot of its own, which would hide what the slow one does.
    memory.faults().fail_snapshots(2);
    give(&Store::new(memory.clone())).await.expect("stored");
    lookup.release();
    let outcome = slow.await.expect("no panic").expect("answered");
    assert!(outcome.is_repeated());
    assert_eq!(outcome.version(), Version::new(10));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    memory.faults().clear();
    assert_eq!(store.repository::<Tally>().load(&"t".into()).await.expect("loads").sum, 10);
}
