use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.paid")]
pub struct OrderPaid {}

#[event("order.bought", into(OrderPlaced, OrderPaid))]
pub struct OrderBought {}

impl From<OrderBought> for (OrderPlaced, OrderPaid) {
    fn from(_: OrderBought) -> Self {
        (OrderPlaced {}, OrderPaid {})
    }
}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced), past(OrderBought))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

fn main() {}
