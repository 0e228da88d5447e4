//! What a workflow may rely on.

use super::domain::{Fulfilment, Order, OrderPlaced, PATIENCE, Stock, outcome, place};
use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::sqlite::Sqlite;
use es_runtime::testing::{Chaos, Faulty};
use es_runtime::{OnFailure, Plan, Reacting, StartAt, When};
use std::time::Duration;

async fn memory() -> Store {
    Store::connect("memory:").await.expect("a store")
}

async fn start(store: &Store) -> Reacting<Fulfilment> {
    store.workflow::<Fulfilment>().start(StartAt::Beginning).await.expect("starts")
}

async fn steps(store: &Store, order: &str) -> Vec<&'static str> {
    store.repository::<Fulfilment>().load(&order.to_owned()).await.expect("a workflow").steps.clone()
}

#[tokio::test]
async fn what_can_be_had_is_confirmed_and_what_cannot_is_compensated() {
    let store = memory().await;
    let workflow = start(&store).await;
    for order in ["o-1", "o-2", "o-3"] {
        place(&store, order, "tea").await;
    }
    assert_eq!(outcome(&store, "o-1").await, ["placed tea", "confirmed"]);
    assert_eq!(outcome(&store, "o-2").await, ["placed tea", "confirmed"]);
    assert_eq!(outcome(&store, "o-3").await, ["placed tea", "cancelled: sold out"]);
    assert_eq!(steps(&store, "o-1").await, ["begun"]);
    assert_eq!(steps(&store, "o-3").await, ["begun", "sold out"]);
    // The timers were taken back.
    tokio::time::sleep(PATIENCE * 2).await;
    assert_eq!(steps(&store, "o-1").await, ["begun"]);
    workflow.stop().await;
}

#[tokio::test]
async fn a_timer_runs_out_once() {
    let store = memory().await;
    let workflow = start(&store).await;
    place(&store, "o-1", "nothing").await;
    assert_eq!(outcome(&store, "o-1").await, ["placed nothing", "cancelled: time is up"]);
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(steps(&store, "o-1").await, ["begun", "time is up"]);
    workflow.stop().await;
}

#[tokio::test]
async fn a_timer_outlives_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.db");
    let open = async || Store::new(Sqlite::options().open(&path).await.expect("a store"));
    {
        let store = open().await;
        let workflow = start(&store).await;
        let placed = place(&store, "o-1", "nothing").await.position().expect("stored");
        workflow.at_least(placed, Duration::from_secs(10)).await.expect("in time");
        workflow.stop().await;
        assert_eq!(steps(&store, "o-1").await, ["begun"]);
    }
    tokio::time::sleep(PATIENCE).await;
    let store = open().await;
    let workflow = start(&store).await;
    assert_eq!(outcome(&store, "o-1").await, ["placed nothing", "cancelled: time is up"]);
    workflow.stop().await;
}

#[test]
fn a_plan_can_be_looked_at_without_a_store() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let placed = runtime.block_on(async {
        let store = memory().await;
        place(&store, "o-1", "tea").await;
        let page = store
            .read_all(&es_runtime::Cursor::start(), &es_runtime::Filter::all(), es_runtime::Limit::default())
            .await
            .expect("a page");
        page.events[0].decode::<OrderPlaced>().expect("an order")
    });
    let mut plan = Plan::new();
    Fulfilment::default().when(&placed, &mut plan);
    assert_eq!(plan.raised(), 1);
    assert_eq!(plan.commands().collect::<Vec<_>>(), ["stock/tea"]);
    assert_eq!(plan.timers().collect::<Vec<_>>(), [("reservation", PATIENCE)]);
    assert_eq!(<Fulfilment as When<OrderPlaced>>::correlate(&placed).as_deref(), Some("o-1"));
}

/// Whatever fails, and wherever a program ends: every order is confirmed or cancelled, once, and no more is reserved
/// than there is.
#[test]
fn nothing_is_done_twice_and_nothing_is_forgotten() {
    for seed in 0..6 {
        let faulty = Faulty::new(Memory::new());
        let (store, sound) = (Store::new(faulty.clone()), Store::new(faulty.behind().clone()));
        let orders: Vec<String> = (0..12).map(|number| format!("o-{number}")).collect();
        runtime().block_on(async {
            for (number, order) in orders.iter().enumerate() {
                place(&sound, order, ["tea", "coffee", "nothing"][number % 3]).await;
            }
        });
        let chaos = faulty.faults().chaos(seed, Chaos::default());
        for crash in 0..20 {
            // With its runtime the program ends wherever it is.
            let program = runtime();
            program.block_on(async {
                let policy = OnFailure::retry(1000).waits(Duration::ZERO, Duration::from_millis(1));
                let workflow = store.workflow::<Fulfilment>().lease(LEASE).on_failure(policy);
                let _workflow = workflow.start(StartAt::Beginning).await;
                tokio::time::sleep(Duration::from_millis(LEASE_MILLIS + crash * 7 % 40)).await;
                std::mem::forget(_workflow);
            });
            program.shutdown_background();
        }
        drop(chaos);
        runtime().block_on(expect_all_settled(&sound, &orders, seed));
    }
}

const LEASE_MILLIS: u64 = 20;
const LEASE: Duration = Duration::from_millis(LEASE_MILLIS);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

async fn expect_all_settled(store: &Store, orders: &[String], seed: u64) {
    let workflow = store.workflow::<Fulfilment>().lease(LEASE);
    let workflow = workflow.start(StartAt::Beginning).await.expect("starts");
    for order in orders {
        outcome(store, order).await;
    }
    tokio::time::sleep(PATIENCE).await;
    for order in orders {
        let order = store.repository::<Order>().load(order).await.expect("an order");
        assert_eq!(order.outcomes.len(), 2, "seed {seed}: {:?}", order.outcomes);
    }
    for sku in ["tea", "coffee"] {
        let stock = store.repository::<Stock>().load(&sku.to_owned()).await.expect("stock");
        assert_eq!(stock.reserved, 2, "{sku}, seed {seed}");
    }
    workflow.stop().await;
}
