//! Commands on one aggregate: what many callers at once can rely on.
#![allow(missing_docs)]

mod common;

use common::*;
use es_runtime::prelude::*;
use es_runtime::{Expected, Guard};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

const TASKS: u64 = 16;

/// Opens the account `a` in the first store and deposits 1 in it, so often in each of so many tasks, which
/// share the stores. Answers how often it was decided.
async fn deposit(stores: &[&Store], each: u64) -> u64 {
    let decided = Arc::new(AtomicU64::new(0));
    stores[0]
        .repository::<Account>()
        .execute(&id("a"), |account| account.open("ada"))
        .await
        .expect("accepted");
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let accounts = stores[task as usize % stores.len()].repository::<Account>();
        let decided = Arc::clone(&decided);
        tasks.spawn(async move {
            let mut versions = Vec::new();
            for _ in 0..each {
                let outcome = accounts.command(&id("a")).execute(|account| {
                    decided.fetch_add(1, Ordering::Relaxed);
                    account.deposit(1)
                });
                versions.push(outcome.await.expect("stored").version().get());
            }
            versions
        });
    }
    let mut versions: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=TASKS * each + 1).collect::<Vec<_>>(), "each is stored once");
    let account = stores[0].repository::<Account>().load(&id("a")).await.expect("loads");
    assert_eq!((account.version().get(), account.balance), (TASKS * each + 1, TASKS * each));
    decided.load(Ordering::Relaxed)
}

fn assert_few_attempts(store: &Store, each: u64, decided: u64) {
    let stats = store.stats();
    assert_eq!((stats.commits, decided), (TASKS * each + 1, TASKS * each + stats.conflicts));
    assert!(decided as f64 <= 1.2 * (TASKS * each) as f64, "{decided} for {stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_finds_another_at_work_waits_and_decides_once() {
    for delay in [0, 1] {
        let (store, memory) = memory();
        memory.faults().delay(Duration::from_millis(delay));
        let each = if delay == 0 { 100 } else { 5 };
        let decided = deposit(&[&store], each).await;
        assert_few_attempts(&store, each, decided);
        assert!(delay == 0 || store.stats().waits >= TASKS - 1, "{:?}", store.stats());
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_disk_that_takes_its_time_to_flush_makes_nobody_decide_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("events.db").display());
        let store = Store::connect(&url).await.expect("a store");
        let decided = deposit(&[&store], 10).await;
        assert_few_attempts(&store, 10, decided);
    }

    /// As two processes are, which know nothing of each other's turns.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn two_stores_on_one_file_store_each_command_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}?durability=process-crash", folder.path().join("events.db").display());
        let [one, other] =
            [Store::connect(&url).await.expect("a store"), Store::connect(&url).await.expect("a store")];
        let decided = deposit(&[&one, &other], 25).await;
        let [stats, others] = [one.stats(), other.stats()];
        assert_eq!(stats.commits + others.commits, TASKS * 25 + 1);
        assert_eq!(decided, TASKS * 25 + stats.conflicts + others.conflicts);

        // What two do on the same version, whatever the machine has made of the above.
        let (accounts, elsewhere) = (one.repository::<Account>(), other.repository::<Account>());
        let mut seen = Vec::new();
        let late = accounts.command(&id("a")).execute(|account| {
            seen.push(account.balance);
            if seen.len() == 1 {
                tokio::task::block_in_place(|| {
                    let quick = elsewhere.command(&id("a")).execute(|account| account.deposit(1));
                    tokio::runtime::Handle::current().block_on(quick).expect("stored")
                });
            }
            account.deposit(1)
        });
        late.await.expect("stored");
        assert_eq!(seen, [TASKS * 25, TASKS * 25 + 1]);
        assert_eq!(one.stats().conflicts, stats.conflicts + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_leaves_the_turn_to_the_next() {
    let start = Instant::now();
    let mut impatient = 0;
    for held in 1..40 {
        let (store, memory) = memory();
        let accounts = store.repository::<Account>();
        accounts.execute(&id("a"), |account| account.open("ada")).await.expect("accepted");
        memory.faults().delay(Duration::from_millis(2));
        let mut tasks = JoinSet::new();
        for task in 0..12 {
            let accounts = accounts.clone();
            tasks.spawn(async move {
                let deposit = accounts.command(&id("a")).execute(|account| account.deposit(1));
                // Some go away while they load, some while they append, and some while they wait.
                let patience = if task % 3 == 0 { 1000 } else { held * (task + 1) % 41 };
                timeout(Duration::from_millis(patience), deposit).await
            });
        }
        let ends = tasks.join_all().await;
        let done: Vec<_> =
            ends.into_iter().flatten().map(|outcome| outcome.expect("stored").version()).collect();
        let done = done.len();
        impatient += 12 - done;
        memory.faults().clear();
        let before = Instant::now();
        let last = accounts.execute(&id("a"), |account| account.deposit(1)).await.expect("accepted");
        assert_eq!(before.elapsed(), Duration::ZERO, "nobody is there to wait for");
        let balance = accounts.load(&id("a")).await.expect("loads").balance;
        // A commit whose caller went away may be stored, or not.
        assert!((done as u64 + 1..=13).contains(&balance), "{done} {balance}");
        assert_eq!((last.version().get(), store.stats().overtakes), (balance + 1, 0));
    }
    assert!(impatient > 100, "{impatient}");
    assert!(start.elapsed() < Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_refuses_or_answers_nothing_or_panics_holds_up_nobody() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    memory.faults().delay(Duration::from_millis(1));
    let start = Instant::now();
    let refused = accounts.command(&id("a")).execute(|account| account.deposit(1));
    let nothing = accounts.command(&id("a")).execute(|_| Ok::<_, Refusal>(None::<Opened>));
    let panicking = tokio::spawn({
        let accounts = accounts.clone();
        let panics = |_: &Account| -> Result<Opened, Refusal> { std::panic::resume_unwind(Box::new(())) };
        async move { accounts.execute(&id("a"), panics).await }
    });
    let opened = accounts.command(&id("a")).execute(|account| account.open("ada"));
    let (refused, nothing, panicking, opened) = tokio::join!(refused, nothing, panicking, opened);
    assert!(matches!(refused, Err(CommandError::Refused(Refusal::NotOpen))), "{refused:?}");
    assert_eq!(nothing.expect("accepted").version(), Version::NONE);
    assert!(panicking.expect_err("it panicked").is_panic());
    assert_eq!(opened.expect("stored").version(), Version::new(1));
    assert_eq!((store.stats().waits, store.stats().overtakes), (3, 0));
    assert!(start.elapsed() < Duration::from_millis(20), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_command_that_nobody_polls_blocks_no_other_and_is_done_in_the_end() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    accounts.execute(&id("a"), |account| account.open("ada")).await.expect("accepted");
    memory.faults().delay(Duration::from_millis(3));
    // As in a `select!` whose other branch comes first, and does something with the same account.
    let mut parked = pin!(accounts.command(&id("a")).execute(|account| account.deposit(1)));
    timeout(Duration::from_millis(1), &mut parked).await.expect_err("it stands still while it loads");
    for balance in 1..=3 {
        let other = accounts.command(&id("a")).execute(|account| account.deposit(1));
        let other = timeout(Duration::from_secs(2), other).await.expect("it does not wait for ever");
        assert_eq!(other.expect("stored").version().get(), balance + 1);
    }
    parked.await.expect("stored");
    assert_eq!(accounts.load(&id("a")).await.expect("loads").balance, 4);
    assert_eq!(store.stats().overtakes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_save_by_hand_waits_for_nobody() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    let mut account = accounts.load(&id("a")).await.expect("loads");
    account.decide(|account| account.open("ada")).expect("accepted");
    let hold = memory.faults().hold_read();
    let command = tokio::spawn({
        let accounts = accounts.clone();
        async move { accounts.execute(&id("a"), |account| account.deposit(1)).await }
    });
    hold.reached().await;
    accounts.save(&mut account).await.expect("stored");
    hold.release();
    assert_eq!(command.await.expect("no panic").expect("stored").version(), Version::new(2));
    assert_eq!(store.stats().waits, 0);
}

#[tokio::test(start_paused = true)]
async fn commands_that_guard_each_others_aggregates_do_not_wait_for_each_other() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    for account in ["a", "b"] {
        accounts.execute(&id(account), |account| account.open("ada")).await.expect("accepted");
    }
    memory.faults().delay(Duration::from_millis(1));
    let mut tasks = JoinSet::new();
    for task in 0..40 {
        let [account, other] = if task % 2 == 0 { ["a", "b"] } else { ["b", "a"] };
        let guard = Guard::on::<Account>(&id(other), Expected::Exists).expect("a name");
        let command = accounts.command(&id(account)).requires(guard);
        tasks.spawn(command.execute(|account| account.deposit(1)));
    }
    for outcome in tasks.join_all().await {
        outcome.expect("stored");
    }
    let stats = store.stats();
    assert_eq!((stats.commits, stats.conflicts, stats.overtakes), (42, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn while_an_outcome_is_unknown_nobody_decides_on_what_may_change() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    accounts.execute(&id("a"), |account| account.open("ada")).await.expect("accepted");
    memory.faults().delay(Duration::from_millis(1));
    memory.faults().fail_after(3);
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let accounts = accounts.clone();
        tasks.spawn(async move { accounts.execute(&id("a"), |account| account.deposit(1)).await });
    }
    for outcome in tasks.join_all().await {
        outcome.expect("stored");
    }
    let stats = store.stats();
    assert_eq!((stats.commits, stats.conflicts, stats.resends), (9, 0, 3));
}
