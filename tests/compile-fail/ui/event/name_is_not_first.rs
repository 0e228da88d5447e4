use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlacedV1 {}

#[event(version = 2, from = OrderPlacedV1)]
pub struct OrderPlaced {
    pub customer: String,
}

impl From<OrderPlacedV1> for OrderPlaced {
    fn from(_: OrderPlacedV1) -> Self {
        Self { customer: String::new() }
    }
}

fn main() {}
