//! Group commit: what many callers at once can rely on.
#![allow(missing_docs)]

mod common;

use common::*;
use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::testing::Faulty;
use es_runtime::{
    Adapter, Appended, Capabilities, Commit, Cursor, Direction, Filter, Found, Freshness, Limit, LogPage,
    Page, ReadError, Retry, StoreId, StreamName,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Notes down which streams were written together.
#[derive(Clone, Default)]
struct Noting {
    memory: Faulty<Memory>,
    batches: Arc<Mutex<Vec<Vec<StreamName>>>>,
}

impl Noting {
    fn sizes(&self) -> Vec<usize> {
        self.batches.lock().expect("not poisoned").iter().map(Vec::len).collect()
    }
}

impl Adapter for Noting {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        let streams = commits.iter().map(|commit| commit.stream.clone()).collect();
        self.batches.lock().expect("not poisoned").push(streams);
        self.memory.append_batch(commits).await
    }
    async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        self.memory.append_all(commits).await
    }
    async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        self.memory.find_commit(id).await
    }
    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        freshness: Freshness,
    ) -> Result<Page, ReadError> {
        self.memory.read_stream(stream, from, direction, limit, freshness).await
    }
    async fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> Result<LogPage, ReadError> {
        self.memory.read_all(after, filter, limit).await
    }
    fn changes(&self) -> watch::Receiver<()> {
        self.memory.changes()
    }
    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }
    fn identity(&self) -> StoreId {
        self.memory.identity()
    }
}

fn open(store: &Store, account: String) -> tokio::task::JoinHandle<Result<Outcome, CommandError<Refusal>>> {
    let accounts = store.repository::<Account>();
    tokio::spawn(async move { accounts.execute(&account, |account| account.open("ada")).await })
}

/// Lets every task run until it waits for something.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_queues_up_during_a_write_is_written_at_once() {
    let noting = Noting::default();
    let store = Store::new(noting.clone());
    let hold = noting.memory.faults().hold_before();
    let first = open(&store, id("first"));
    hold.reached().await;
    let others: Vec<_> = (0..50).map(|n| open(&store, format!("other {n}"))).collect();
    settle().await;
    hold.release();
    first.await.expect("no panic").expect("stored");
    for other in others {
        other.await.expect("no panic").expect("stored");
    }
    assert_eq!(noting.sizes(), [1, 50]);
}

#[tokio::test]
async fn metadata_takes_room_in_a_batch() {
    let noting = Noting::default();
    let store = Store::new(noting.clone());
    let hold = noting.memory.faults().hold_before();
    let first = open(&store, id("first"));
    hold.reached().await;
    let metadata = Metadata::new().with_header("note", "x".repeat(60 << 10));
    let others: Vec<_> = (0..200)
        .map(|n| {
            let command = store.repository::<Account>().command(&n.to_string()).metadata(metadata.clone());
            tokio::spawn(async move { command.execute(|account| account.open("ada")).await })
        })
        .collect();
    settle().await;
    hold.release();
    first.await.expect("no panic").expect("stored");
    for other in others {
        other.await.expect("no panic").expect("stored");
    }
    // 8 MiB of commits of a little more than 60 KiB each.
    assert_eq!(noting.sizes(), [1, 135, 65]);
}

#[tokio::test]
async fn a_batch_touches_each_stream_once_and_each_commit_has_its_own_outcome() {
    let noting = Noting::default();
    let store = Store::new(noting.clone());
    let hold = noting.memory.faults().hold_before();
    let first = open(&store, id("first"));
    hold.reached().await;
    // Decided on the same version before any of them is stored, as commands of one store are not.
    let mut same = Vec::new();
    for _ in 0..3 {
        let accounts = store.repository::<Account>();
        let mut account = accounts.load(&id("same")).await.expect("loads");
        account.decide(|account| account.open("ada")).expect("accepted");
        same.push(tokio::spawn(async move { accounts.save(&mut account).await }));
    }
    let other = open(&store, id("other"));
    settle().await;
    hold.release();
    first.await.expect("no panic").expect("stored");
    other.await.expect("no panic").expect("one conflict takes no other commit with it");
    let mut lost = 0;
    for task in same {
        match task.await.expect("no panic") {
            Ok(outcome) => assert_eq!(outcome.version(), Version::new(1)),
            Err(StoreError::Append(AppendError::Conflict { .. })) => lost += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(lost, 2, "one is stored");
    for batch in noting.batches.lock().expect("not poisoned").iter() {
        let mut streams = batch.clone();
        streams.sort();
        streams.dedup();
        assert_eq!(streams.len(), batch.len(), "{batch:?}");
    }
}

#[tokio::test]
async fn a_caller_that_is_dropped_takes_no_other_with_it() {
    let (store, memory) = memory();
    let hold = memory.faults().hold_before();
    let leader = open(&store, id("leader"));
    hold.reached().await;
    let followers: Vec<_> = (0..10).map(|n| open(&store, format!("follower {n}"))).collect();
    settle().await;
    // The one that writes goes away in the middle of it, and so do some of those who wait.
    leader.abort();
    followers[3].abort();
    followers[7].abort();
    let mut stored = 0;
    for (n, follower) in followers.into_iter().enumerate() {
        match tokio::time::timeout(Duration::from_secs(10), follower).await.expect("nobody waits for ever") {
            Ok(outcome) => {
                outcome.expect("stored");
                stored += 1;
            }
            Err(aborted) => assert!(aborted.is_cancelled() && (n == 3 || n == 7)),
        }
    }
    assert_eq!(stored, 8);
    // The store goes on, for the leader's stream as well.
    open(&store, id("leader")).await.expect("no panic").expect("stored");
}

#[tokio::test]
async fn a_runtime_that_ends_takes_no_caller_of_another_with_it() {
    let (store, memory) = memory();
    let hold = memory.faults().hold_before();
    let short_lived =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let leader = {
        let accounts = store.repository::<Account>();
        short_lived.spawn(async move { accounts.execute(&id("leader"), |account| account.open("ada")).await })
    };
    hold.reached().await;
    let next = memory.faults().hold_before();
    let on_short_lived = {
        let accounts = store.repository::<Account>();
        short_lived.spawn(async move { accounts.execute(&id("second"), |account| account.open("ada")).await })
    };
    let follower = open(&store, id("follower"));
    settle().await;
    // The batch of the other two is now written by a task of the runtime that is about to end.
    hold.release();
    next.reached().await;
    short_lived.shutdown_background();
    drop((leader, on_short_lived));
    let outcome =
        tokio::time::timeout(Duration::from_secs(10), follower).await.expect("nobody waits for ever");
    outcome.expect("no panic").expect("stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_load_nothing_is_lost_and_nothing_doubled() {
    // Every answer may be lost to the same few commits, as the rest wait for their turns.
    let retry = Retry { first: Duration::ZERO, failures: 20, ..Retry::default() };
    let (store, memory) = memory_with(Store::builder().retry(retry));
    let accounts = store.repository::<Account>();
    for account in 0..8 {
        accounts.execute(&account.to_string(), |account| account.open("ada")).await.expect("stored");
    }
    memory.faults().fail_after(20);
    let tasks: Vec<_> = (0..400)
        .map(|n| {
            let accounts = accounts.clone();
            tokio::spawn(async move {
                let account = (n % 8).to_string();
                let deposit = accounts.execute(&account, |account| account.deposit(1));
                // Every seventh caller loses patience.
                let patience = Duration::from_micros(if n % 7 == 0 { 50 } else { 60_000_000 });
                tokio::time::timeout(patience, deposit).await
            })
        })
        .collect();
    let mut acknowledged = 0;
    for task in tasks {
        if let Ok(outcome) = task.await.expect("no panic") {
            outcome.expect("stored");
            acknowledged += 1;
        }
    }
    let mut stored = 0;
    for account in 0..8 {
        let account = accounts.load(&account.to_string()).await.expect("loads");
        assert_eq!(account.balance, account.version().get() - 1);
        stored += account.balance;
    }
    assert!(acknowledged >= 342 && (acknowledged..=400).contains(&stored), "{acknowledged} {stored}");
}
