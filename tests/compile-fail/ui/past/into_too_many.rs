use es_runtime::prelude::*;

#[event("order.part_1")]
pub struct Part1 {}

#[event("order.part_2")]
pub struct Part2 {}

#[event("order.part_3")]
pub struct Part3 {}

#[event("order.part_4")]
pub struct Part4 {}

#[event("order.part_5")]
pub struct Part5 {}

#[event("order.part_6")]
pub struct Part6 {}

#[event("order.part_7")]
pub struct Part7 {}

#[event("order.part_8")]
pub struct Part8 {}

#[event("order.part_9")]
pub struct Part9 {}

#[event("order.bought", into(Part1, Part2, Part3, Part4, Part5, Part6, Part7, Part8, Part9))]
pub struct OrderBought {}

impl From<OrderBought> for (Part1, Part2, Part3, Part4, Part5, Part6, Part7, Part8, Part9) {
    fn from(_: OrderBought) -> Self {
        (Part1 {}, Part2 {}, Part3 {}, Part4 {}, Part5 {}, Part6 {}, Part7 {}, Part8 {}, Part9 {})
    }
}

fn main() {}
