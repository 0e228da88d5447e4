use es_runtime::prelude::*;

#[event("order.flagged", into())]
pub struct OrderFlagged {}

fn main() {}
