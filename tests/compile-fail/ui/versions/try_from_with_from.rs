use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlacedV1 {}

#[event("order.placed", version = 2, from = OrderPlacedV1, try_from = OrderPlacedV1)]
pub struct OrderPlaced {}

impl From<OrderPlacedV1> for OrderPlaced {
    fn from(_: OrderPlacedV1) -> Self {
        Self {}
    }
}

fn main() {}
