use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

pub struct OrderPaid {}

#[event("order.bought", into(OrderPlaced, OrderPaid))]
pub struct OrderBought {}

impl From<OrderBought> for (OrderPlaced, OrderPaid) {
    fn from(_: OrderBought) -> Self {
        (OrderPlaced {}, OrderPaid {})
    }
}

fn main() {}
