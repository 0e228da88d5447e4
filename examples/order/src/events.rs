//! Events: what can happen to an order. Amounts are in cents.

use es_runtime::prelude::*;
use serde::{Deserialize, Serialize};

/// A customer placed the order.
#[event("order.placed")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPlaced {
    /// Who ordered.
    pub customer: String,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// What it costs to send.
    pub freight_cents: i64,
}

/// How many of an article, and for how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which article.
    pub sku: String,
    /// How many of it.
    pub quantity: i64,
    /// What one of it costs.
    pub unit_price_cents: i64,
}

impl OrderPlaced {
    /// What there is to pay: lines plus freight, or nothing if that does not fit.
    pub fn total_cents(&self) -> Option<i64> {
        self.lines.iter().try_fold(self.freight_cents, |total, line| {
            total.checked_add(line.quantity.checked_mul(line.unit_price_cents)?)
        })
    }
}

/// The customer paid, all of it or a part.
#[event("order.payment_received")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentReceived {
    /// How much.
    pub amount_cents: i64,
    /// How: by card, by voucher.
    pub method: String,
}

/// Nothing is left to pay.
#[event("order.paid")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPaid {}

/// The goods left the house.
#[event("order.shipped")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderShipped {}

/// The goods reached the customer.
#[event("order.delivered")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDelivered {}

/// The order was called off.
#[event("order.cancelled")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderCancelled {
    /// Why, in somebody's words.
    pub reason: String,
}
