use es_runtime::prelude::*;

#[derive(serde::Serialize)]
#[event("order.placed")]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
