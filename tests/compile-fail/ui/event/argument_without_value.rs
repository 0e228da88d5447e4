use es_runtime::prelude::*;

#[event("order.placed", alias)]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
