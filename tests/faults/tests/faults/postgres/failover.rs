//! A standby that takes the place of its primary.

use super::scene::Scene;
use super::{HASTE, rounds};
use servers::postgres::Server;
use servers::{Proxy, Signal};
use std::time::Duration;

/// A primary with a store, and a standby that has what is acknowledged.
fn start() -> (Server, Server) {
    let primary = Server::builder().in_memory().start();
    primary.create_database("tally");
    let standby = primary.synchronous_standby();
    (primary, standby)
}

fn both(one: &Server, other: &Server) -> String {
    let (one, other) = (one.port(), other.port());
    format!("postgres://postgres@127.0.0.1:{one},127.0.0.1:{other}/tally?{HASTE}")
}

fn alone(server: &Server) -> String {
    server.url("tally")
}

#[tokio::test]
#[ignore = "takes long: tests/run --faults"]
async fn a_standby_that_is_promoted_has_all_that_was_acknowledged() {
    for round in 0..rounds(2) {
        let (primary, standby) = start();
        let mut scene = Scene::begin(&both(&primary, &standby));
        scene.goes_on(30 + 10 * round as usize);
        primary.kill();
        standby.promote();
        scene.goes_on(30);
        scene.end_at(&alone(&standby), "a primary was killed, its standby promoted").await;
    }
}

#[tokio::test]
#[ignore = "takes long: tests/run --faults"]
async fn clients_that_a_proxy_leads_to_the_promoted_standby_go_on_there() {
    for _ in 0..rounds(1) {
        let (primary, standby) = start();
        let proxy = Proxy::new(primary.port());
        let mut scene = Scene::begin(&format!("{}?{HASTE}", primary.url_at(proxy.port(), "tally")));
        scene.goes_on(30);
        primary.kill();
        // As an operator does who is not in a hurry: it leads them there while it is still a standby.
        proxy.lead_to(standby.port());
        proxy.cut();
        standby.promote();
        scene.goes_on(30);
        scene.end_at(&alone(&standby), "clients were led from a primary to its standby").await;
    }
}

#[tokio::test]
#[ignore = "takes long: tests/run --faults"]
async fn a_primary_that_comes_back_after_its_standby_was_promoted_acknowledges_nothing() {
    for _ in 0..rounds(1) {
        let (primary, standby) = start();
        // In this order: a server that is stopped still takes connections, and then says nothing.
        let mut scene = Scene::begin(&both(&standby, &primary));
        scene.goes_on(30);
        primary.signal(Signal::STOP);
        standby.promote();
        scene.goes_on(30);
        // Nobody told it that it is no primary any more: it does what it was asked before.
        primary.signal(Signal::CONT);
        std::thread::sleep(Duration::from_secs(2));
        primary.kill();
        scene.goes_on(30);
        scene.end_at(&alone(&standby), "a primary stopped and came back").await;
    }
}
