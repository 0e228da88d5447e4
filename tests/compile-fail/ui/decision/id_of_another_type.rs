use es_runtime::prelude::*;

#[derive(Clone)]
pub struct OrderId(u64);

impl std::fmt::Display for OrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.paid")]
pub struct OrderPaid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = OrderId, events(OrderPlaced))]
pub struct Order {
    paid: bool,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

fn main() {
    let _ = Root::<Order>::new(1);
}
