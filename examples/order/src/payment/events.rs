//! Events: what can happen to a payment. Amounts are in cents.

use super::CardRef;
use es_runtime::prelude::*;
use serde::{Deserialize, Serialize};

/// An order was placed, and wants to be paid.
#[event("payment.requested")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRequested {
    /// How much.
    pub amount_cents: i64,
}

/// The customer offered a card. Never its token: see [`CardRef`].
#[event("payment.card_offered")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardOffered {
    /// What the gateway calls it.
    pub card: CardRef,
}

/// The money is here.
#[event("payment.succeeded")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentSucceeded {
    /// How much.
    pub amount_cents: i64,
}

/// There was no money within the time. After a timeout it may come yet.
#[event("payment.failed")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentFailed {
    /// Why.
    pub reason: Reason,
}

/// Why a payment failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The gateway said no.
    Declined,
    /// The gateway did not answer in time.
    TimedOut,
}

/// The order was cancelled: what is paid, or is yet to arrive, is to be given back.
#[event("payment.revoked")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRevoked {}

/// The money was given back.
#[event("payment.refunded")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRefunded {
    /// How much.
    pub amount_cents: i64,
}
