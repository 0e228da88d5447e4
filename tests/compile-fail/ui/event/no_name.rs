use es_runtime::prelude::*;

#[event]
pub struct OrderPlaced {
    pub customer: String,
}

fn main() {}
