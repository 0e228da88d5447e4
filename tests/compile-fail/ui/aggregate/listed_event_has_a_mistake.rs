use es_runtime::prelude::*;

#[event("order.created")]
pub struct OrderPlacedV1 {}

#[event("order placed", version = 2, from = OrderPlacedV1)]
pub struct OrderPlacedV2 {}

#[event("order.placed", version = 3, from = OrderPlacedV2)]
pub struct OrderPlaced {}

impl From<OrderPlacedV1> for OrderPlacedV2 {
    fn from(_: OrderPlacedV1) -> Self {
        Self {}
    }
}

impl From<OrderPlacedV2> for OrderPlaced {
    fn from(_: OrderPlacedV2) -> Self {
        Self {}
    }
}

#[event("order.paid")]
pub struct OrderPaid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced, OrderPaid))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

fn main() {}
