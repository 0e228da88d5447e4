use es_runtime::prelude::*;

#[event("order.placed", version = 2)]
pub struct OrderPlaced {}

fn main() {}
