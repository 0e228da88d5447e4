use es_runtime::prelude::*;

#[event("order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.end")]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
