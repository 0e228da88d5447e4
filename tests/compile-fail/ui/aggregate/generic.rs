use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.paid")]
pub struct OrderPaid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced))]
pub struct Order<T> {
    lines: Vec<T>,
}

impl Apply<OrderPlaced> for Order<u8> {
    fn apply(&mut self, _: &OrderPlaced) {}
}

fn main() {}
