use es_runtime::prelude::*;

#[event("order.paid", alias = "order.settled", crate = es_runtime, crate = es_runtime)]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
