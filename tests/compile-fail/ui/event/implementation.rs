use es_runtime::prelude::*;

pub struct Order;

#[event("order.placed")]
impl Order {}

fn main() {}
