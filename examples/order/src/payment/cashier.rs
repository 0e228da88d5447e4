//! What payments want of the gateway: that a card is charged, and that money is given back.

use super::events::{
    CardOffered, PaymentFailed, PaymentRefunded, PaymentRequested, PaymentRevoked, PaymentSucceeded,
};
use super::gateway::{Answer, Gateway};
use super::{Payment, PaymentId, Reason, Refusal};
use crate::service::span_of;
use es_runtime::Effects;
use es_runtime::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tracing::Instrument;

/// Follows the payments, and stands between them and the gateway.
///
/// What it asks of the gateway has the order's id for a key. So it is asked again after a crash, and done once.
#[derive(Reaction)]
#[reaction("payment-cashier", follows(Payment), ignore(PaymentFailed, PaymentRefunded))]
pub struct Cashier {
    /// Who takes the money.
    pub gateway: Arc<dyn Gateway>,
    /// How long the gateway has to answer.
    pub deadline: Duration,
}

impl Cashier {
    /// Charges the card if there is one, and a request too.
    async fn charge<E: Sync>(&self, event: &Recorded<E>, effects: &Effects) -> Handled {
        let order: PaymentId = event.stream().key().parse()?;
        let payment = effects.store().repository::<Payment>().load(&order).await?;
        let Some(charge) = payment.charge() else { return Ok(()) };
        let (metadata, span) = span_of(event.metadata(), effects.metadata(), "payment.charge");
        let settle = effects.command::<Payment>(&order, "charge").metadata(metadata);
        let work = async {
            let key = order.to_string();
            let asked = self.gateway.charge(&key, charge.card, charge.amount_cents);
            let settled = match timeout(self.deadline, asked).await {
                Ok(Ok(Answer::Approved)) => {
                    let settled = settle.execute(Payment::succeed).await;
                    if settled.is_ok() {
                        // Where this fails it is told again, and noted then.
                        let _ = self.gateway.heard(&key).await;
                    }
                    settled
                }
                Ok(Ok(Answer::Declined)) => settle.execute(|payment| payment.fail(Reason::Declined)).await,
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => settle.execute(|payment| payment.fail(Reason::TimedOut)).await,
            };
            match settled {
                Ok(outcome) => {
                    let events: Vec<_> = outcome.events().iter().map(|event| &*event.name).collect();
                    tracing::info!(%order, ?events, "charged a card");
                    Ok(())
                }
                // An answer that came late was faster, or another program of the same kind.
                Err(CommandError::Refused(Refusal::SucceededBefore | Refusal::FailedBefore)) => Ok(()),
                Err(error) => Err(error.into()),
            }
        };
        work.instrument(span).await
    }

    /// Gives the money back if there is some, and the order is cancelled.
    async fn refund<E: Sync>(&self, event: &Recorded<E>, effects: &Effects) -> Handled {
        let order: PaymentId = event.stream().key().parse()?;
        let payment = effects.store().repository::<Payment>().load(&order).await?;
        if payment.refund_cents().is_none() {
            return Ok(());
        }
        let (metadata, span) = span_of(event.metadata(), effects.metadata(), "payment.refund");
        let note = effects.command::<Payment>(&order, "refund").metadata(metadata);
        let work = async {
            self.gateway.refund(&order.to_string()).await?;
            match note.execute(Payment::refund).await {
                Ok(_) => tracing::info!(%order, "gave the money back"),
                Err(CommandError::Refused(Refusal::NothingToRefund)) => {}
                Err(error) => return Err(error.into()),
            }
            Ok(())
        };
        work.instrument(span).await
    }
}

impl On<PaymentRequested> for Cashier {
    async fn on(&self, event: &Recorded<PaymentRequested>, effects: &mut Effects) -> Handled {
        self.charge(event, effects).await
    }
}

impl On<CardOffered> for Cashier {
    async fn on(&self, event: &Recorded<CardOffered>, effects: &mut Effects) -> Handled {
        self.charge(event, effects).await
    }
}

impl On<PaymentSucceeded> for Cashier {
    async fn on(&self, event: &Recorded<PaymentSucceeded>, effects: &mut Effects) -> Handled {
        self.refund(event, effects).await
    }
}

impl On<PaymentRevoked> for Cashier {
    async fn on(&self, event: &Recorded<PaymentRevoked>, effects: &mut Effects) -> Handled {
        self.refund(event, effects).await
    }
}
