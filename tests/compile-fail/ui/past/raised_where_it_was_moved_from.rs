use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.shipped")]
pub struct OrderShipped {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced), past(OrderShipped = "shipments have streams of their own"))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

fn main() {
    let mut order = Root::<Order>::new(1).expect("a name");
    let _ = order.raise(OrderShipped {});
}
