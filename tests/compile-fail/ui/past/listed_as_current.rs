use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.flagged", retired = "flags moved to the risk service")]
pub struct OrderFlagged {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced, OrderFlagged))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderFlagged> for Order {
    fn apply(&mut self, _: &OrderFlagged) {}
}

fn main() {}
