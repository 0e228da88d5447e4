use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

pub struct OrderFlagged {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced), past(OrderFlagged = "flags moved to the risk service"))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

fn main() {}
