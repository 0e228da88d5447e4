use es_runtime::prelude::*;
use es_runtime::Workflow;

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

#[event("checkout.begun")]
pub struct Begun {}

#[derive(Workflow, Default)]
#[workflow("checkout", follows(Order), ignore(OrderPlaced, OrderPaid))]
pub struct Checkout {}

fn main() {}
