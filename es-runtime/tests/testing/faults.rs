//! Faults to order, on every store that is built in.

use crate::common::*;
use es_runtime::prelude::*;
use es_runtime::testing::{Chaos, Fate, Faulty};
use es_runtime::{Adapter, Cursor, Direction, Filter, Freshness, Limit, Retry, memory::Memory};
use std::time::Duration;

fn store_on<A: Adapter>(adapter: A, retry: Retry) -> (Store, Faulty<A>) {
    let faulty = Faulty::new(adapter);
    (Store::builder().retry(retry).adapter(faulty.clone()), faulty)
}

fn at_once() -> Retry {
    Retry { first: Duration::ZERO, failures: 20, ..Retry::default() }
}

async fn deposits(accounts: &Repository<Account>, count: u64) -> u64 {
    let mut stored = 0;
    for _ in 0..count {
        let outcome = accounts.execute(&id("a"), |_| Ok::<_, Refusal>(Deposited { amount: 1 })).await;
        stored += u64::from(outcome.is_ok());
    }
    stored
}

async fn each_fate<A: Adapter>(adapter: A) {
    let (store, faulty) = store_on(adapter, Retry::never());
    let accounts = store.repository::<Account>();
    let deposit =
        async || accounts.execute(&id("a"), |_| Ok::<_, Refusal>(Deposited { amount: 1 })).await.map(drop);
    let balance = async || accounts.load(&id("a")).await.expect("loads").balance;

    faulty.faults().next(1, Fate::Unavailable);
    let error = deposit().await.expect_err("unavailable").to_string();
    assert!(error.contains("nothing was written: it never arrived, as was asked for"), "{error}");
    assert_eq!(balance().await, 0);

    faulty.faults().next(1, Fate::Lost);
    assert!(deposit().await.expect_err("unknown").to_string().contains("may or may not be stored"));
    assert_eq!(balance().await, 0);

    faulty.faults().next(1, Fate::AnswerLost);
    assert!(deposit().await.expect_err("unknown").to_string().contains("may or may not be stored"));
    assert_eq!(balance().await, 1);

    faulty.faults().next(1, Fate::Conflict);
    assert!(deposit().await.expect_err("conflict").to_string().contains("it is at version 1"));
    assert_eq!(balance().await, 1);

    faulty.faults().nth_commit(3, Fate::Conflict);
    assert_eq!(deposits(&accounts, 2).await, 2);
    assert!(deposit().await.is_err());
    assert_eq!(deposits(&accounts, 2).await, 2);

    faulty.faults().fail_nth_read(2);
    assert!(accounts.load(&id("a")).await.is_ok());
    assert!(accounts.load(&id("a")).await.is_err());
    assert!(!faulty.faults().are_scripted());
    assert_eq!(faulty.faults().calls().commits, 9);
}

#[tokio::test]
async fn each_fate_is_what_it_says() {
    each_fate(Memory::new()).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn each_fate_is_what_it_says_on_sqlite() {
    let dir = tempfile::tempdir().expect("a directory");
    let sqlite = es_runtime::sqlite::Sqlite::options().open(dir.path().join("faulty.db")).await;
    each_fate(sqlite.expect("opens")).await;
}

#[tokio::test]
async fn a_commit_that_is_stored_never_conflicts_with_itself() {
    let (store, faulty) = store_on(Memory::new(), at_once());
    faulty.faults().next(1, Fate::AnswerLost);
    faulty.faults().next(1, Fate::Conflict);
    let accounts = store.repository::<Account>();
    assert_eq!(deposits(&accounts, 1).await, 1);
    assert_eq!(accounts.load(&id("a")).await.expect("loads").balance, 1);
}

#[tokio::test]
async fn only_reads_that_may_lag_do() {
    let (store, faulty) = store_on(Memory::new(), at_once());
    let accounts = store.repository::<Account>();
    assert_eq!(deposits(&accounts, 2).await, 2);
    let page = |after: Cursor| {
        let store = store.clone();
        async move { store.read_all(&after, &Filter::all(), Limit::events(1)).await.expect("readable") }
    };
    let first = page(Cursor::start()).await;

    faulty.faults().lag(1);
    assert_eq!(accounts.load(&id("a")).await.expect("loads").version().get(), 2);
    let late = page(first.next.clone()).await;
    assert_eq!((late.events.len(), late.is_end, &late.next), (0, true, &first.next));
    assert_eq!(page(late.next).await.events.len(), 1);

    faulty.faults().lag(1);
    let stream = accounts.stream(&id("a")).expect("a name");
    let read =
        || faulty.read_stream(&stream, Version::new(1), Direction::Forward, Limit::default(), Freshness::Any);
    assert_eq!(read().await.expect("readable").events.len(), 0);
    assert_eq!(read().await.expect("readable").events.len(), 2);
}

/// What becomes of 200 deposits under chaos.
async fn under_chaos(seed: u64, retry: Retry) -> (Vec<bool>, u64) {
    let (store, faulty) = store_on(Memory::new(), retry);
    let accounts = store.repository::<Account>();
    let chaos = faulty.faults().chaos(seed, Chaos::default());
    let mut stored = Vec::new();
    for _ in 0..200 {
        stored.push(deposits(&accounts, 1).await == 1);
    }
    drop(chaos);
    assert!(!faulty.faults().are_scripted());
    (stored, accounts.load(&id("a")).await.expect("loads").balance)
}

#[tokio::test]
async fn chaos_is_the_same_for_the_same_seed() {
    let (some, balance) = under_chaos(1, Retry::never()).await;
    assert_eq!((some.clone(), balance), under_chaos(1, Retry::never()).await);
    assert_ne!(some, under_chaos(2, Retry::never()).await.0);
    let acknowledged = some.iter().filter(|is_stored| **is_stored).count();
    assert!((100..200).contains(&acknowledged), "{acknowledged}");
    assert!(balance >= acknowledged as u64, "{balance}");
}

#[tokio::test]
async fn who_tries_again_gets_through_chaos() {
    for seed in 0..20 {
        let (stored, balance) = under_chaos(seed, at_once()).await;
        let acknowledged = stored.iter().filter(|is_stored| **is_stored).count() as u64;
        // Reads are not tried again, so a few commands fail; none of those is stored.
        assert_eq!(balance, acknowledged, "seed {seed}");
        assert!(acknowledged > 180, "seed {seed}: {acknowledged}");
    }
}

#[tokio::test]
async fn errors_and_failed_tests_tell_the_seed() {
    let (store, faulty) = store_on(Memory::new(), Retry::never());
    let chaos = faulty.faults().chaos(77, Chaos { unavailable: 1.0, ..Chaos::none() });
    let outcome = store.repository::<Account>().execute(&id("a"), |account| account.open("Ada")).await;
    let error = outcome.expect_err("unavailable").to_string();
    assert!(error.contains("chaos of the seed 77"), "{error}");
    assert_eq!(chaos.seed(), 77);
    drop(chaos);
    assert_ne!(
        faulty.faults().fresh_chaos(Chaos::none()).seed(),
        faulty.faults().fresh_chaos(Chaos::none()).seed()
    );
}
