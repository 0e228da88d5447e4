use es_runtime::prelude::*;

#[event("order.paid")]
pub struct OrderPaid {}

#[event("order.placed")]
pub struct OrderPlaced {}

#[derive(Aggregate, Default, Debug, PartialEq)]
#[aggregate("order", id = u64, events(OrderPaid))]
pub struct Order {}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

es_runtime::testing::properties!(order_properties: Order, samples = [OrderPlaced {}]);

fn main() {}
