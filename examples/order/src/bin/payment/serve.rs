//! The service: what it is made of.

use crate::cli::Settings;
use crate::failure::Failure;
use crate::latecomers::await_latecomers;
use crate::offers::{Desk, offer, standing};
use axum::Router;
use axum::routing::get;
use es_runtime::StartAt;
use es_runtime::prelude::*;
use order::payment::gateway::{Gateway, Simulated};
use order::payment::{Cashier, Requests};
use order::service::{REACTIONS, Server, retry_parked, start_logging};
use std::io::{Write, stdout};
use std::sync::Arc;

/// How many cards are charged at a time. The gateway may take its time with each.
const CASHIERS: u32 = 8;

pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let Settings { store, listen, gateway, deadline, late, lease, log } = settings;
    start_logging(log);
    let gateway: Arc<dyn Gateway> = Arc::new(Simulated::open(&gateway, late)?);
    let store = Store::connect(&store).await?;
    let server = Server::listen(listen).await.map_err(Failure::Listen)?;
    let address = server.address().map_err(Failure::Listen)?;

    let requests = store.reaction(Requests).lease(lease).on_failure(REACTIONS);
    let requests = requests.start(StartAt::Beginning).await?;
    let cashier = Cashier { gateway: Arc::clone(&gateway), deadline };
    let cashier = store.reaction(cashier).partitions(CASHIERS).lease(lease).on_failure(REACTIONS);
    let cashier = cashier.start(StartAt::Beginning).await?;
    let latecomers = tokio::spawn(await_latecomers(store.repository(), Arc::clone(&gateway)));

    let desk = Desk { payments: store.repository(), gateway };
    let router = Router::new().route("/payments/{order}", get(standing).post(offer)).with_state(desk);
    writeln!(stdout(), "payment: listening on http://{address}")?;
    let served = tokio::select! {
        served = server.run(router) => served.map_err(Failure::Listen),
        never = retry_parked(&requests) => match never {},
        never = retry_parked(&cashier) => match never {},
    };
    latecomers.abort();
    cashier.stop().await;
    requests.stop().await;
    served
}
