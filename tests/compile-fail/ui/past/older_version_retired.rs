use es_runtime::prelude::*;

#[event("order.placed", retired = "there is a newer one")]
pub struct OrderPlacedV1 {}

#[event("order.placed", version = 2, from = OrderPlacedV1)]
pub struct OrderPlaced {}

impl From<OrderPlacedV1> for OrderPlaced {
    fn from(_: OrderPlacedV1) -> Self {
        Self {}
    }
}

fn main() {}
