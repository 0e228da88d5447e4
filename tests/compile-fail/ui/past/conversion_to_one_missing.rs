use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.bought", into(OrderPlaced))]
pub struct OrderBought {}

fn main() {}
