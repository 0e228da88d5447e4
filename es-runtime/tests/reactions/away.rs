//! A gateway to the outside that does not answer for a while.

use super::domain::{Order, OrderCancelled, OrderConfirmed, OrderPlaced, place};
use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::{Effects, Entropy, OnFailure, Reacting, StartAt};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// By a clock that jumps to the next wait.
const LATE: Duration = Duration::from_secs(3600);

/// A call that came, whether it was answered or not.
#[derive(Debug, Clone)]
struct Call {
    order: String,
    key: CommitId,
    at: Instant,
    is_answered: bool,
}

/// Answers nobody until it is back.
#[derive(Clone)]
struct Gateway {
    calls: Arc<Mutex<Vec<Call>>>,
    back: Instant,
}

impl Gateway {
    fn away_for(while_: Duration) -> Self {
        Self { calls: Arc::default(), back: Instant::now() + while_ }
    }

    fn call(&self, order: &str, key: CommitId) -> Handled {
        let at = Instant::now();
        let is_answered = at >= self.back;
        self.calls.lock().expect("no panic").push(Call { order: order.into(), key, at, is_answered });
        if is_answered { Ok(()) } else { Err("no answer".into()) }
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no panic").clone()
    }

    /// The calls for an order, which all have the same key, and of which the last was answered.
    fn calls_for(&self, order: &str) -> Vec<Call> {
        let calls: Vec<_> = self.calls().into_iter().filter(|call| call.order == order).collect();
        assert!(calls.iter().all(|call| call.key == calls[0].key), "{calls:?}");
        let answered: Vec<_> = calls.iter().map(|call| call.is_answered).collect();
        assert_eq!(answered.iter().position(|is_answered| *is_answered), Some(calls.len() - 1), "{calls:?}");
        calls
    }
}

#[derive(Reaction)]
#[reaction("charge", follows(Order), ignore(OrderConfirmed, OrderCancelled))]
struct Charge(Gateway);

impl On<OrderPlaced> for Charge {
    async fn on(&self, event: &Recorded<OrderPlaced>, effects: &mut Effects) -> Handled {
        self.0.call(event.stream().key(), effects.idempotency_key())
    }
}

/// As large as can be, so that no wait is cut short, and never the same.
#[derive(Debug, Default)]
struct Largest(AtomicU64);

impl Entropy for Largest {
    fn next(&self) -> u64 {
        u64::MAX - self.0.fetch_add(1, Ordering::Relaxed)
    }
}

fn store() -> Store {
    Store::builder().entropy(Largest::default()).adapter(Memory::new())
}

/// Tries longer than the gateway is away.
async fn start(store: &Store, gateway: &Gateway) -> Reacting<Charge> {
    let policy = OnFailure::retry(12).waits(Duration::from_millis(100), Duration::from_secs(5)).then_park();
    let reactor = store.reaction(Charge(gateway.clone())).on_failure(policy);
    reactor.start(StartAt::Beginning).await.expect("it starts")
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_away_is_asked_less_and_less_often_and_nothing_is_lost() {
    let (store, gateway) = (store(), Gateway::away_for(Duration::from_secs(20)));
    place(&store, "o-1", "tea").await;
    let last = place(&store, "o-2", "tea").await.position().expect("stored");
    let reacting = start(&store, &gateway).await;
    sleep(Duration::from_secs(19)).await;
    assert!(reacting.parked().await.expect("a list").is_empty(), "it was given up too early");
    assert!(reacting.error().is_none());

    reacting.at_least(last, LATE).await.expect("it goes on");
    assert!(reacting.parked().await.expect("a list").is_empty());
    let calls = gateway.calls_for("o-1");
    let waits: Vec<_> = calls.windows(2).map(|pair| (pair[1].at - pair[0].at).as_millis()).collect();
    let doubled = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000];
    let is_near = |(wait, wanted): (&u128, u128)| (wanted..wanted + 50).contains(wait);
    assert!(waits.len() == doubled.len() && waits.iter().zip(doubled).all(is_near), "{waits:?}");
    let next = gateway.calls_for("o-2");
    assert_eq!(next.len(), 1, "it waited for the first");
    assert_ne!(next[0].key, calls[0].key);
    reacting.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_program_that_ends_meanwhile_leaves_the_call_to_the_next() {
    let (store, gateway) = (store(), Gateway::away_for(Duration::from_secs(20)));
    let last = place(&store, "o-1", "tea").await.position().expect("stored");
    let reacting = start(&store, &gateway).await;
    sleep(Duration::from_secs(10)).await;
    reacting.stop().await;
    let before = gateway.calls().len();
    assert!(before > 1);

    let reacting = start(&store, &gateway).await;
    reacting.at_least(last, LATE).await.expect("it goes on");
    assert!(reacting.parked().await.expect("a list").is_empty());
    assert!(gateway.calls_for("o-1").len() > before);
    reacting.stop().await;
}
