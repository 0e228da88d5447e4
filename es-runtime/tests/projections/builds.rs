//! A projection is built anew beside the old one, which is read until the new one has caught up.

use crate::account::{SOON, deposit, fold, until};
use crate::on_databases;
use crate::sums::{Revised, Sums, sums};
use es_runtime::prelude::*;
use es_runtime::{BuildState, FollowError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::sleep;

async fn some_events(store: &Store) {
    for number in 0..300 {
        deposit(store, &format!("a-{}", number % 10), number).await;
    }
}

/// Every event, whether it was handled before or not, waits until it is open.
fn gate() -> (Arc<AtomicBool>, impl Fn(&es_runtime::StreamName, u64) -> es_runtime::Handled) {
    let open = Arc::new(AtomicBool::new(false));
    let is_open = open.clone();
    let pass = move |_: &es_runtime::StreamName, version| match version < 5 || is_open.load(Ordering::SeqCst)
    {
        true => Ok(()),
        false => Err("not yet".into()),
    };
    (open, pass)
}

async fn states(store: &Store) -> Vec<(u32, u32, BuildState)> {
    let list = store.projections().list().await.expect("readable");
    let (name, builds) = list.into_iter().next().expect("there is one");
    assert_eq!(name, "account.sums");
    builds.into_iter().map(|build| (build.number, build.version, build.state)).collect()
}

on_databases! {
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_the_old_one_until_the_new_one_has_caught_up() {
    let world = world().await;
    some_events(&world.store).await;
    let store = &world.store;
    store.projection(Sums::new()).run_to_end().await.expect("it can");
    let old = fold(store).await;
    assert_eq!(sums(store).await, old);

    let (open, pass) = gate();
    let policy =
        es_runtime::OnFailure::retry(u32::MAX).waits(Duration::from_millis(5), Duration::from_millis(5));
    let new = store.projection(Revised::with(pass)).on_failure(policy).start().await.expect("it starts");
    until("it is being built", async || {
        new.status().await.expect("readable").building().is_some_and(|progress| progress.handled > 0)
    })
    .await;
    let status = new.status().await.expect("readable");
    let building = status.building().expect("it is");
    assert!(building.fraction > 0.0 && building.fraction < 1.0 && !building.is_live, "{building:?}");
    assert_eq!(sums(store).await, old, "nothing has changed for readers");
    assert_eq!(states(store).await, [(1, 1, BuildState::Active), (2, 2, BuildState::Building)]);
    let older = store.projection(Sums::new()).run_to_end().await;
    assert!(older.is_ok(), "the old program goes on as long as the new one builds: {older:?}");

    open.store(true, Ordering::SeqCst);
    until("it has taken the place", async || states(store).await[1].2 == BuildState::Active).await;
    let revised: Vec<i64> = sums(store).await.into_values().map(|(_, amount)| amount).collect();
    assert_eq!(revised, old.values().map(|(_, amount)| -amount).collect::<Vec<i64>>());
    let older = store.projection(Sums::new()).start().await;
    assert!(matches!(older, Err(FollowError::NewerBuild { kept: 2, own: 1, .. })), "{older:?}");

    let dropped = store.projections().drop_retired("account.sums").await.expect("it can");
    assert_eq!(dropped.iter().map(|build| build.number).collect::<Vec<u32>>(), [1]);
    assert_eq!(dropped[0].tables, ["account_sums_1_balances"]);
    assert_eq!(states(store).await, [(2, 2, BuildState::Active)]);
    let position = deposit(store, "a-1", 1).await;
    new.at_least(position, SOON).await.expect("it follows");
    let gone =
        new.query(|sql| Box::pin(async { sql.query("SELECT 1 FROM account_sums_1_balances", &[]).await }));
    assert!(gone.await.is_err(), "its table is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_goes_on_where_it_was() {
    let world = world().await;
    some_events(&world.store).await;
    world.store.projection(Sums::new()).run_to_end().await.expect("it can");
    let (_, pass) = gate();
    let failed = world.store.projection(Revised::with(pass)).on_failure(es_runtime::OnFailure::retry(0));
    assert!(failed.run_to_end().await.is_err());
    let begun = world.store.read_model::<Revised>().status().await.expect("readable");
    let handled = begun.building().expect("it is").handled;
    assert!(handled > 0);

    let called = Arc::new(AtomicU32::new(0));
    let counted = called.clone();
    let projection = Revised::with(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    world.store.projection(projection).run_to_end().await.expect("it can");
    assert_eq!(u64::from(called.load(Ordering::SeqCst)) + handled, 300);
    assert_eq!(states(&world.store).await, [(1, 1, BuildState::Retired), (2, 2, BuildState::Active)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_program_stops_when_a_newer_one_has_built_anew() {
    let world = world().await;
    some_events(&world.store).await;
    let older = world.elsewhere().projection(Sums::new()).lease(Duration::from_millis(100)).start().await;
    let older = older.expect("it starts");
    world.store.projection(Revised::new()).run_to_end().await.expect("it can");
    until("the older one has stopped", async || {
        matches!(older.status().await.expect("readable").error, Some(FollowError::NewerBuild { .. }))
    })
    .await;
}

/// What a client has read it never loses, and what it has written it reads, whatever is built meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_read_their_writes_while_one_build_takes_the_place_of_another() {
    let world = world().await;
    some_events(&world.store).await;
    let projector = || world.store.projection(Sums::new()).lease(Duration::from_millis(300)).partitions(2);
    let running = projector().start().await.expect("it starts");
    let done = Arc::new(AtomicBool::new(false));
    let client = |account: &'static str| {
        let (store, done) = (world.store.clone(), done.clone());
        let model = running.read_model().clone();
        tokio::spawn(async move {
            let mut written = 0_u64;
            while !done.load(Ordering::SeqCst) {
                let position = deposit(&store, account, 1).await;
                written += 1;
                model.at_least(position, SOON).await.expect("it follows");
                let read = sums(&store).await[account].0;
                assert_eq!(read, written, "of {account}");
            }
            written
        })
    };
    let clients = ["one", "two", "three"].map(client);
    for number in 2..6 {
        drop(projector().rebuild().start().await.expect("it starts"));
        until("it has taken the place", async || {
            states(&world.store).await.contains(&(number, 1, BuildState::Active))
        })
        .await;
    }
    sleep(Duration::from_millis(50)).await;
    done.store(true, Ordering::SeqCst);
    for client in clients {
        assert!(client.await.expect("no write was missed") > 10);
    }
    running.stop().await;
    assert_eq!(sums(&world.store).await, fold(&world.store).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_start_at_once_begin_one_build() {
    let world = world().await;
    some_events(&world.store).await;
    let start = |_| {
        let projector = world.elsewhere().projection(Sums::new());
        tokio::spawn(async move { projector.start().await })
    };
    for running in [0; 8].map(start) {
        running.await.expect("no panic").expect("it starts").stop().await;
    }
    assert_eq!(states(&world.store).await, [(1, 1, BuildState::Active)]);
    world.store.projection(Sums::new()).run_to_end().await.expect("it can");
    assert_eq!(sums(&world.store).await, fold(&world.store).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_cannot_be_made_are_no_build() {
    let world = world().await;
    let refused = world.store.projection(crate::sums::Unmade { table: "CREATE TABLE (" }).start().await;
    assert!(matches!(refused, Err(FollowError::Create { .. })), "{refused:?}");
    let refused = world.store.projection(crate::sums::Unmade { table: "" }).start().await;
    assert!(matches!(refused, Err(FollowError::NameTooLong { limit: 63, .. })), "{refused:?}");
    assert!(world.store.projections().list().await.expect("readable").is_empty());
}
}
