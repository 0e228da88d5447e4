//! What payments do to orders: an order is paid when its payment has succeeded.

use crate::payment::Payment;
use crate::payment::events::{
    CardOffered, PaymentFailed, PaymentRefunded, PaymentRequested, PaymentRevoked, PaymentSucceeded,
};
use crate::service::span_of;
use crate::{Order, OrderId, Refusal};
use es_runtime::Effects;
use es_runtime::prelude::*;
use tracing::Instrument;

/// Follows the payments. What is to be done about those that fail, [`Checkout`](crate::Checkout) knows.
#[derive(Reaction)]
#[reaction(
    "order-settlement",
    follows(Payment),
    ignore(PaymentRequested, CardOffered, PaymentFailed, PaymentRevoked, PaymentRefunded)
)]
#[derive(Debug)]
pub struct Settlement;

impl On<PaymentSucceeded> for Settlement {
    async fn on(&self, event: &Recorded<PaymentSucceeded>, effects: &mut Effects) -> Handled {
        let (metadata, span) = span_of(event.metadata(), effects.metadata(), "order.pay");
        let order: OrderId = event.stream().key().parse()?;
        let pay = effects.command::<Order>(&order, "pay").metadata(metadata);
        let amount = event.event().amount_cents;
        let work = async {
            match pay.execute(|order| order.pay(amount, "card")).await {
                Ok(_) => tracing::info!(%order, amount, "paid"),
                // The payment service hears of the cancellation too, and gives the money back.
                Err(CommandError::Refused(Refusal::Cancelled)) => tracing::info!(%order, "paid too late"),
                Err(error) => return Err(error.into()),
            }
            Ok(())
        };
        work.instrument(span).await
    }
}
