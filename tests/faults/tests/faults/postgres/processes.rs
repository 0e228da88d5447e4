//! Servers, backends and clients that are killed, and restarts.

use super::scene::Scene;
use super::{HASTE, rounds};
use crate::moment;
use servers::postgres::Server;

fn start() -> (Server, Scene) {
    let server = Server::builder().in_memory().start();
    let scene = Scene::begin(&format!("{}?{HASTE}", server.create_database("tally")));
    (server, scene)
}

#[tokio::test]
#[ignore = "takes long: tests/run --faults"]
async fn a_server_that_is_killed_loses_nothing_that_was_acknowledged() {
    let ((server, mut scene), rounds) = (start(), rounds(4));
    for _ in 0..rounds {
        std::thread::sleep(moment(200));
        server.kill();
        std::thread::sleep(moment(100));
        server.start_again();
        scene.goes_on(20);
    }
    scene.end(format_args!("a server was killed {rounds} times")).await;
}

#[tokio::test]
#[ignore = "takes long: tests/run --faults"]
async fn a_restart_of_the_server_is_got_over() {
    let ((server, mut scene), rounds) = (start(), rounds(4));
    for _ in 0..rounds {
        std::thread::sleep(moment(200));
        server.restart();
        scene.goes_on(20);
    }
    scene.end(format_args!("a server was restarted {rounds} times")).await;
}

#[tokio::test]
#[ignore = "takes long: tests/run --faults"]
async fn a_backend_that_is_ended_or_killed_costs_nothing_but_an_honest_error() {
    let ((server, mut scene), rounds) = (start(), rounds(12));
    for round in 0..rounds {
        std::thread::sleep(moment(100));
        let backends = server.backends("tally");
        let backend = backends[moment(1000).as_micros() as usize % backends.len()];
        if round % 4 == 3 {
            server.kill_backend(backend);
            server.wait_until_ready();
        } else {
            server.terminate_backend(backend);
        }
        scene.goes_on(10);
    }
    assert!(server.log().contains("was terminated by signal 9"), "{}", server.log());
    scene.end(format_args!("{rounds} backends were ended or killed")).await;
}

#[tokio::test]
#[ignore = "takes long: tests/run --faults"]
async fn a_client_that_is_killed_leaves_whole_commits_and_no_locks() {
    let ((server, mut scene), rounds) = (start(), rounds(10));
    for _ in 0..rounds {
        std::thread::sleep(moment(100));
        scene.kill_a_writer();
        scene.goes_on(10);
    }
    scene.end(format_args!("{rounds} clients were killed")).await;
    drop(server);
}
