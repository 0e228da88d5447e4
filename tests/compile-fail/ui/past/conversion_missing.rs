use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.paid")]
pub struct OrderPaid {}

#[event("order.bought", into(OrderPlaced, Option<OrderPaid>))]
pub struct OrderBought {}

fn main() {}
