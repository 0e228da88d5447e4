use es_runtime::prelude::*;

#[event("order.placed", version = 2, from = Self)]
pub struct OrderPlaced {}

fn main() {}
