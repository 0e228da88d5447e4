//! Several programs run one projection: one works on a part at a time, and others take over.

use crate::account::{SOON, deposit, fold};
use crate::everywhere;
use es_runtime::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const LEASE: Duration = Duration::from_millis(150);

/// A program of its own: a thread with a runtime, which can be paused and killed.
struct Program {
    orders: mpsc::Sender<Order>,
    thread: std::thread::JoinHandle<()>,
}

enum Order {
    Pause(Duration),
    Kill,
}

impl Program {
    /// Runs what `start` starts.
    fn run<T: 'static, F: Future<Output = T>>(start: impl FnOnce() -> F + Send + 'static) -> Self {
        let (orders, given) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let running = runtime.block_on(start());
            loop {
                runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
                match given.try_recv() {
                    // Nothing of the runtime goes on meanwhile, as after a SIGSTOP.
                    Ok(Order::Pause(duration)) => std::thread::sleep(duration),
                    Ok(Order::Kill) | Err(mpsc::TryRecvError::Disconnected) => break,
                    Err(mpsc::TryRecvError::Empty) => {}
                }
            }
            // Without a stop: nothing is given back.
            runtime.shutdown_background();
            std::mem::forget(running);
        });
        Self { orders, thread }
    }

    fn pause(&self, duration: Duration) {
        self.orders.send(Order::Pause(duration)).expect("it runs");
    }

    fn kill(self) {
        self.orders.send(Order::Kill).expect("it runs");
        self.thread.join().expect("it ends");
    }
}

everywhere! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_program_works_and_the_other_goes_on_when_it_is_killed() {
        let world = world().await;
        let (store, projection) = (world.elsewhere(), world.projection(|_, _| Ok(())));
        let first = Program::run(move || async move {
            store.projection(projection).lease(LEASE).start().await.expect("it starts")
        });
        let position = deposit(&world.store, "a", 1).await;
        let model = world.store.read_model::<Model>();
        model.at_least(position, SOON).await.expect("the first follows");

        let called = Arc::new(AtomicU32::new(0));
        let counted = called.clone();
        let projection = world.projection(move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        let second = world.store.projection(projection).lease(LEASE).start().await.expect("it starts");
        for _ in 0..20 {
            let position = deposit(&world.store, "a", 1).await;
            second.at_least(position, SOON).await.expect("the first follows");
            tokio::time::sleep(LEASE / 10).await;
        }
        assert_eq!(called.load(Ordering::SeqCst), 0, "it stands by for longer than a lease");

        first.kill();
        let killed = Instant::now();
        let position = deposit(&world.store, "a", 1).await;
        second.at_least(position, SOON).await.expect("the second takes over");
        assert!(killed.elapsed() < LEASE * 4, "{:?}", killed.elapsed());
        assert_eq!(called.load(Ordering::SeqCst), 1);
        assert_eq!(world.balances().await, fold(&world.store).await);
        second.stop().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_stops_does_not_let_others_wait() {
        let world = world().await;
        let long = Duration::from_secs(60);
        let projector = |store: &Store| store.projection(world.projection(|_, _| Ok(()))).lease(long);
        let first = projector(&world.elsewhere()).start().await.expect("it starts");
        let position = deposit(&world.store, "a", 1).await;
        first.at_least(position, SOON).await.expect("it follows");
        let second = projector(&world.store).start().await.expect("it starts");
        first.stop().await;
        let position = deposit(&world.store, "a", 1).await;
        second.at_least(position, SOON).await.expect("it takes over");
        assert_eq!(world.balances().await, fold(&world.store).await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn programs_that_sleep_and_wake_spoil_nothing() {
        let world = world().await;
        let programs = [0, 1].map(|_| {
            let (store, projection) = (world.elsewhere(), world.projection(|_, _| Ok(())));
            Program::run(move || async move {
                store.projection(projection).lease(LEASE).partitions(2).batch(7).start().await.expect("it starts")
            })
        });
        let model = world.store.read_model::<Model>();
        let mut last = None;
        for round in 0..300_u64 {
            last = Some(deposit(&world.store, &format!("a-{}", round % 13), 1).await);
            if round % 60 == 20 {
                programs[usize::from(round % 120 == 20)].pause(LEASE * 2);
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        model.at_least(last.expect("some"), SOON).await.expect("somebody follows");
        assert_eq!(world.balances().await, fold(&world.store).await);
        programs.into_iter().for_each(Program::kill);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_slow_handler_does_not_cost_its_owner_the_lease() {
        let world = world().await;
        let short = Duration::from_millis(60);
        let called = Arc::new(AtomicU32::new(0));
        let slow = |called: Arc<AtomicU32>| move |_: &es_runtime::StreamName, _| {
            called.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(short / 4);
            Ok(())
        };
        for _ in 0..20 {
            deposit(&world.store, "a", 1).await;
        }
        let position = deposit(&world.store, "a", 1).await;
        let projector = |store: &Store| store.projection(world.projection(slow(called.clone()))).lease(short);
        let first = projector(&world.elsewhere()).start().await.expect("it starts");
        let second = projector(&world.store).start().await.expect("it starts");
        second.at_least(position, SOON).await.expect("somebody follows");
        assert_eq!(called.load(Ordering::SeqCst), 21, "nobody came in between");
        first.stop().await;
        second.stop().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn parts_are_worked_on_side_by_side() {
        let world = world().await;
        for number in 0..200_i64 {
            deposit(&world.store, &format!("a-{}", number % 40), number).await;
        }
        let projection = world.projection(|_, _| Ok(()));
        let status = world.store.projection(projection).partitions(4).batch(9).run_to_end().await.expect("it can");
        let active = status.active().expect("built");
        assert_eq!((active.build.partitions, active.handled), (4, 200));
        assert_eq!(world.balances().await, fold(&world.store).await);
        // The number is the build's, whatever another program says.
        let projection = world.projection(|_, _| Ok(()));
        let status = world.store.projection(projection).partitions(2).run_to_end().await.expect("it can");
        assert_eq!(status.active().expect("built").build.partitions, 4);
    }
}

#[test]
fn streams_spread_over_the_parts() {
    let world = crate::account::World::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for number in 0..400 {
            deposit(&world.store, &format!("a-{number}"), 1).await;
        }
        let running = world.store.projection(world.projection(|_, _| Ok(()))).partitions(4);
        running.run_to_end().await.expect("it can");
        let registers = es_runtime::Adapter::registers(&world.faulty).expect("registers");
        let parts =
            es_runtime::Registers::list_registers(&registers, "part/balances/1/", 9).await.expect("readable");
        let handled: Vec<u64> = parts
            .iter()
            .map(|(_, part)| {
                let value: serde_json::Value = serde_json::from_slice(&part.value).expect("JSON");
                value["handled"].as_u64().expect("a number")
            })
            .collect();
        assert_eq!(handled.iter().sum::<u64>(), 400);
        assert!(handled.iter().all(|part| (70..130).contains(part)), "{handled:?}");
    });
}
