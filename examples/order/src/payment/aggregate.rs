//! The payment: what becomes of it by each event, and what it decides.

use super::events::{
    CardOffered, PaymentFailed, PaymentRefunded, PaymentRequested, PaymentRevoked, PaymentSucceeded,
};
use super::{CardRef, PaymentId, Reason, Refusal};
use es_runtime::prelude::*;
use serde::Serialize;

/// A payment. A request and a card are both needed to charge it, and may come in any order.
#[derive(Aggregate, Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[aggregate(
    "payment",
    id = PaymentId,
    events(PaymentRequested, CardOffered, PaymentSucceeded, PaymentFailed, PaymentRevoked, PaymentRefunded)
)]
pub struct Payment {
    amount_cents: Option<i64>,
    card: Option<CardRef>,
    failed: Option<Reason>,
    has_succeeded: bool,
    is_revoked: bool,
    is_refunded: bool,
}

/// How far a payment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody requested it yet.
    NotRequested,
    /// Requested, and waiting for a card.
    Requested,
    /// The card is being charged.
    Charging,
    /// The money is here.
    Succeeded,
    /// There was no money within the time.
    Failed,
    /// The order was cancelled, and nothing was paid.
    Revoked,
    /// The order was cancelled, and the money is to be given back.
    Refunding,
    /// The money was given back.
    Refunded,
}

/// What is to be charged to which card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge<'a> {
    /// Which card.
    pub card: &'a CardRef,
    /// How much.
    pub amount_cents: i64,
}

/// What a payment tells about itself.
impl Payment {
    /// How far it has come.
    pub const fn status(&self) -> Status {
        match self {
            Self { is_refunded: true, .. } => Status::Refunded,
            Self { is_revoked: true, has_succeeded: true, .. } => Status::Refunding,
            Self { is_revoked: true, .. } => Status::Revoked,
            Self { has_succeeded: true, .. } => Status::Succeeded,
            Self { failed: Some(_), .. } => Status::Failed,
            Self { amount_cents: None, .. } => Status::NotRequested,
            Self { card: None, .. } => Status::Requested,
            Self { .. } => Status::Charging,
        }
    }

    /// How much it is, once it was requested.
    pub const fn amount_cents(&self) -> Option<i64> {
        self.amount_cents
    }

    /// Why it failed, if it did. It may have succeeded since.
    pub const fn failed(&self) -> Option<Reason> {
        self.failed
    }

    /// What is to be charged now, if anything is.
    pub fn charge(&self) -> Option<Charge<'_>> {
        let is_open = matches!(self.status(), Status::Charging);
        self.charged().filter(|_| is_open)
    }

    /// How much is to be given back now, if anything is.
    pub const fn refund_cents(&self) -> Option<i64> {
        match self.status() {
            Status::Refunding => self.amount_cents,
            _ => None,
        }
    }

    /// What was to be charged at some time.
    fn charged(&self) -> Option<Charge<'_>> {
        Some(Charge { card: self.card.as_ref()?, amount_cents: self.amount_cents? })
    }
}

impl Apply<PaymentRequested> for Payment {
    fn apply(&mut self, event: &PaymentRequested) {
        self.amount_cents = Some(event.amount_cents);
    }
}

impl Apply<CardOffered> for Payment {
    fn apply(&mut self, event: &CardOffered) {
        self.card = Some(event.card.clone());
    }
}

impl Apply<PaymentSucceeded> for Payment {
    fn apply(&mut self, _: &PaymentSucceeded) {
        self.has_succeeded = true;
    }
}

impl Apply<PaymentFailed> for Payment {
    fn apply(&mut self, event: &PaymentFailed) {
        self.failed = Some(event.reason);
    }
}

impl Apply<PaymentRevoked> for Payment {
    fn apply(&mut self, _: &PaymentRevoked) {
        self.is_revoked = true;
    }
}

impl Apply<PaymentRefunded> for Payment {
    fn apply(&mut self, _: &PaymentRefunded) {
        self.is_refunded = true;
    }
}

/// What a payment decides.
impl Payment {
    /// Asks for the money.
    ///
    /// # Errors
    ///
    /// When that was done before, or there is nothing to ask for.
    pub const fn request(&self, amount_cents: i64) -> Result<PaymentRequested, Refusal> {
        match self.amount_cents {
            Some(_) => Err(Refusal::RequestedBefore),
            None if amount_cents <= 0 => Err(Refusal::InvalidAmount),
            None => Ok(PaymentRequested { amount_cents }),
        }
    }

    /// Takes the card that is to be charged.
    ///
    /// # Errors
    ///
    /// When one was offered before, or the order is cancelled.
    pub fn offer(&self, card: &CardRef) -> Result<CardOffered, Refusal> {
        match self {
            Self { is_revoked: true, .. } => Err(Refusal::Revoked),
            Self { card: Some(_), .. } => Err(Refusal::CardOfferedBefore),
            Self { .. } => Ok(CardOffered { card: card.clone() }),
        }
    }

    /// Notes that the money has come, however late.
    ///
    /// # Errors
    ///
    /// When it came before, or nothing was charged.
    pub fn succeed(&self) -> Result<PaymentSucceeded, Refusal> {
        match self.charged() {
            None => Err(Refusal::NothingToCharge),
            Some(_) if self.has_succeeded => Err(Refusal::SucceededBefore),
            Some(Charge { amount_cents, .. }) => Ok(PaymentSucceeded { amount_cents }),
        }
    }

    /// Notes that the money has not come.
    ///
    /// # Errors
    ///
    /// When it has come, this was noted before, or nothing was charged.
    pub fn fail(&self, reason: Reason) -> Result<PaymentFailed, Refusal> {
        match self.charged() {
            None => Err(Refusal::NothingToCharge),
            Some(_) if self.has_succeeded => Err(Refusal::SucceededBefore),
            Some(_) if self.failed.is_some() => Err(Refusal::FailedBefore),
            Some(_) => Ok(PaymentFailed { reason }),
        }
    }

    /// Takes note that the order was cancelled.
    ///
    /// # Errors
    ///
    /// When that was noted before.
    pub const fn revoke(&self) -> Result<PaymentRevoked, Refusal> {
        if self.is_revoked { Err(Refusal::RevokedBefore) } else { Ok(PaymentRevoked {}) }
    }

    /// Notes that the money was given back.
    ///
    /// # Errors
    ///
    /// When none is to be given back.
    pub fn refund(&self) -> Result<PaymentRefunded, Refusal> {
        let amount_cents = self.refund_cents().ok_or(Refusal::NothingToRefund)?;
        Ok(PaymentRefunded { amount_cents })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
