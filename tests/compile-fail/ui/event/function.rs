use es_runtime::prelude::*;

#[event("order.placed")]
pub fn order_placed() {}

fn main() {}
