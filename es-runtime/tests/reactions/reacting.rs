//! What a reaction may rely on.

use super::domain::{Order, OrderCancelled, OrderConfirmed, OrderPlaced, Refusal, place};
use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::testing::Faulty;
use es_runtime::{Effects, OnFailure, StartAt};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Calls to the outside: how often each key came.
type Calls = Arc<Mutex<BTreeMap<CommitId, u32>>>;

const SOON: Duration = Duration::from_secs(10);

#[derive(Reaction)]
#[reaction("welcome", follows(Order), ignore(OrderConfirmed, OrderCancelled))]
struct Welcome {
    calls: Calls,
    /// How many calls fail before one succeeds.
    failures: Mutex<u32>,
}

impl Welcome {
    fn new(calls: &Calls, failures: u32) -> Self {
        Self { calls: Arc::clone(calls), failures: Mutex::new(failures) }
    }
}

impl On<OrderPlaced> for Welcome {
    async fn on(&self, event: &Recorded<OrderPlaced>, effects: &mut Effects) -> Handled {
        *self.calls.lock().expect("no panic").entry(effects.idempotency_key()).or_default() += 1;
        let mut failures = self.failures.lock().expect("no panic");
        if *failures > 0 {
            *failures -= 1;
            return Err("the line is busy".into());
        }
        assert_eq!(effects.event(), event.id());
        assert_eq!(effects.metadata().causation_id(), Some(&*event.id().to_string()));
        Ok(())
    }
}

async fn memory() -> Store {
    Store::connect("memory:").await.expect("a store")
}

fn count(calls: &Calls) -> Vec<u32> {
    calls.lock().expect("no panic").values().copied().collect()
}

#[tokio::test]
async fn every_event_is_acted_on_under_a_key_of_its_own() {
    let (store, calls) = (memory().await, Calls::default());
    place(&store, "o-1", "tea").await;
    let reacting = store.reaction(Welcome::new(&calls, 0)).start(StartAt::Beginning).await.expect("starts");
    let last = place(&store, "o-2", "tea").await.position().expect("stored");
    reacting.at_least(last, SOON).await.expect("in time");
    assert_eq!(count(&calls), [1, 1]);
    reacting.stop().await;
}

#[tokio::test]
async fn one_that_starts_now_leaves_the_past_alone_and_goes_on_where_it_was() {
    let (store, calls) = (memory().await, Calls::default());
    place(&store, "o-1", "tea").await;
    let reacting = store.reaction(Welcome::new(&calls, 0)).start(StartAt::Now).await.expect("starts");
    reacting.stop().await;
    // While nobody runs it.
    let last = place(&store, "o-2", "tea").await.position().expect("stored");
    let reacting = store.reaction(Welcome::new(&calls, 0)).start(StartAt::Now).await.expect("starts");
    reacting.at_least(last, SOON).await.expect("in time");
    assert_eq!(count(&calls), [1]);
    reacting.stop().await;
}

#[tokio::test]
async fn a_failure_is_tried_again_under_the_same_key() {
    let (store, calls) = (memory().await, Calls::default());
    let reacting = store.reaction(Welcome::new(&calls, 2)).start(StartAt::Beginning).await.expect("starts");
    let last = place(&store, "o-1", "tea").await.position().expect("stored");
    reacting.at_least(last, SOON).await.expect("in time");
    assert_eq!(count(&calls), [3]);
    reacting.stop().await;
}

#[tokio::test]
async fn what_cannot_be_done_is_parked_and_done_when_asked_for() {
    let (store, calls) = (memory().await, Calls::default());
    let policy = OnFailure::retry(1).waits(Duration::ZERO, Duration::ZERO).then_park();
    let reactor = store.reaction(Welcome::new(&calls, 2)).on_failure(policy);
    let reacting = reactor.start(StartAt::Beginning).await.expect("starts");
    place(&store, "o-1", "tea").await;
    let last = place(&store, "o-2", "tea").await.position().expect("stored");
    reacting.at_least(last, SOON).await.expect("in time");
    let parked = reacting.parked().await.expect("a list");
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].stream.as_str(), &*parked[0].error), ("order/o-1", "the line is busy"));

    assert!(reacting.retry(&parked[0].stream).await.expect("asked for"));
    for _ in 0..500 {
        if reacting.parked().await.expect("a list").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(reacting.parked().await.expect("a list").is_empty());
    let mut calls = count(&calls);
    calls.sort_unstable();
    assert_eq!(calls, [1, 3]);
    reacting.stop().await;
}

#[derive(Reaction)]
#[reaction("confirm", follows(Order), ignore(OrderConfirmed, OrderCancelled))]
struct ConfirmAtOnce {
    failures: Mutex<u32>,
}

impl On<OrderPlaced> for ConfirmAtOnce {
    async fn on(&self, event: &Recorded<OrderPlaced>, effects: &mut Effects) -> Handled {
        let order = event.stream().key().to_owned();
        let confirm = |_: &Order| Ok::<_, Refusal>(OrderConfirmed {});
        effects.command::<Order>(&order, "confirm").execute(confirm).await?;
        let mut failures = self.failures.lock().expect("no panic");
        *failures = failures.saturating_sub(1);
        if *failures > 0 { Err("crashed after the command".into()) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_command_that_is_given_again_is_done_once() {
    let store = memory().await;
    let reaction = ConfirmAtOnce { failures: Mutex::new(4) };
    let reacting = store.reaction(reaction).start(StartAt::Beginning).await.expect("starts");
    let last = place(&store, "o-1", "tea").await.position().expect("stored");
    reacting.at_least(last, SOON).await.expect("in time");
    let order = store.repository::<Order>().load(&"o-1".into()).await.expect("an order");
    assert_eq!(order.outcomes, ["placed tea", "confirmed"]);
    reacting.stop().await;
}

#[tokio::test]
async fn of_two_programs_one_acts() {
    let (store, calls) = (memory().await, Calls::default());
    let lease = Duration::from_millis(200);
    let start = || store.reaction(Welcome::new(&calls, 0)).lease(lease).start(StartAt::Beginning);
    let (first, second) = (start().await.expect("starts"), start().await.expect("starts"));
    for number in 0..20 {
        place(&store, &format!("o-{number}"), "tea").await;
    }
    let last = place(&store, "o-20", "tea").await.position().expect("stored");
    first.at_least(last, SOON).await.expect("in time");
    second.at_least(last, SOON).await.expect("in time");
    assert_eq!(count(&calls), [1; 21]);
    // The other goes on at once.
    first.stop().await;
    let last = place(&store, "o-21", "tea").await.position().expect("stored");
    second.at_least(last, SOON).await.expect("in time");
    assert_eq!(count(&calls), [1; 22]);
    second.stop().await;
}

#[derive(Reaction)]
#[reaction("look", follows(Order), ignore(OrderConfirmed, OrderCancelled))]
struct Look {
    is_away: Arc<AtomicBool>,
}

impl On<OrderPlaced> for Look {
    async fn on(&self, _: &Recorded<OrderPlaced>, _: &mut Effects) -> Handled {
        // As a handler does that turns the store's error into one of its own.
        if self.is_away.load(Ordering::SeqCst) { Err("could not look".into()) } else { Ok(()) }
    }
}

/// However long the store is away, and whatever the handler makes of that.
#[tokio::test]
async fn a_store_that_is_away_is_no_failure_of_the_handler() {
    let (faulty, is_away) = (Faulty::new(Memory::new()), Arc::new(AtomicBool::new(false)));
    let store = Store::new(faulty.clone());
    let reactor = store.reaction(Look { is_away: Arc::clone(&is_away) });
    let reacting = reactor.on_failure(OnFailure::retry(0)).start(StartAt::Beginning).await.expect("starts");
    let first = place(&store, "o-1", "tea").await.position().expect("stored");
    reacting.at_least(first, SOON).await.expect("in time");

    is_away.store(true, Ordering::SeqCst);
    faulty.faults().fail_registers(usize::MAX);
    let last = place(&store, "o-2", "tea").await.position().expect("stored");
    tokio::time::sleep(Duration::from_millis(300)).await;
    is_away.store(false, Ordering::SeqCst);
    faulty.faults().clear();
    reacting.at_least(last, SOON).await.expect("it went on");
    assert!(reacting.error().is_none());
    reacting.stop().await;
}
