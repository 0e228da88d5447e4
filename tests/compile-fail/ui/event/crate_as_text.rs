use es_runtime::prelude::*;

#[event("order.placed", crate = "es_runtime")]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
