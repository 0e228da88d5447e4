//! What can be asked of a payment over HTTP: that it takes a card, and how it stands.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use es_runtime::prelude::*;
use order::payment::gateway::{Gateway, GatewayError, Token};
use order::payment::{Payment, PaymentId, Reason, Refusal, Status};
use order::service::{Caller, Done, Id, Posted, Problem};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the handlers of requests share.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) payments: Repository<Payment>,
    pub(crate) gateway: Arc<dyn Gateway>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offer {
    token: Token,
}

#[derive(Serialize)]
struct Answer {
    order: String,
    #[serde(flatten)]
    done: Done,
}

#[derive(Serialize)]
pub(crate) struct Standing {
    order: String,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_cents: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<Reason>,
}

/// Hands the card to the gateway, and notes what it is called there. It is charged later, or rather at once, but
/// not in this request.
pub(crate) async fn offer(
    State(desk): State<Desk>,
    Id(id): Id<PaymentId>,
    caller: Caller,
    offer: Posted<Offer>,
) -> Result<Response, Problem> {
    let key = format!("{id} {}", caller.commit_id());
    let card = desk.gateway.keep(&key, &offer.value.token).await.map_err(not_kept)?;
    // Not the body: whoever reads the log could guess the token from its fingerprint.
    let body = card.as_str();
    let give = desk.payments.command(&id).commit_id(caller.commit_id()).metadata(caller.metadata(body));
    let outcome = give.execute(|payment| payment.offer(&card)).await;
    let outcome = outcome.map_err(|error| Problem::of_command(error, refused))?;
    let done = caller.done(body, &outcome)?;
    Ok((StatusCode::ACCEPTED, Json(Answer { order: id.to_string(), done })).into_response())
}

/// How a payment stands.
pub(crate) async fn standing(
    State(desk): State<Desk>,
    Id(id): Id<PaymentId>,
) -> Result<Json<Standing>, Problem> {
    let payment = desk.payments.load(&id).await?;
    if payment.version() == Version::NONE {
        let detail = "no payment was requested for an order of this id";
        return Err(Problem::new(StatusCode::NOT_FOUND, "no-such-payment", detail));
    }
    Ok(Json(Standing {
        order: id.to_string(),
        status: payment.status(),
        amount_cents: payment.amount_cents(),
        failed: payment.failed(),
    }))
}

fn refused(refusal: Refusal) -> Problem {
    Problem::refused(StatusCode::CONFLICT, &refusal)
}

fn not_kept(error: GatewayError) -> Problem {
    match error {
        GatewayError::UnknownCard => Problem::unprocessable("unknown-card", error),
        GatewayError::KeyReused => Problem::key_reused(),
        GatewayError::NothingTaken => Problem::internal(&error),
        GatewayError::Unreachable(_) => {
            tracing::warn!(%error, "a card could not be kept");
            let detail = "the gateway cannot be reached, and nothing was done: send it again in a moment";
            Problem::unavailable("gateway-unavailable", detail)
        }
    }
}
