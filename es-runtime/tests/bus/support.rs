//! A small domain, and a list of what was heard.

use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::testing::Faulty;
use es_runtime::{Bus, Cursor, Filter, Limit, Retry};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{sleep, timeout};

#[event("order.placed")]
pub(crate) struct Placed {
    pub(crate) number: u64,
}

#[event("order.paid", alias = "order.settled")]
pub(crate) struct Paid {
    pub(crate) number: u64,
}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(Placed, Paid))]
pub(crate) struct Order {}

impl Apply<Placed> for Order {
    fn apply(&mut self, _: &Placed) {}
}

impl Apply<Paid> for Order {
    fn apply(&mut self, _: &Paid) {}
}

pub(crate) fn store() -> (Store, Faulty<Memory>) {
    let memory = Faulty::new(Memory::new());
    (
        Store::builder().retry(Retry { first: Duration::ZERO, ..Retry::default() }).adapter(memory.clone()),
        memory,
    )
}

pub(crate) async fn started(store: &Store) -> Bus {
    let bus = Bus::new(store);
    bus.start().await.expect("starts");
    bus
}

/// Places the orders of these numbers, each in a commit of its own.
pub(crate) async fn place(store: &Store, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let orders = store.repository::<Order>();
        orders.execute(&number, |_| Ok::<_, String>(Placed { number })).await.expect("stored");
    }
}

pub(crate) async fn pay(store: &Store, number: u64) {
    store.repository::<Order>().execute(&number, |_| Ok::<_, String>(Paid { number })).await.expect("stored");
}

/// The whole log, short as it is.
pub(crate) async fn log(store: &Store) -> Vec<Recorded> {
    store.read_all(&Cursor::start(), &Filter::all(), Limit::default()).await.expect("readable").events
}

/// What was heard, in the order in which it was.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn write(&self, line: impl Into<String>) {
        self.0.lock().expect("not poisoned").push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }

    /// Waits until there are so many, and a little to see that there are no more.
    pub(crate) async fn come_to(&self, count: usize) -> Vec<String> {
        let enough = async {
            while self.lines().len() < count {
                sleep(Duration::from_millis(1)).await;
            }
        };
        if timeout(Duration::from_secs(20), enough).await.is_err() {
            panic!("{count} are awaited, but {:?}", self.lines());
        }
        sleep(Duration::from_millis(20)).await;
        let lines = self.lines();
        assert_eq!(lines.len(), count, "{lines:?}");
        lines
    }
}

/// The numbers as they are written down.
pub(crate) fn texts(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}
