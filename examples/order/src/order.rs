//! The order: what becomes of it by each event, and what it decides.

use crate::events::{OrderCancelled, OrderDelivered, OrderPaid, OrderPlaced, OrderShipped, PaymentReceived};
use crate::{CancelUnpaid, Command, Line, OrderId, Refusal};
use es_runtime::prelude::*;
use serde::{Deserialize, Serialize};

/// An order. It remembers what its decisions need; what else there is to know is in its events.
///
/// Most orders have half a dozen events. The snapshots are for the one that is paid in a thousand parts.
#[derive(Aggregate, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[aggregate(
    "order",
    id = OrderId,
    events(OrderPlaced, PaymentReceived, OrderPaid, OrderShipped, OrderDelivered, OrderCancelled),
    commands(Command, CancelUnpaid),
    snapshot(every = 100)
)]
pub struct Order {
    status: Status,
    total_cents: i64,
    paid_cents: i64,
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody placed it yet.
    #[default]
    NotPlaced,
    /// Placed, and something is left to pay.
    Placed,
    /// Nothing is left to pay.
    Paid,
    /// On its way.
    Shipped,
    /// It has arrived.
    Delivered,
    /// Called off before it was shipped.
    Cancelled,
}

/// What an order tells about itself.
impl Order {
    /// How far it has come.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// What there was to pay: lines plus freight.
    pub const fn total_cents(&self) -> i64 {
        self.total_cents
    }

    /// What was paid so far.
    pub const fn paid_cents(&self) -> i64 {
        self.paid_cents
    }

    /// What is left to pay.
    pub const fn left_cents(&self) -> i64 {
        self.total_cents.saturating_sub(self.paid_cents)
    }
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, event: &OrderPlaced) {
        self.status = Status::Placed;
        // `place` lets no other total through.
        self.total_cents = event.total_cents().unwrap_or(i64::MAX);
    }
}

impl Apply<PaymentReceived> for Order {
    fn apply(&mut self, event: &PaymentReceived) {
        self.paid_cents = self.paid_cents.saturating_add(event.amount_cents);
    }
}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {
        self.status = Status::Paid;
    }
}

impl Apply<OrderShipped> for Order {
    fn apply(&mut self, _: &OrderShipped) {
        self.status = Status::Shipped;
    }
}

impl Apply<OrderDelivered> for Order {
    fn apply(&mut self, _: &OrderDelivered) {
        self.status = Status::Delivered;
    }
}

impl Apply<OrderCancelled> for Order {
    fn apply(&mut self, _: &OrderCancelled) {
        self.status = Status::Cancelled;
    }
}

/// What an order decides: each command is answered with events or refused.
impl Order {
    /// Places the order.
    ///
    /// # Errors
    ///
    /// When it is placed already, has no lines, or costs nothing or more than can be counted.
    pub fn place(&self, customer: &str, lines: &[Line], freight_cents: i64) -> Result<OrderPlaced, Refusal> {
        if self.status != Status::NotPlaced {
            return Err(Refusal::AlreadyPlaced);
        }
        if lines.is_empty() || lines.iter().any(|line| line.quantity < 1) {
            return Err(Refusal::NoLines);
        }
        if freight_cents < 0 || lines.iter().any(|line| line.unit_price_cents < 0) {
            return Err(Refusal::InvalidAmount);
        }
        let placed = OrderPlaced { customer: customer.into(), lines: lines.into(), freight_cents };
        match placed.total_cents() {
            Some(1..) => Ok(placed),
            _ => Err(Refusal::InvalidAmount),
        }
    }

    /// Takes a payment. With the last one the order is paid.
    ///
    /// # Errors
    ///
    /// When nothing is to be paid, or the amount is not above 0, or more than is left.
    pub fn pay(
        &self,
        amount_cents: i64,
        method: &str,
    ) -> Result<(PaymentReceived, Option<OrderPaid>), Refusal> {
        match self.status {
            Status::NotPlaced => Err(Refusal::NotPlaced),
            Status::Cancelled => Err(Refusal::Cancelled),
            Status::Paid | Status::Shipped | Status::Delivered => Err(Refusal::AlreadyPaid),
            Status::Placed if amount_cents <= 0 => Err(Refusal::InvalidAmount),
            Status::Placed if amount_cents > self.left_cents() => Err(Refusal::Overpaid),
            Status::Placed => {
                let received = PaymentReceived { amount_cents, method: method.into() };
                Ok((received, (amount_cents == self.left_cents()).then_some(OrderPaid {})))
            }
        }
    }

    /// Ships the order.
    ///
    /// # Errors
    ///
    /// When it is not paid, cancelled, or shipped already.
    pub const fn ship(&self) -> Result<OrderShipped, Refusal> {
        match self.status {
            Status::NotPlaced => Err(Refusal::NotPlaced),
            Status::Placed => Err(Refusal::NotPaid),
            Status::Paid => Ok(OrderShipped {}),
            Status::Shipped | Status::Delivered => Err(Refusal::AlreadyShipped),
            Status::Cancelled => Err(Refusal::Cancelled),
        }
    }

    /// Notes that the order has arrived.
    ///
    /// # Errors
    ///
    /// When it is not on its way.
    pub const fn deliver(&self) -> Result<OrderDelivered, Refusal> {
        match self.status {
            Status::NotPlaced => Err(Refusal::NotPlaced),
            Status::Placed | Status::Paid => Err(Refusal::NotShipped),
            Status::Shipped => Ok(OrderDelivered {}),
            Status::Delivered => Err(Refusal::AlreadyDelivered),
            Status::Cancelled => Err(Refusal::Cancelled),
        }
    }

    /// Calls the order off.
    ///
    /// # Errors
    ///
    /// When it is cancelled already, or shipped.
    pub fn cancel(&self, reason: &str) -> Result<OrderCancelled, Refusal> {
        match self.status {
            Status::NotPlaced => Err(Refusal::NotPlaced),
            Status::Placed | Status::Paid => Ok(OrderCancelled { reason: reason.into() }),
            Status::Shipped | Status::Delivered => Err(Refusal::AlreadyShipped),
            Status::Cancelled => Err(Refusal::AlreadyCancelled),
        }
    }

    /// Calls the order off because its money did not come. One that is paid after all stays as it is.
    ///
    /// # Errors
    ///
    /// When it was never placed.
    pub fn cancel_unpaid(&self, reason: &str) -> Result<Option<OrderCancelled>, Refusal> {
        match self.status {
            Status::NotPlaced => Err(Refusal::NotPlaced),
            Status::Placed => Ok(Some(OrderCancelled { reason: reason.into() })),
            Status::Paid | Status::Shipped | Status::Delivered | Status::Cancelled => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
