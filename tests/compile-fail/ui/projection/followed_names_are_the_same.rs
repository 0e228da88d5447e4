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

#[event("payment.made")]
pub struct PaymentMade {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(PaymentMade))]
pub struct Payment {}

impl Apply<PaymentMade> for Payment {
    fn apply(&mut self, _: &PaymentMade) {}
}

#[derive(Projection)]
#[projection("summary", follows(Order, Payment), ignore(OrderPlaced, OrderPaid, PaymentMade))]
pub struct Summary;

fn main() {}
