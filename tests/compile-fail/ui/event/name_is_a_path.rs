use es_runtime::prelude::*;

#[event(order::placed)]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
