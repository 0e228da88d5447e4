//! Why a payment says no.

use serde::Serialize;

/// Why a payment says no. As JSON it is the reason in snake case, such as `"card_offered_before"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// An amount that nobody can pay.
    #[error("the amount of a payment must be above 0")]
    InvalidAmount,
    /// It is requested once.
    #[error("the payment was requested before")]
    RequestedBefore,
    /// A card is offered once, and charged once.
    #[error("a card was offered for this order before")]
    CardOfferedBefore,
    /// The order was cancelled.
    #[error("the order is cancelled, and takes no payment")]
    Revoked,
    /// It was revoked before.
    #[error("the payment was revoked before")]
    RevokedBefore,
    /// Nothing was charged that could succeed or fail.
    #[error("there is nothing to charge")]
    NothingToCharge,
    /// It succeeds once, and does not fail after.
    #[error("the payment has succeeded already")]
    SucceededBefore,
    /// It fails once.
    #[error("the payment has failed already")]
    FailedBefore,
    /// There is no money to give back, or the order is not cancelled.
    #[error("there is nothing to refund")]
    NothingToRefund,
}
