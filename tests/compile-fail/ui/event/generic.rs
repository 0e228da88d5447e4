use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced<T> {
    pub customer: T,
}

fn main() {}
