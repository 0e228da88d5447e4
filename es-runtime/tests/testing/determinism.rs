//! Clocks and ids that are the same each time.

use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::testing::{ManualClock, SeededEntropy, SequentialIds};
use es_runtime::{Clock, Entropy, Timestamp};
use std::collections::HashSet;
use std::time::Duration;

#[test]
fn a_clock_goes_when_it_is_told_to() {
    let clock = ManualClock::new("2026-01-01T12:00:00Z".parse().expect("a time"));
    let same = clock.clone();
    same.advance(Duration::from_micros(1));
    assert_eq!(clock.now().to_string(), "2026-01-01T12:00:00.000001Z");
    same.set(Timestamp::EPOCH);
    assert_eq!(clock.now(), ManualClock::default().now());
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), Timestamp::MAX);
}

async fn ids(entropy: impl Entropy + Clone) -> Vec<String> {
    let clock = ManualClock::default();
    let memory = Memory::with(clock.clone(), entropy.clone());
    let store = Store::builder().clock(clock).entropy(entropy).adapter(memory);
    let accounts = store.repository::<crate::common::Account>();
    let mut ids = HashSet::new();
    let mut listed = vec![store.identity().to_string()];
    for n in 0..300 {
        let account = n.to_string();
        accounts.execute(&account, |account| account.open("Ada")).await.expect("stored");
        let history = accounts.history(&account, Version::new(1)).await.expect("readable");
        let id = history.events[0].commit().to_string();
        assert!(ids.insert(id.clone()), "{id} comes twice");
        listed.push(id);
    }
    listed
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids() {
    let seeded = ids(SeededEntropy::new(1)).await;
    assert_eq!(seeded, ids(SeededEntropy::new(1)).await);
    assert_ne!(seeded, ids(SeededEntropy::new(2)).await);
    let counted = ids(SequentialIds::default()).await;
    assert_eq!(counted[1], "00000000-0000-7000-8000-000000000002");
}
