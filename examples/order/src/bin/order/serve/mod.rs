//! `order serve`: orders over HTTP.

mod by_day;
mod commands;
mod questions;

use crate::failure::Failure;
use crate::serve::by_day::Live;
use axum::Router;
use axum::routing::{get, post};
use es_runtime::prelude::*;
use es_runtime::{ReadModel, StartAt};
use order::by_day::OrdersByDay;
use order::service::{REACTIONS, Server, Stopping, retry_parked, start_logging};
use order::{Checkout, Order, Settlement};
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
    pub(crate) lease: Duration,
    pub(crate) log: Level,
}

/// What the handlers of requests share.
#[derive(Clone)]
struct Shop {
    orders: Repository<Order>,
    pay_within: Duration,
    by_day: ReadModel<OrdersByDay>,
    live: Live,
    stopping: Stopping,
}

pub(crate) async fn run(settings: Settings) -> Result<ExitCode, Failure> {
    let Settings { store, listen, pay_within, lease, log } = settings;
    start_logging(log);
    let store = Store::connect(&store).await?;
    let server = Server::listen(listen).await.map_err(Failure::Listen)?;
    let address = server.address().map_err(Failure::Listen)?;

    let by_day = store.projection(OrdersByDay).lease(lease).start().await?;
    let settlement = store.reaction(Settlement).lease(lease).on_failure(REACTIONS);
    let settlement = settlement.start(StartAt::Beginning).await?;
    let checkout = store.workflow::<Checkout>().lease(lease).on_failure(REACTIONS);
    let checkout = checkout.start(StartAt::Beginning).await?;

    let shop = Shop {
        orders: store.repository(),
        pay_within,
        live: Live::start(store, by_day.read_model().clone()),
        by_day: by_day.read_model().clone(),
        stopping: server.stopping(),
    };
    writeln!(stdout(), "order: listening on http://{address}")?;
    let served = tokio::select! {
        served = server.run(router(shop)) => served.map_err(Failure::Listen),
        never = retry_parked(&settlement) => match never {},
        never = retry_parked(&checkout) => match never {},
    };
    checkout.stop().await;
    settlement.stop().await;
    by_day.stop().await;
    served.map(|()| ExitCode::SUCCESS)
}

fn router(shop: Shop) -> Router {
    Router::new()
        .route("/orders", post(commands::place))
        .route("/orders/{id}", get(questions::order))
        .route("/orders/{id}/ship", post(commands::ship))
        .route("/orders/{id}/deliver", post(commands::deliver))
        .route("/orders/{id}/cancel", post(commands::cancel))
        .route("/summary", get(by_day::summary))
        .route("/summary/live", get(by_day::live))
        .with_state(shop)
}
