use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced), past(OrderFlagged = ""))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

fn main() {}
