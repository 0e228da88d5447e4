use es_runtime::prelude::*;

#[event(name = "order.placed")]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
