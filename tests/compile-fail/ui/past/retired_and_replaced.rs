use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.flagged", retired = "flags moved to the risk service", into(OrderPlaced))]
pub struct OrderFlagged {}

fn main() {}
