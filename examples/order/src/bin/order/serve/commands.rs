//! What can be asked of an order over HTTP. It is paid by the payment service, so not here.

use super::Shop;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use humantime::format_duration;
use order::checkout::PAY_WITHIN;
use order::service::{Caller, Done, Id, Posted, Problem};
use order::{Command, Line, OrderId, Refusal};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Placement {
    /// By default it is made of the idempotency key.
    order: Option<OrderId>,
    customer: String,
    lines: Vec<Line>,
    freight_cents: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cancellation {
    reason: String,
}

#[derive(Serialize)]
struct Answer {
    order: String,
    #[serde(flatten)]
    done: Done,
}

pub(super) async fn place(
    State(shop): State<Shop>,
    caller: Caller,
    Posted { value, text }: Posted<Placement>,
) -> Result<Response, Problem> {
    let Placement { order, customer, lines, freight_cents } = value;
    let id = match order {
        Some(id) => id,
        None => caller.commit_id().to_string().parse()?,
    };
    let answer = send(&shop, &caller, &id, Command::Place { customer, lines, freight_cents }, &text).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/orders/{id}"))], Json(answer)).into_response())
}

pub(super) async fn ship(
    State(shop): State<Shop>,
    Id(id): Id<OrderId>,
    caller: Caller,
) -> Result<Response, Problem> {
    Ok(Json(send(&shop, &caller, &id, Command::Ship, "").await?).into_response())
}

pub(super) async fn deliver(
    State(shop): State<Shop>,
    Id(id): Id<OrderId>,
    caller: Caller,
) -> Result<Response, Problem> {
    Ok(Json(send(&shop, &caller, &id, Command::Deliver, "").await?).into_response())
}

pub(super) async fn cancel(
    State(shop): State<Shop>,
    Id(id): Id<OrderId>,
    caller: Caller,
    Posted { value: Cancellation { reason }, text }: Posted<Cancellation>,
) -> Result<Response, Problem> {
    Ok(Json(send(&shop, &caller, &id, Command::Cancel { reason }, &text).await?).into_response())
}

async fn send(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    command: Command,
    body: &str,
) -> Result<Answer, Problem> {
    let mut metadata = caller.metadata(body);
    if let Command::Place { .. } = command {
        metadata = metadata.with_header(PAY_WITHIN, format_duration(shop.pay_within).to_string());
    }
    let give = shop.orders.command(id).commit_id(caller.commit_id()).metadata(metadata);
    let outcome = give.send(command).await.map_err(|error| Problem::of_command(error, refused))?;
    Ok(Answer { order: id.to_string(), done: caller.done(body, &outcome)? })
}

fn refused(refusal: Refusal) -> Problem {
    let status = match refusal {
        Refusal::NotPlaced => return no_such_order(),
        Refusal::NoLines | Refusal::InvalidAmount | Refusal::Overpaid => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::AlreadyPlaced
        | Refusal::Cancelled
        | Refusal::AlreadyPaid
        | Refusal::NotPaid
        | Refusal::AlreadyShipped
        | Refusal::AlreadyDelivered
        | Refusal::NotShipped
        | Refusal::AlreadyCancelled => StatusCode::CONFLICT,
    };
    Problem::refused(status, &refusal)
}

pub(super) fn no_such_order() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-order", "no order of this id was ever placed")
}
