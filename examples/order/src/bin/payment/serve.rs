//! The service: what it is made of.

use crate::cli::Settings;
use crate::failure::Failure;
use crate::gateway::Simulated;
use crate::offers::{Desk, offer, standing};
use axum::Router;
use axum::routing::get;
use es_runtime::prelude::*;
use order::service::{Server, start_logging};
use std::io::{Write, stdout};

pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    start_logging(settings.log);
    let gateway = Simulated::open(&settings.gateway, settings.late)?;
    let store = Store::connect(&settings.store).await?;
    let server = Server::listen(settings.listen).await.map_err(Failure::Listen)?;
    let address = server.address().map_err(Failure::Listen)?;
    let desk = Desk { payments: store.repository(), gateway: gateway.clone() };
    let router = Router::new().route("/payments/{order}", get(standing).post(offer)).with_state(desk);
    writeln!(stdout(), "payment: listening on http://{address}")?;
    server.run(router).await.map_err(Failure::Listen)
}
