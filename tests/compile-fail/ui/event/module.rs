use es_runtime::prelude::*;

#[event("order.placed")]
pub mod order_placed {}

fn main() {}
