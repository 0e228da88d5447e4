use es_runtime::prelude::*;

#[event("order.placed", verison = 2)]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
