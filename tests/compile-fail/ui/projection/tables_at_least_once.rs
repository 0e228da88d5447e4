use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.paid")]
pub struct OrderPaid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced, OrderPaid))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

#[derive(Projection)]
#[projection("summary", follows(Order), ignore(OrderPlaced, OrderPaid), delivery = AtLeastOnce)]
pub struct Summary;

impl Tables for Summary {
    async fn create(&self, _: &mut Sql) -> Handled {
        Ok(())
    }
}

fn main() {}
