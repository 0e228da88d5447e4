use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.paid")]
pub struct OrderPaid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced))]
pub struct Order {
    paid: bool,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

fn main() {
    let order = Root::<Order>::new(1).unwrap();
    order.paid = true;
}
