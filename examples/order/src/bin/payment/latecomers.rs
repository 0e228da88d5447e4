//! Approvals that come when nobody waits for them any more.

use es_runtime::Limit;
use es_runtime::prelude::*;
use order::payment::gateway::Gateway;
use order::payment::{Payment, PaymentId, Refusal};
use order::service::span_of;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tracing::Instrument;

/// How often the gateway is asked.
const PAUSE: Duration = Duration::from_millis(100);

/// Notes what the gateway approves late, for as long as the program runs.
pub(crate) async fn await_latecomers(payments: Repository<Payment>, gateway: Arc<dyn Gateway>) {
    loop {
        if let Err(error) = note(&payments, &*gateway).await {
            tracing::warn!(%error, "a late approval could not be noted; it is tried again");
        }
        sleep(PAUSE).await;
    }
}

async fn note(payments: &Repository<Payment>, gateway: &dyn Gateway) -> Handled {
    for key in gateway.unheard().await? {
        let order: PaymentId = key.parse()?;
        let (metadata, span) = cause(payments, &order).await?;
        let succeed = payments.command(&order).metadata(metadata).execute(Payment::succeed);
        // First it is noted and then the gateway hears of it: after a crash in between it tells us once more.
        match succeed.instrument(span.clone()).await {
            Ok(_) => span.in_scope(|| tracing::info!(%order, "an approval came late")),
            // Or not that late.
            Err(CommandError::Refused(Refusal::SucceededBefore)) => {}
            Err(error) => return Err(error.into()),
        }
        gateway.heard(&key).await?;
    }
    Ok(())
}

/// A late approval belongs to the conversation that the payment began in.
async fn cause(
    payments: &Repository<Payment>,
    order: &PaymentId,
) -> Result<(Metadata, tracing::Span), StoreError> {
    let begin =
        payments.store().read_stream(&payments.stream(order)?, Version::new(1), Limit::events(1)).await?;
    let first = begin.events.first().map(|event| event.metadata().clone()).unwrap_or_default();
    let mut metadata = Metadata::new().with_causation_id(format!("gateway:{order}"));
    if let Some(correlation) = first.correlation_id() {
        metadata = metadata.with_correlation_id(correlation);
    }
    Ok(span_of(&first, &metadata, "payment.late"))
}
