use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.paid")]
pub struct OrderPaid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced))]
pub struct Order {
    paid: bool,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Order {
    fn place(&self) -> Result<OrderPlaced, &'static str> {
        self.paid = true;
        Ok(OrderPlaced {})
    }
}

fn main() {}
