use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.repeated", into(OrderPlaced, OrderPlaced))]
pub struct OrderRepeated {}

impl From<OrderRepeated> for OrderPlaced {
    fn from(_: OrderRepeated) -> Self {
        Self {}
    }
}

fn main() {}
