use es_runtime::prelude::*;

#[event(b"order.placed")]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
