use es_runtime::prelude::*;

#[event("order.flagged", retired = " ")]
pub struct OrderFlagged {}

fn main() {}
