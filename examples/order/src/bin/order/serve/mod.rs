//! `order serve`: orders over HTTP.

mod commands;
mod questions;

use crate::failure::Failure;
use axum::Router;
use axum::routing::{get, post};
use es_runtime::prelude::*;
use order::Order;
use order::service::{Server, start_logging};
use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tracing::Level;

/// How the service is set up.
pub(crate) struct Settings {
    pub(crate) store: String,
    pub(crate) listen: SocketAddr,
    pub(crate) pay_within: Duration,
    pub(crate) log: Level,
}

/// What the handlers of requests share.
#[derive(Clone)]
struct Shop {
    orders: Repository<Order>,
}

pub(crate) async fn run(settings: Settings) -> Result<ExitCode, Failure> {
    start_logging(settings.log);
    let store = Store::connect(&settings.store).await?;
    let server = Server::listen(settings.listen).await.map_err(Failure::Listen)?;
    let address = server.address().map_err(Failure::Listen)?;
    writeln!(stdout(), "order: listening on http://{address}")?;
    server.run(router(Shop { orders: store.repository() })).await.map_err(Failure::Listen)?;
    Ok(ExitCode::SUCCESS)
}

fn router(shop: Shop) -> Router {
    Router::new()
        .route("/orders", post(commands::place))
        .route("/orders/{id}", get(questions::order))
        .route("/orders/{id}/ship", post(commands::ship))
        .route("/orders/{id}/deliver", post(commands::deliver))
        .route("/orders/{id}/cancel", post(commands::cancel))
        .with_state(shop)
}
