//! What a program does not know, cannot read or cannot do.

use crate::account::{SOON, World, deposit, fold, memory, stream, write};
use crate::everywhere;
use crate::sums::Sums;
use es_runtime::{Adapter, FollowError, OnFailure, OnUnknown, Registers, Write};

everywhere! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_unknown_event_stops_unless_something_else_is_said() {
        let world = world().await;
        deposit(&world.store, "a", 1).await;
        write(&world.store, stream("b"), "account.frozen").await;
        let projector = || world.store.projection(world.projection(|_, _| Ok(())));

        let stopped = projector().run_to_end().await;
        let Err(FollowError::Unknown(event)) = stopped else { panic!("{stopped:?}") };
        assert_eq!((&*event.name, event.stream.as_str()), ("account.frozen", "account/b"));

        projector().on_unknown(OnUnknown::Park).run_to_end().await.expect("others go on");
        let model = world.store.read_model::<Model>();
        assert_eq!(model.parked().await.expect("readable")[0].name.to_string(), "account.frozen");

        let rebuilt = projector().on_unknown(OnUnknown::Skip).rebuild().run_to_end().await;
        assert!(matches!(rebuilt, Err(FollowError::Unknown(_))), "a build is strict: {rebuilt:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_unknown_event_is_passed_over_where_that_is_the_policy() {
        let world = world().await;
        write(&world.store, stream("b"), "account.frozen").await;
        let position = deposit(&world.store, "c", 2).await;
        let projector = world.store.projection(world.projection(|_, _| Ok(()))).on_unknown(OnUnknown::Skip);
        let running = projector.start().await.expect("it starts");
        running.at_least(position, SOON).await.expect("it goes on");
        assert_eq!(world.balances().await["c"].1, 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_event_that_cannot_be_read_is_not_tried_again() {
        let world = world().await;
        write(&world.store, stream("b"), "account.deposited").await;
        let projector = || world.store.projection(world.projection(|_, _| Ok(())));
        let stopped = projector().run_to_end().await;
        assert!(matches!(stopped, Err(FollowError::Unreadable { .. })), "{stopped:?}");
        let policy = OnFailure::retry(1_000_000).then_park();
        projector().on_failure(policy).run_to_end().await.expect("others go on");
        assert_eq!(world.store.read_model::<Model>().parked().await.expect("readable")[0].attempts, 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_log_that_is_not_the_one_that_was_followed_is_noticed() {
        let world = world().await;
        deposit(&world.store, "a", 1).await;
        let projector = || world.store.projection(world.projection(|_, _| Ok(())));
        projector().run_to_end().await.expect("it can");
        let registers = world.faulty.registers().expect("registers");
        let parts = registers.list_registers("part/", 9).await.expect("readable");
        let (key, part) = parts.into_iter().next().expect("there is one");
        let mut state: serde_json::Value = serde_json::from_slice(&part.value).expect("JSON");
        state["last"]["commit"] = es_runtime::CommitId::ROOT.to_string().into();
        let value = Some(serde_json::to_vec(&state).expect("JSON"));
        let write = Write { key, expected: part.revision, value };
        assert!(registers.write_registers(vec![write]).await.expect("written"));

        let stopped = projector().run_to_end().await;
        assert!(matches!(stopped, Err(FollowError::Diverged { .. })), "{stopped:?}");
        // Built anew it is well again.
        projector().rebuild().run_to_end().await.expect("it can");
        assert_eq!(world.balances().await["a"].0, fold(&world.store).await["a"].0);
    }
}

#[tokio::test]
async fn a_store_without_sql_says_what_to_do() {
    let (store, _) = memory();
    let refused = store.projection(Sums::new()).start().await;
    let Err(error @ FollowError::Unsupported { .. }) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("AtLeastOnce"), "{error}");
    let unread = store.read_model::<Sums>().rows("SELECT 1", &[]).await;
    assert!(matches!(unread, Err(FollowError::Sql(_))), "{unread:?}");
}

#[tokio::test]
async fn what_was_never_started_is_not_there_to_be_read() {
    let world = World::new();
    let model = world.store.read_model::<crate::account::Balances>();
    assert!(matches!(model.parked().await, Err(FollowError::NotBuilt("balances"))));
    assert!(model.status().await.expect("readable").builds.is_empty());
}
