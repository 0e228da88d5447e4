//! A projection that sees each event exactly once, in processes that are killed, or stopped for longer than their
//! lease and woken again.

use crate::follower::Follower;
use crate::postgres::rounds;
use crate::writer::{Plan, Running};
use crate::{moment, say};
use es_runtime::{FollowError, Store};
use faults::{Counts, Ownership, expect_folded, handled_by, ownership};
use rustix::process::Signal;
use servers::postgres::Server;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short, so that others take over soon; a process that gets no processor for so long is as good as stopped.
const LEASE: &str = "--lease-ms 400";

/// A store that a process writes to all the time.
struct Scene {
    url: String,
    store: Store,
    writer: Running,
    _folder: Option<TempDir>,
}

impl Scene {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("counts.db");
        Self::at(format!("sqlite:{}?durability=process-crash", path.display()), Some(folder)).await
    }

    /// A handler that is stopped with a row locked is not waited for until the end of the test.
    async fn postgres() -> Self {
        Self::at(format!("{}?work_timeout_ms=2000", Server::shared().new_database()), None).await
    }

    async fn at(url: String, folder: Option<TempDir>) -> Self {
        let store = Store::connect(&url).await.expect("a store");
        let writer = Plan::new(0, &url).options("--concurrency 2 --pause-ms 4 --persist --patient").start();
        Self { url, store, writer, _folder: folder }
    }

    fn follower(&self, options: &str) -> Follower {
        Follower::start(&self.url, options)
    }

    async fn handled_by(&self, process: u32) -> u64 {
        patiently(async || handled_by(&self.store, process).await).await
    }

    async fn ownership(&self) -> Ownership {
        patiently(async || ownership(&self.store).await).await
    }

    /// Waits until what `process` did is there for others to see, so many events at least.
    async fn until(&self, process: u32, events: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.handled_by(process).await < events {
            assert!(Instant::now() < deadline, "process {process} has not handled {events} events");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Whether others can write, as they cannot while somebody is stopped who has the write lock of a file.
    async fn goes_on(&mut self) -> bool {
        let (before, looked) = (self.writer.report().stored.len(), Instant::now());
        while looked.elapsed() < Duration::from_millis(500) {
            if self.writer.report().stored.len() >= before + 5 {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        false
    }

    /// Lets one more process catch up with everything, and compares.
    async fn end(self, what: &str) {
        let Self { url, store, writer, _folder } = self;
        writer.kill();
        let last = Follower::start(&url, LEASE);
        let head = store.head().await.expect("readable").position().expect("there are events");
        store.read_model::<Counts>().at_least(head, PATIENCE).await.expect("it catches up");
        last.stop().await;
        say(format_args!("{what}: {}", expect_folded(&store).await));
    }
}

/// Asks again where nothing was built yet, or somebody else kept the store busy.
async fn patiently<T>(mut ask: impl AsyncFnMut() -> Result<T, FollowError>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Of two processes with these options, the one that works is killed, again and again.
async fn is_killed(scene: Scene, options: &str) {
    let (start, kills) = (|| scene.follower(&format!("{LEASE} {options}")), rounds(8));
    let mut followers = [start(), start()];
    for _ in 0..kills {
        let before = followers.each_mut().map(Follower::wrote);
        let begun = Instant::now();
        let works = loop {
            let now = followers.each_mut().map(Follower::wrote);
            if let Some(works) = (0..2).find(|which| now[*which] > before[*which]) {
                break works;
            }
            assert!(begun.elapsed() < PATIENCE, "nobody takes over");
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        tokio::time::sleep(moment(60)).await;
        std::mem::replace(&mut followers[works], start()).kill();
    }
    for follower in followers {
        follower.stop().await;
    }
    scene.end(&format!("killed {kills} times")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_leaves_each_event_handled_once_on_sqlite() {
    is_killed(Scene::sqlite().await, "").await;
}

/// With handlers that take their time, or it would be killed while it waits for events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_leaves_each_event_handled_once_on_postgres() {
    is_killed(Scene::postgres().await, "--hold-ms 1").await;
}

/// What a process that owns the projection believes of its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// That it has run out. It looks whether it still owns the projection, and perhaps handles events meanwhile.
    Over,
    /// That it has not. It goes on with what it was about to do.
    Valid,
}

/// The owner stops, another takes over, the owner wakes. Answers whether it was seen that the other still was the
/// owner after all that, and that the first had tried to work where it believed in its lease.
async fn sleeps_and_wakes(scene: &mut Scene, belief: Belief, options: &str) -> bool {
    let lease = if belief == Belief::Valid { "--lease-ms 3600000" } else { LEASE };
    let mut first = scene.follower(&format!("{lease} {options}"));
    first.until(3).await;
    loop {
        tokio::time::sleep(moment(40)).await;
        first.signal(Signal::STOP);
        if scene.goes_on().await {
            break;
        }
        first.signal(Signal::CONT);
    }
    let second = scene.follower(LEASE);
    scene.until(second.process(), 10).await;

    let (before, wrote) = (scene.ownership().await, first.wrote());
    let rows = scene.handled_by(first.process()).await;
    first.signal(Signal::CONT);
    let seen = scene.handled_by(second.process()).await;
    scene.until(second.process(), seen + 30).await;
    let deadline = Instant::now() + Duration::from_secs(2);
    while belief == Belief::Valid && first.wrote() == wrote && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let has_tried = belief == Belief::Over || first.wrote() > wrote;
    // Whatever it was about to do is done, or given up.
    let first = {
        let process = first.process();
        first.stop().await;
        process
    };
    let after = scene.ownership().await;
    let is_conclusive = after.token == before.token && has_tried;
    if after.token == before.token {
        assert_eq!(scene.handled_by(first).await, rows, "rows of a process that was not the owner any more");
        assert!(after.handled >= before.handled, "it took the checkpoint back: {before:?}, {after:?}");
    }
    second.stop().await;
    is_conclusive
}

/// `options` are those of the process that is stopped.
async fn others_take_over(mut scene: Scene, options: &str) {
    let (mut slept, mut conclusive) = (0, [0; 2]);
    while conclusive.iter().any(|times| *times < rounds(1)) {
        let belief = if slept % 2 == 0 { Belief::Over } else { Belief::Valid };
        conclusive[slept % 2] += u64::from(sleeps_and_wakes(&mut scene, belief, options).await);
        slept += 1;
        assert!(slept < 60, "on this machine the second process does not keep its lease: {conclusive:?}");
    }
    scene.end(&format!("slept {slept} times for longer than the lease")).await;
}

/// One event a time, so that it is stopped between a read and a write as often as elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_wakes_without_its_lease_changes_nothing_on_sqlite() {
    others_take_over(Scene::sqlite().await, "--batch 1").await;
}

/// With handlers that wait before they write, so that it is stopped in a transaction that is in nobody's way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_wakes_without_its_lease_changes_nothing_on_postgres() {
    others_take_over(Scene::postgres().await, "--hold-ms 30").await;
}
