use es_runtime::prelude::*;

#[event("order.placed", version = 0)]
pub struct OrderPlaced {}

fn main() {}
