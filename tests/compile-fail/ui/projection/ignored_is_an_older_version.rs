use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.paid")]
pub struct OrderPaidV1 {}

#[event("order.paid", version = 2, from = OrderPaidV1)]
pub struct OrderPaid {}

impl From<OrderPaidV1> for OrderPaid {
    fn from(_: OrderPaidV1) -> Self {
        Self {}
    }
}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced, OrderPaid))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

#[derive(Projection)]
#[projection("summary", follows(Order), ignore(OrderPlaced, OrderPaid, OrderPaidV1))]
pub struct Summary;

fn main() {}
