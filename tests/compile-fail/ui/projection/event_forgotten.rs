use es_runtime::__private::{Covers, FollowedBy};
use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.paid")]
pub struct OrderPaid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced, OrderPaid))]
pub struct Order {
    paid: bool,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

struct Summary;

impl Covers<OrderPlaced> for Summary {}

fn follow<P>(_: P)
where
    Order: FollowedBy<P>,
{
}

fn main() {
    follow(Summary);
}
