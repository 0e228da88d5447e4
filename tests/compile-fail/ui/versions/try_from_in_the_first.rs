use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlacedV1 {}

#[event("order.placed", version = 1, try_from = OrderPlacedV1)]
pub struct OrderPlaced {}

fn main() {}
