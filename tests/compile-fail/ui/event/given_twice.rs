use es_runtime::prelude::*;

#[event("order.placed")]
#[event("order.created")]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
