use es_runtime::prelude::*;

#[event("order.placed", frobnicate = 2)]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
