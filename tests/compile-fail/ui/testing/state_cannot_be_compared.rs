use es_runtime::prelude::*;

#[event("order.paid")]
pub struct OrderPaid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPaid))]
pub struct Order {}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

es_runtime::testing::properties!(order_properties: Order, samples = [OrderPaid {}]);

fn main() {}
