//! What orders want of payments: an order that is placed wants money, and one that is cancelled wants none.

use super::{Payment, PaymentId};
use crate::Order;
use crate::events::{OrderCancelled, OrderDelivered, OrderPaid, OrderPlaced, OrderShipped, PaymentReceived};
use crate::service::span_of;
use es_runtime::Effects;
use es_runtime::prelude::*;
use tracing::Instrument;

/// Follows the orders. It knows of them what their events tell.
#[derive(Reaction)]
#[reaction(
    "payment-requests",
    follows(Order),
    ignore(PaymentReceived, OrderPaid, OrderShipped, OrderDelivered)
)]
#[derive(Debug)]
pub struct Requests;

impl On<OrderPlaced> for Requests {
    async fn on(&self, event: &Recorded<OrderPlaced>, effects: &mut Effects) -> Handled {
        let (metadata, span) = span_of(event.metadata(), effects.metadata(), "payment.request");
        let order: PaymentId = event.stream().key().parse()?;
        let request = effects.command::<Payment>(&order, "request").metadata(metadata);
        // An order that was let through has a total.
        let total = event.event().total_cents().unwrap_or_default();
        let request = async {
            request.execute(|payment| payment.request(total)).await?;
            tracing::info!(%order, total, "requested a payment");
            Ok(())
        };
        request.instrument(span).await
    }
}

impl On<OrderCancelled> for Requests {
    async fn on(&self, event: &Recorded<OrderCancelled>, effects: &mut Effects) -> Handled {
        let (metadata, span) = span_of(event.metadata(), effects.metadata(), "payment.revoke");
        let order: PaymentId = event.stream().key().parse()?;
        let revoke = effects.command::<Payment>(&order, "revoke").metadata(metadata);
        let revoke = async {
            revoke.execute(Payment::revoke).await?;
            tracing::info!(%order, "revoked a payment");
            Ok(())
        };
        revoke.instrument(span).await
    }
}
