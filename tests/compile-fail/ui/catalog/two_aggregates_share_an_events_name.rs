use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[event("order.placed")]
pub struct InvoicePlaced {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

#[derive(Aggregate, Default)]
#[aggregate("invoice", id = u64, events(InvoicePlaced))]
pub struct Invoice {}

impl Apply<InvoicePlaced> for Invoice {
    fn apply(&mut self, _: &InvoicePlaced) {}
}

es_runtime::catalog!(Order, Invoice);

fn main() {}
