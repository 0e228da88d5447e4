//! The checkout: from the placing of an order until its money is here, or is given up.

use crate::events::{OrderCancelled, OrderDelivered, OrderPaid, OrderPlaced, OrderShipped, PaymentReceived};
use crate::payment::events::{
    CardOffered, PaymentFailed, PaymentRefunded, PaymentRequested, PaymentRevoked, PaymentSucceeded,
};
use crate::payment::{Payment, Reason};
use crate::{CancelUnpaid, Order, OrderId};
use es_runtime::prelude::*;
use es_runtime::{Plan, When, Workflow};
use serde::Serialize;
use std::time::Duration;

/// Where the metadata of a placing say until when the money must be here. It was promised to the customer then, so
/// it does not change with the settings of the program.
pub const PAY_WITHIN: &str = "pay-within";

/// Where nothing was promised.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The timer that runs out when the money must be here.
const MONEY: &str = "money";

/// Time is up, and the order was not paid.
#[event("checkout.payment_overdue")]
#[derive(Debug)]
pub struct PaymentOverdue {}

/// Cancels an order whose payment fails, or of whose money nothing is heard in time.
///
/// An order that is paid in the last moment stays paid: it is asked, and says so.
#[derive(Aggregate, Workflow, Debug, Default, Serialize)]
#[aggregate("checkout", id = OrderId, events(PaymentOverdue))]
#[workflow(
    "checkout",
    follows(Order, Payment, Checkout),
    ignore(
        PaymentReceived,
        OrderShipped,
        OrderDelivered,
        PaymentRequested,
        CardOffered,
        PaymentSucceeded,
        PaymentRevoked,
        PaymentRefunded
    )
)]
pub struct Checkout {}

impl Apply<PaymentOverdue> for Checkout {
    fn apply(&mut self, _: &PaymentOverdue) {}
}

impl When<OrderPlaced> for Checkout {
    fn correlate(event: &Recorded<OrderPlaced>) -> Option<OrderId> {
        order_of(event)
    }

    fn when(&self, event: &Recorded<OrderPlaced>, plan: &mut Plan<Self>) {
        let promised = event.metadata().headers().get(PAY_WITHIN);
        let within = promised.and_then(|text| humantime::parse_duration(text).ok()).unwrap_or(LONGEST);
        plan.after(MONEY, within, PaymentOverdue {});
    }
}

impl When<OrderPaid> for Checkout {
    fn correlate(event: &Recorded<OrderPaid>) -> Option<OrderId> {
        order_of(event)
    }

    fn when(&self, _: &Recorded<OrderPaid>, plan: &mut Plan<Self>) {
        plan.cancel(MONEY);
    }
}

impl When<OrderCancelled> for Checkout {
    fn correlate(event: &Recorded<OrderCancelled>) -> Option<OrderId> {
        order_of(event)
    }

    fn when(&self, _: &Recorded<OrderCancelled>, plan: &mut Plan<Self>) {
        plan.cancel(MONEY);
    }
}

impl When<PaymentFailed> for Checkout {
    fn correlate(event: &Recorded<PaymentFailed>) -> Option<OrderId> {
        order_of(event)
    }

    fn when(&self, event: &Recorded<PaymentFailed>, plan: &mut Plan<Self>) {
        let reason = match event.event().reason {
            Reason::Declined => "the card was declined",
            Reason::TimedOut => "the card could not be charged in time",
        };
        give_up(event, plan, reason);
    }
}

impl When<PaymentOverdue> for Checkout {
    fn correlate(event: &Recorded<PaymentOverdue>) -> Option<OrderId> {
        order_of(event)
    }

    fn when(&self, event: &Recorded<PaymentOverdue>, plan: &mut Plan<Self>) {
        give_up(event, plan, "it was not paid in time");
    }
}

/// An order, its payment and its checkout have one id.
fn order_of<E>(event: &Recorded<E>) -> Option<OrderId> {
    event.stream().key().parse().ok()
}

fn give_up<E>(event: &Recorded<E>, plan: &mut Plan<Checkout>, reason: &str) {
    if let Some(order) = order_of(event) {
        plan.send::<Order, _>(&order, CancelUnpaid { reason: reason.into() });
    }
}
