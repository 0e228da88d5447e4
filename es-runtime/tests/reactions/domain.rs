//! Orders and stock, and a workflow between them.

use es_runtime::prelude::*;
use es_runtime::{Plan, When, Workflow};
use std::fmt;
use std::time::Duration;

#[event("order.placed")]
pub(crate) struct OrderPlaced {
    pub(crate) sku: String,
}

#[event("order.confirmed")]
pub(crate) struct OrderConfirmed {}

#[event("order.cancelled")]
pub(crate) struct OrderCancelled {
    pub(crate) reason: String,
}

#[derive(Aggregate, Default, Debug)]
#[aggregate("order", id = String, events(OrderPlaced, OrderConfirmed, OrderCancelled))]
pub(crate) struct Order {
    pub(crate) outcomes: Vec<String>,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, event: &OrderPlaced) {
        self.outcomes.push(format!("placed {}", event.sku));
    }
}

impl Apply<OrderConfirmed> for Order {
    fn apply(&mut self, _: &OrderConfirmed) {
        self.outcomes.push("confirmed".into());
    }
}

impl Apply<OrderCancelled> for Order {
    fn apply(&mut self, event: &OrderCancelled) {
        self.outcomes.push(format!("cancelled: {}", event.reason));
    }
}

#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) &'static str);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Refusal {}

pub(crate) struct Confirm;
pub(crate) struct Cancel(pub(crate) &'static str);

impl Handle<Confirm> for Order {
    type Decision = OrderConfirmed;
    type Error = Refusal;

    fn handle(&self, _: &Confirm) -> Result<OrderConfirmed, Refusal> {
        Ok(OrderConfirmed {})
    }
}

impl Handle<Cancel> for Order {
    type Decision = OrderCancelled;
    type Error = Refusal;

    fn handle(&self, command: &Cancel) -> Result<OrderCancelled, Refusal> {
        if self.outcomes.iter().any(|outcome| outcome == "confirmed") {
            return Err(Refusal("confirmed"));
        }
        Ok(OrderCancelled { reason: command.0.into() })
    }
}

#[event("stock.reserved")]
pub(crate) struct Reserved {
    pub(crate) order: String,
}

#[derive(Aggregate, Default, Debug)]
#[aggregate("stock", id = String, events(Reserved))]
pub(crate) struct Stock {
    pub(crate) reserved: u32,
}

impl Apply<Reserved> for Stock {
    fn apply(&mut self, _: &Reserved) {
        self.reserved += 1;
    }
}

pub(crate) struct Reserve {
    pub(crate) order: String,
}

impl Handle<Reserve> for Stock {
    type Decision = Reserved;
    type Error = Refusal;

    /// There are two of everything.
    fn handle(&self, command: &Reserve) -> Result<Reserved, Refusal> {
        if self.reserved >= 2 {
            Err(Refusal("sold out"))
        } else {
            Ok(Reserved { order: command.order.clone() })
        }
    }
}

#[event("fulfilment.begun")]
pub(crate) struct Begun {}

#[event("fulfilment.sold_out")]
pub(crate) struct SoldOut {}

#[event("fulfilment.time_is_up")]
pub(crate) struct TimeIsUp {}

/// Reserves what was ordered, and cancels what cannot be had, or is not reserved in time.
#[derive(Aggregate, Workflow, Default, Debug)]
#[aggregate("fulfilment", id = String, events(Begun, SoldOut, TimeIsUp))]
#[workflow("fulfilment", follows(Order, Stock, Fulfilment), ignore(OrderConfirmed, OrderCancelled, Begun))]
pub(crate) struct Fulfilment {
    pub(crate) steps: Vec<&'static str>,
}

impl Apply<Begun> for Fulfilment {
    fn apply(&mut self, _: &Begun) {
        self.steps.push("begun");
    }
}

impl Apply<SoldOut> for Fulfilment {
    fn apply(&mut self, _: &SoldOut) {
        self.steps.push("sold out");
    }
}

impl Apply<TimeIsUp> for Fulfilment {
    fn apply(&mut self, _: &TimeIsUp) {
        self.steps.push("time is up");
    }
}

pub(crate) const PATIENCE: Duration = Duration::from_millis(300);

impl When<OrderPlaced> for Fulfilment {
    fn correlate(event: &Recorded<OrderPlaced>) -> Option<String> {
        Some(event.stream().key().into())
    }

    fn when(&self, event: &Recorded<OrderPlaced>, plan: &mut Plan<Self>) {
        let order = event.stream().key().to_owned();
        plan.raise(Begun {});
        plan.after("reservation", PATIENCE, TimeIsUp {});
        // A "nothing" is never reserved.
        if event.event().sku != "nothing" {
            plan.send_or::<Stock, _, _>(&event.event().sku, Reserve { order }, |_| SoldOut {});
        }
    }
}

impl When<Reserved> for Fulfilment {
    fn correlate(event: &Recorded<Reserved>) -> Option<String> {
        Some(event.event().order.clone())
    }

    fn when(&self, event: &Recorded<Reserved>, plan: &mut Plan<Self>) {
        plan.cancel("reservation");
        plan.send::<Order, _>(&event.event().order, Confirm);
    }
}

impl When<SoldOut> for Fulfilment {
    fn correlate(event: &Recorded<SoldOut>) -> Option<String> {
        Some(event.stream().key().into())
    }

    fn when(&self, event: &Recorded<SoldOut>, plan: &mut Plan<Self>) {
        plan.cancel("reservation");
        plan.send::<Order, _>(&event.stream().key().into(), Cancel("sold out"));
    }
}

impl When<TimeIsUp> for Fulfilment {
    fn correlate(event: &Recorded<TimeIsUp>) -> Option<String> {
        Some(event.stream().key().into())
    }

    fn when(&self, event: &Recorded<TimeIsUp>, plan: &mut Plan<Self>) {
        plan.send_or::<Order, _, _>(&event.stream().key().into(), Cancel("time is up"), |_| ());
    }
}

pub(crate) async fn place(store: &Store, order: &str, sku: &str) -> Outcome {
    let orders = store.repository::<Order>();
    let decide = |_: &Order| Ok::<_, std::convert::Infallible>(OrderPlaced { sku: sku.to_owned() });
    orders.execute(&order.to_owned(), decide).await.expect("an order")
}

/// What became of an order, once it is more than placed.
pub(crate) async fn outcome(store: &Store, order: &str) -> Vec<String> {
    let orders = store.repository::<Order>();
    for _ in 0..500 {
        let order = orders.load(&order.to_owned()).await.expect("an order");
        if order.outcomes.len() > 1 {
            return order.outcomes.clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing became of {order}");
}
