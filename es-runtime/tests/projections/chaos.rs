//! Whatever fails, and whenever programs stop and start: what is read is what the log adds up to.

use crate::account::{deposit, fold};
use crate::everywhere;
use es_runtime::testing::{Chaos, SeededEntropy};
use es_runtime::{Entropy, OnFailure};
use std::sync::Arc;
use std::time::Duration;

everywhere! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_read_model_is_a_fold_of_the_log() {
        let world = world().await;
        for seed in 0..6 {
            let chance = Arc::new(SeededEntropy::new(seed));
            let chaos = Chaos { lag: 0.0, ..Chaos::default() };
            let guard = world.faulty.faults().chaos(seed, chaos);
            let mut running = Vec::new();
            for round in 0..40_u64 {
                for number in 0..4 {
                    let account = format!("a-{}", chance.next() % 9);
                    let store = es_runtime::Store::new(es_runtime::testing::Faulty::clone(&world.faulty).behind().clone());
                    deposit(&store, &account, i64::try_from(round * 10 + number).expect("small")).await;
                }
                let fails = chance.clone();
                let projection = world.projection(move |_, _| {
                    if fails.next().is_multiple_of(20) { Err("by chance".into()) } else { Ok(()) }
                });
                let projector = world.elsewhere().projection(projection).partitions(3).batch(5);
                let policy = OnFailure::retry(50).waits(Duration::ZERO, Duration::from_millis(1));
                let projector = projector.on_failure(policy).lease(Duration::from_millis(60));
                match chance.next() % 4 {
                    // It may not start, where the store fails.
                    0 => running.extend(projector.start().await),
                    1 if !running.is_empty() => drop(running.remove(0)),
                    2 if !running.is_empty() => running.remove(0).stop().await,
                    _ => tokio::time::sleep(Duration::from_millis(chance.next() % 10)).await,
                }
            }
            drop(running);
            drop(guard);
            let projector = world.store.projection(world.projection(|_, _| Ok(())));
            projector.lease(Duration::from_millis(60)).run_to_end().await.expect("all is well again");
            assert_eq!(world.balances().await, fold(&world.store).await, "with the seed {seed}");
        }
    }
}
