//! A command in the list that the aggregate does not handle.
use es_runtime::prelude::*;

#[event("order.paid")]
pub struct OrderPaid {}

pub struct PayOrder;

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPaid), commands(PayOrder))]
pub struct Order {}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

fn main() {}
