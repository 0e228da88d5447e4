//! Events that cannot be handled: they are tried again, parked, or stop the projection.

use crate::account::{SOON, deposit, fold, stream, until};
use crate::everywhere;
use es_runtime::prelude::*;
use es_runtime::{FollowError, Handled, OnFailure};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

const AT_ONCE: (Duration, Duration) = (Duration::ZERO, Duration::ZERO);

fn retry(times: u32) -> OnFailure {
    OnFailure::retry(times).waits(AT_ONCE.0, AT_ONCE.1)
}

/// Fails at this version of `bad` as long as it is told to.
fn failing(version: u64, fails: Arc<AtomicBool>) -> impl Fn(&es_runtime::StreamName, u64) -> Handled {
    move |stream, at| {
        let is_bad = stream.key() == "bad" && at == version && fails.load(Ordering::SeqCst);
        if is_bad { Err("no such customer".into()) } else { Ok(()) }
    }
}

async fn some_events(store: &Store) {
    for number in 0..40 {
        let account = ["good", "bad", "fine", "well"][number % 4];
        deposit(store, account, i64::try_from(number).expect("small")).await;
    }
}

everywhere! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_handler_that_recovers_is_tried_until_it_does() {
        let world = world().await;
        some_events(&world.store).await;
        let tries = Arc::new(AtomicU32::new(0));
        let counted = tries.clone();
        let projection = world.projection(move |stream, version| {
            let is_hard = stream.key() == "bad" && version == 3;
            if is_hard && counted.fetch_add(1, Ordering::SeqCst) < 3 { Err("not yet".into()) } else { Ok(()) }
        });
        world.store.projection(projection).on_failure(retry(3)).run_to_end().await.expect("it recovers");
        assert_eq!(world.balances().await, fold(&world.store).await);
        assert_eq!(tries.load(Ordering::SeqCst), 4);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_handler_that_does_not_recover_stops_it_where_it_is() {
        let world = world().await;
        some_events(&world.store).await;
        let fails = Arc::new(AtomicBool::new(true));
        let projection = world.projection(failing(3, fails.clone()));
        let stopped = world.store.projection(projection).on_failure(retry(2)).run_to_end().await;
        let Err(FollowError::Handler { event, attempts, error }) = stopped else { panic!("{stopped:?}") };
        assert_eq!((event.stream.as_str(), event.version.get(), attempts), ("account/bad", 3, 3));
        assert_eq!((&*event.name, error.to_string().as_str()), ("account.deposited", "no such customer"));
        let balances = world.balances().await;
        assert_eq!((balances["good"].0, balances["bad"].0, balances["fine"].0), (3, 2, 2), "what came before is kept");

        fails.store(false, Ordering::SeqCst);
        let projection = world.projection(|_, _| Ok(()));
        world.store.projection(projection).run_to_end().await.expect("it goes on where it stopped");
        assert_eq!(world.balances().await, fold(&world.store).await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn it_goes_on_where_it_stopped_however_batches_are_cut_then() {
        for batch in [1, 4, 9, 10] {
            let world = world().await;
            some_events(&world.store).await;
            let fails = Arc::new(AtomicBool::new(true));
            let projection = world.projection(failing(3, fails));
            let stopped = world.store.projection(projection).on_failure(retry(0)).run_to_end().await;
            assert!(matches!(stopped, Err(FollowError::Handler { .. })), "{stopped:?}");

            let projection = world.projection(|_, _| Ok(()));
            world.store.projection(projection).batch(batch).run_to_end().await.expect("it goes on");
            assert_eq!(world.balances().await, fold(&world.store).await, "in batches of {batch}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panic_is_a_failure_like_any_other() {
        let world = world().await;
        some_events(&world.store).await;
        let projection = world.projection(|stream, version| {
            assert!(stream.key() != "bad" || version != 3, "a customer without a name");
            Ok(())
        });
        let projector = world.store.projection(projection).on_failure(retry(1).then_park());
        projector.run_to_end().await.expect("others go on");
        let parked = world.store.read_model::<Model>().parked().await.expect("readable");
        assert_eq!(parked.len(), 1);
        assert!(parked[0].error.contains("a customer without a name"), "{}", parked[0].error);
        assert_eq!(parked[0].attempts, 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_parked_waits_with_its_stream_until_it_is_retried() {
        let world = world().await;
        some_events(&world.store).await;
        let fails = Arc::new(AtomicBool::new(true));
        let projection = world.projection(failing(3, fails.clone()));
        let running = world.store.projection(projection).on_failure(retry(1).then_park()).start().await.expect("it starts");
        let position = deposit(&world.store, "bad", 100).await;
        running.at_least(position, SOON).await.expect("others go on");
        let balances = world.balances().await;
        assert_eq!((balances["good"].0, balances["bad"].0, balances["well"].0), (10, 2, 10));
        let parked = running.parked().await.expect("readable");
        assert_eq!(parked.len(), 1);
        assert_eq!((parked[0].stream.as_str(), parked[0].version.get()), ("account/bad", 3));
        assert_eq!((parked[0].error.as_str(), &*parked[0].name), ("no such customer", "account.deposited"));
        assert_eq!(running.status().await.expect("readable").active().expect("built").parked, 1);

        assert!(running.retry(&stream("bad")).await.expect("asked for"));
        until("it has failed again", async || running.parked().await.expect("readable")[0].attempts == 3).await;
        assert_eq!(world.balances().await["bad"].0, 2);

        fails.store(false, Ordering::SeqCst);
        // From another program, whose word the owner comes across within a second or so.
        assert!(world.elsewhere().read_model::<Model>().retry(&stream("bad")).await.expect("asked for"));
        until("nothing is parked", async || running.parked().await.expect("readable").is_empty()).await;
        assert_eq!(world.balances().await, fold(&world.store).await);
        let position = deposit(&world.store, "bad", 1000).await;
        running.at_least(position, SOON).await.expect("it follows");
        assert_eq!(world.balances().await, fold(&world.store).await);
        assert!(!running.retry(&stream("bad")).await.expect("readable"), "there is nothing any more");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_skipped_is_left_out_alone() {
        let world = world().await;
        some_events(&world.store).await;
        let projection = world.projection(failing(3, Arc::new(AtomicBool::new(true))));
        let running = world.store.projection(projection).batch(3).on_failure(retry(0).then_park()).start().await.expect("it starts");
        until("it is parked", async || !running.parked().await.expect("readable").is_empty()).await;
        let position = deposit(&world.store, "bad", 100).await;
        running.at_least(position, SOON).await.expect("others go on");
        running.skip(&stream("bad")).await.expect("asked for");
        until("nothing is parked", async || running.parked().await.expect("readable").is_empty()).await;
        let (balances, log) = (world.balances().await, fold(&world.store).await);
        // The third event of that account has number 9.
        assert_eq!(balances["bad"].1, log["bad"].1 - 9);
        assert_eq!(balances["good"], log["good"]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn parked_events_are_there_after_a_restart() {
        let world = world().await;
        some_events(&world.store).await;
        let fails = Arc::new(AtomicBool::new(true));
        let projector = |projection| world.store.projection(projection).partitions(3).on_failure(retry(0).then_park());
        projector(world.projection(failing(3, fails.clone()))).run_to_end().await.expect("others go on");
        deposit(&world.store, "bad", 1).await;
        fails.store(false, Ordering::SeqCst);
        let running = projector(world.projection(failing(3, fails))).start().await.expect("it starts");
        let position = deposit(&world.store, "bad", 1).await;
        running.at_least(position, SOON).await.expect("others go on");
        assert_eq!(world.balances().await["bad"].0, 2, "the stream waits still");
        running.retry(&stream("bad")).await.expect("asked for");
        until("nothing is parked", async || running.parked().await.expect("readable").is_empty()).await;
        assert_eq!(world.balances().await, fold(&world.store).await);
    }
}
