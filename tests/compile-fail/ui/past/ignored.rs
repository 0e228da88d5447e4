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
#[aggregate("order", id = u64, events(OrderPlaced, OrderPaid), past(OrderBought))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

#[derive(Projection)]
#[projection("orders", follows(Order), ignore(OrderPlaced, OrderPaid, OrderBought), delivery = AtLeastOnce)]
pub struct Orders;

fn main() {}
