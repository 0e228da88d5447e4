use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlacedV1 {}

#[event("order.placed", version = 2, from = OrderPlacedV1)]
pub struct OrderPlaced {}

impl From<OrderPlacedV1> for OrderPlaced {
    fn from(_: OrderPlacedV1) -> Self {
        Self {}
    }
}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlacedV1, OrderPlaced))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderPlacedV1> for Order {
    fn apply(&mut self, _: &OrderPlacedV1) {}
}

fn main() {}
