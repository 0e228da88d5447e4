//! Clocks that jump: the server's, and its clients'.

use super::HASTE;
use super::scene::Scene;
use crate::clock::FakeClock;
use servers::postgres::Server;

const JUMPS: [&str; 5] = ["-2h", "+400d", "+0", "-10d", "+1h"];

#[tokio::test]
#[ignore = "needs libfaketime: tests/run --faults"]
async fn a_servers_clock_that_jumps_harms_nothing_and_never_goes_back_within_a_stream() {
    let clock = FakeClock::new();
    let mut builder = Server::builder().in_memory();
    for (name, value) in clock.environment() {
        builder = builder.environment(&name, &value);
    }
    let server = builder.start();
    let mut scene = Scene::begin(&format!("{}?{HASTE}", server.create_database("tally")));
    for by in JUMPS {
        clock.jump(by);
        scene.goes_on(20);
    }
    let days = scene.end("the server's clock jumped five times").await.days;
    assert!(days >= 400, "the clock was right all the time: {days} days");
}

#[tokio::test]
#[ignore = "needs libfaketime: tests/run --faults"]
async fn a_clients_clock_that_jumps_harms_nothing() {
    let (clock, server) = (FakeClock::new(), Server::builder().in_memory().start());
    let url = format!("{}?{HASTE}", server.create_database("tally"));
    let mut scene = Scene::begin_with(&url, clock.environment());
    for by in JUMPS {
        clock.jump(by);
        scene.goes_on(20);
    }
    scene.end("the clients' clocks jumped five times").await;
}
