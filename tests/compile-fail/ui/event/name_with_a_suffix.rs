use es_runtime::prelude::*;

#[event("order.placed"v2)]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
