use es_runtime::prelude::*;

#[event("order.placed")]
pub union OrderPlaced {
    pub cents: u64,
}

fn main() {}
