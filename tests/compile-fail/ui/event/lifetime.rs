use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced<'a> {
    pub customer: &'a str,
}

fn main() {}
