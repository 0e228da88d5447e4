use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.flagged", retired = "flags moved to the risk service")]
pub struct OrderFlagged {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced), past(OrderFlagged))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Order {
    fn flag(&self) -> Result<OrderFlagged, &'static str> {
        Ok(OrderFlagged {})
    }
}

fn main() {
    let mut order = Root::<Order>::new(1).expect("a name");
    let _ = order.decide(|order| order.flag());
}
