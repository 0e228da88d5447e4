//! Whose turn it is, whatever becomes of those who had it or waited for it.

use super::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::task::{JoinSet, LocalSet, yield_now};

fn turns() -> Turns {
    Turns::new(PATIENCE, Arc::default())
}

fn stream(key: u64) -> StreamName {
    StreamName::new("order", key).expect("valid")
}

fn is_empty(turns: &Turns) -> bool {
    turns.shards.iter().all(|shard| shard.lock().expect("not poisoned").queues.is_empty())
}

/// Numbers that look like chance and are the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

async fn yield_times(times: u64) {
    for _ in 0..times {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_has_the_turn_and_the_others_follow_in_order() {
    let turns = turns();
    let order = RefCell::new(Vec::new());
    let first = turns.take(&stream(1)).await;
    let take = async |number| {
        let _turn = turns.take(&stream(1)).await;
        order.borrow_mut().push(number);
        yield_times(3).await;
        order.borrow_mut().push(number);
    };
    let release = async {
        yield_times(5).await;
        assert!(order.borrow().is_empty());
        // Another stream has a turn of its own.
        turns.take(&stream(2)).await;
        drop(first);
    };
    tokio::join!(take(1), take(2), take(3), release);
    assert_eq!(*order.borrow(), [1, 1, 2, 2, 3, 3]);
    assert!(is_empty(&turns));
    let stats = turns.counters.read();
    assert_eq!((stats.waits, stats.overtakes), (3, 0));
}

/// Tasks that hold, wait, are aborted anywhere, and panic: on every schedule one at a time has the turn of a
/// stream, it goes on to the next, and nothing is left behind.
#[test]
fn no_schedule_loses_a_turn_or_gives_it_to_two() {
    let (mut done, mut aborted, mut panicked) = (0, 0, 0);
    for seed in 0..500 {
        let ends = run_schedule(seed);
        done += ends.0;
        aborted += ends.1;
        panicked += ends.2;
    }
    assert!(done > 1000 && aborted > 1000 && panicked > 100, "{done} {aborted} {panicked}");
}

/// How many of its tasks ended well, were aborted, and panicked.
fn run_schedule(seed: u64) -> (u32, u32, u32) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let turns = Rc::new(turns());
        let holders = Rc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let mut chance = Chance(seed);
        let mut tasks = Vec::new();
        for _ in 0..16 {
            let (key, before, during, panics) =
                (chance.below(2), chance.below(6), chance.below(4), chance.below(12) == 0);
            let (turns, holders) = (Rc::clone(&turns), Rc::clone(&holders));
            tasks.push(tokio::task::spawn_local(async move {
                yield_times(before).await;
                let _turn = turns.take(&stream(key)).await;
                let _holds = Holds::new(&holders[key as usize]);
                yield_times(during).await;
                if panics {
                    // Without the message.
                    std::panic::resume_unwind(Box::new(()));
                }
            }));
        }
        for _ in 0..chance.below(40) {
            yield_times(chance.below(3)).await;
            tasks[chance.below(16) as usize].abort();
        }
        let mut ends = (0, 0, 0);
        for task in tasks {
            match task.await {
                Ok(()) => ends.0 += 1,
                Err(error) if error.is_cancelled() => ends.1 += 1,
                Err(_) => ends.2 += 1,
            }
        }
        let most = holders.iter().map(|most| most.load(Ordering::Relaxed) >> 16).max();
        assert!(most <= Some(1), "{most:?} at once, seed {seed}");
        assert!(is_empty(&turns), "seed {seed}");
        assert_eq!(turns.counters.read().overtakes, 0, "somebody waited in vain, seed {seed}");
        ends
    })
}

/// Counts in the lower half who is there, and in the upper half the most who ever were at once.
struct Holds<'a>(&'a AtomicU32);

impl<'a> Holds<'a> {
    fn new(holders: &'a AtomicU32) -> Self {
        let now = (holders.fetch_add(1, Ordering::SeqCst) & 0xffff) + 1;
        holders.fetch_max(now << 16 | now, Ordering::SeqCst);
        Self(holders)
    }
}

impl Drop for Holds<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_it_is_no_different() {
    // On a busy machine a thread may stand still for a while.
    let turns = Arc::new(Turns::new(PATIENCE * 60, Arc::default()));
    let holders: Arc<[AtomicU32; 3]> = Arc::default();
    let mut tasks = JoinSet::new();
    for seed in 0..12 {
        let (turns, holders) = (Arc::clone(&turns), Arc::clone(&holders));
        tasks.spawn(async move {
            let mut chance = Chance(seed);
            for _ in 0..2000 {
                let (key, during, patience) = (chance.below(3), chance.below(3), chance.below(20));
                let work = async {
                    let _turn = turns.take(&stream(key)).await;
                    let _holds = Holds::new(&holders[key as usize]);
                    yield_times(during).await;
                };
                // It is dropped wherever it is when the other is done.
                tokio::select! {
                    () = work => (),
                    () = yield_times(patience) => (),
                }
            }
        });
    }
    tasks.join_all().await;
    for holders in holders.iter() {
        assert_eq!(holders.load(Ordering::SeqCst), 1 << 16, "one at once, and nobody at the end");
    }
    assert!(is_empty(&turns));
    let stats = turns.counters.read();
    assert!(stats.waits > 100 && stats.overtakes == 0, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_a_second_for_who_makes_no_progress() {
    let turns = turns();
    let start = Instant::now();
    let stuck = turns.take(&stream(1)).await;
    let went_ahead = RefCell::new(Vec::new());
    let take = async |number, holds: Duration| {
        let turn = turns.take(&stream(1)).await;
        went_ahead.borrow_mut().push((number, start.elapsed().as_millis()));
        assert!(turn.is_held());
        tokio::time::sleep(holds).await;
    };
    let short = Duration::from_millis(400);
    // The second makes no progress either. Behind it the queue moves on, however long it is.
    tokio::join!(take(1, short), take(2, PATIENCE * 10), take(3, short), take(4, short), take(5, short));
    // A millisecond more or less is the timer's.
    let times: Vec<_> = went_ahead.borrow().iter().map(|(n, at)| (*n, (at + 5) / 10 * 10)).collect();
    assert_eq!(times, [(1, 1000), (2, 1400), (3, 2400), (4, 2800), (5, 3200)]);
    assert!(!stuck.is_held());
    assert_eq!(turns.counters.read().overtakes, 2);
    // Whoever was overtaken takes no turn from anybody.
    let next = turns.take(&stream(1)).await;
    drop(stuck);
    assert!(next.is_held());
    drop(next);
    assert!(is_empty(&turns));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_sooner_than_that_makes_it_shorter_for_the_next() {
    let turns = turns();
    let stuck = turns.take(&stream(1)).await;
    for _ in 0..2 {
        let impatient = tokio::time::timeout(PATIENCE * 6 / 10, turns.take(&stream(1))).await;
        let waiting: usize = turns.shards.iter().map(|shard| waiting(&shard.lock().expect("whole"))).sum();
        assert_eq!(waiting, 0, "it is forgotten at once");
        if impatient.is_ok() {
            drop(stuck);
            return;
        }
    }
    panic!("nobody ever goes ahead");
}

fn waiting(shard: &Shard) -> usize {
    shard.queues.iter().map(|queue| queue.waiting.len()).sum()
}
