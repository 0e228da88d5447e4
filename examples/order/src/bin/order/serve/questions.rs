//! How an order stands.

use super::Shop;
use super::commands::no_such_order;
use axum::Json;
use axum::extract::State;
use es_runtime::Version;
use order::service::{Id, Problem};
use order::{OrderId, Status};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Standing {
    order: String,
    status: Status,
    version: Version,
    total_cents: i64,
    paid_cents: i64,
    left_cents: i64,
}

/// It comes from the order's own stream, so it is never behind what was answered before.
pub(super) async fn order(State(shop): State<Shop>, Id(id): Id<OrderId>) -> Result<Json<Standing>, Problem> {
    let order = shop.orders.load(&id).await?;
    if order.version() == Version::NONE {
        return Err(no_such_order());
    }
    Ok(Json(Standing {
        order: id.to_string(),
        status: order.status(),
        version: order.version(),
        total_cents: order.total_cents(),
        paid_cents: order.paid_cents(),
        left_cents: order.left_cents(),
    }))
}
