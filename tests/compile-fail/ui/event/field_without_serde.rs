use es_runtime::prelude::*;

pub struct Money(u64);

#[event("order.placed")]
pub struct OrderPlaced {
    pub total: Money,
}

fn main() {}
