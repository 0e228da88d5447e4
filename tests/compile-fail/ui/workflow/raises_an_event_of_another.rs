use es_runtime::prelude::*;
use es_runtime::{Plan, When, Workflow};

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

#[derive(Aggregate, Workflow, Default)]
#[aggregate("checkout", id = u64, events(Begun))]
#[workflow("checkout", follows(Order), ignore(OrderPaid))]
pub struct Checkout {}

impl Apply<Begun> for Checkout {
    fn apply(&mut self, _: &Begun) {}
}

impl When<OrderPlaced> for Checkout {
    fn correlate(_: &Recorded<OrderPlaced>) -> Option<u64> {
        None
    }

    fn when(&self, _: &Recorded<OrderPlaced>, plan: &mut Plan<Self>) {
        plan.raise(OrderPaid {});
    }
}

fn main() {}