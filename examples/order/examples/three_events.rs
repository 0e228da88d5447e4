//! The smallest order: three events, three decisions, two rules. `tests/three_events.rs` counts its lines.
use es_runtime::prelude::*;

#[event("order.placed")]
struct Placed {
    customer: String,
}

#[event("order.line_added")]
struct LineAdded {
    sku: String,
    quantity: u32,
}

#[event("order.paid")]
struct Paid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, events(Placed, LineAdded, Paid))]
struct Order {
    open: bool,
    lines: usize,
}

impl Apply<Placed> for Order {
    fn apply(&mut self, _: &Placed) {
        self.open = true;
    }
}

impl Apply<LineAdded> for Order {
    fn apply(&mut self, _: &LineAdded) {
        self.lines += 1;
    }
}

impl Apply<Paid> for Order {
    fn apply(&mut self, _: &Paid) {
        self.open = false;
    }
}

impl Order {
    fn place(&self, customer: &str) -> Result<Placed, Refusal> {
        Ok(Placed { customer: customer.into() })
    }

    fn add_line(&self, sku: &str, quantity: u32) -> Result<LineAdded, Refusal> {
        if !self.open {
            return Err(Refusal::NotOpen);
        }
        Ok(LineAdded { sku: sku.into(), quantity })
    }

    fn pay(&self) -> Result<Paid, Refusal> {
        if self.lines == 0 {
            return Err(Refusal::Empty);
        }
        Ok(Paid {})
    }
}

// Up to here it counts. What follows is the error enum and a program to run it.

#[derive(Debug, PartialEq)]
enum Refusal {
    NotOpen,
    Empty,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orders = Store::connect("memory:").await?.repository::<Order>();
    let id = "o-1".to_string();

    let early = orders.execute(&id, |order| order.add_line("teapot", 1)).await;
    assert!(matches!(early, Err(CommandError::Refused(Refusal::NotOpen))));
    orders.execute(&id, |order| order.place("ada")).await.map_err(told)?;
    let empty = orders.execute(&id, Order::pay).await;
    assert!(matches!(empty, Err(CommandError::Refused(Refusal::Empty))));
    orders.execute(&id, |order| order.add_line("teapot", 1)).await.map_err(told)?;
    let paid = orders.execute(&id, Order::pay).await.map_err(told)?;
    assert_eq!(paid.version().get(), 3);
    Ok(())
}

fn told(error: CommandError<Refusal>) -> String {
    format!("{error:?}")
}
