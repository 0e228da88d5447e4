use es_runtime::prelude::*;
use es_runtime::testing::given;

#[event("order.paid")]
pub struct OrderPaid {}

#[event("order.placed")]
pub struct OrderPlaced {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPaid))]
pub struct Order {}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

fn main() {
    given::<Order>(OrderPlaced {}).then_state(|_| {});
}
