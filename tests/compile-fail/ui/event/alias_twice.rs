use es_runtime::prelude::*;

#[event("order.placed", alias = "order.created", alias = "order.created")]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
