//! Why an order says no.

use serde::Serialize;

/// Why an order says no. As JSON it is the reason in snake case, such as `"not_paid"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It is placed once.
    #[error("the order is already placed")]
    AlreadyPlaced,
    /// No line, or one with a quantity below 1.
    #[error("an order needs lines, each with a quantity of at least 1")]
    NoLines,
    /// An amount that nobody can owe or pay.
    #[error("amounts must not be negative, totals and payments must be above 0")]
    InvalidAmount,
    /// Nothing can be done before it is placed.
    #[error("the order was never placed")]
    NotPlaced,
    /// It was called off.
    #[error("the order is cancelled")]
    Cancelled,
    /// Nothing is left to pay.
    #[error("the order is already paid")]
    AlreadyPaid,
    /// More than is left to pay.
    #[error("the payment is more than is left to pay")]
    Overpaid,
    /// Something is left to pay.
    #[error("the order is not paid")]
    NotPaid,
    /// It is shipped once, and not cancelled after.
    #[error("the order is already shipped")]
    AlreadyShipped,
    /// It is delivered once.
    #[error("the order is already delivered")]
    AlreadyDelivered,
    /// It is delivered only after it was shipped.
    #[error("the order is not shipped")]
    NotShipped,
    /// It is cancelled once.
    #[error("the order is already cancelled")]
    AlreadyCancelled,
}
