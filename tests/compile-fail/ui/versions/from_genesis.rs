use es_runtime::prelude::*;

#[event("order.placed", version = 2, from = es_runtime::Genesis)]
pub struct OrderPlaced {}

impl From<es_runtime::Genesis> for OrderPlaced {
    fn from(never: es_runtime::Genesis) -> Self {
        match never {}
    }
}

fn main() {}
