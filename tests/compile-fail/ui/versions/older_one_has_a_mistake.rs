use es_runtime::prelude::*;

#[event("order.placed", version = 2, from = 1)]
pub struct OrderPlacedV2 {}

#[event("order.placed", version = 3, from = OrderPlacedV2)]
pub struct OrderPlaced {}

impl From<OrderPlacedV2> for OrderPlaced {
    fn from(_: OrderPlacedV2) -> Self {
        Self {}
    }
}

fn main() {}
