//! Clients that stop for longer than their timeouts, with a transaction open or in the middle of a batch.

use super::scene::Scene;
use super::{HASTE, rounds};
use crate::writer::Plan;
use crate::{moment, say};
use faults::{Ledger, Loss};
use servers::Signal;
use servers::postgres::Server;
use std::time::Duration;

#[tokio::test]
#[ignore = "takes long: tests/run --faults"]
async fn a_client_that_stops_with_a_transaction_open_holds_nobody_up_for_ever() {
    // What an operator sets for those who bring their own transactions.
    let server = Server::builder().in_memory().setting("idle_in_transaction_session_timeout", "1s").start();
    let url = format!("{}?{HASTE}", server.create_database("tally"));
    server.sql("tally", "CREATE TABLE own (writer bigint, number bigint, PRIMARY KEY (writer, number))");
    let (mut scene, mut ledger) = (Scene::begin(&url), Ledger::default());
    let rounds = rounds(3);
    for round in 0..rounds {
        let number = 2000 + 1000 * round;
        let mut stopped = Plan::new(number, &url).options("--transactions --hold-ms 20 --persist").start();
        stopped.until(|report| report.stored.len() >= 5);
        std::thread::sleep(moment(30));
        stopped.signal(Signal::STOP);
        let in_transaction = "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'";
        let is_open = !server.sql("postgres", in_transaction).is_empty();
        // The others go on meanwhile, on other streams, and so does the reader in the end.
        scene.goes_on(30);
        let (said, seen) = (stopped.report().stored.len(), scene.tail.events());
        std::thread::sleep(Duration::from_millis(1500));
        scene.tail.until(seen + 30);
        stopped.signal(Signal::CONT);
        stopped.until(|report| report.stored.len() >= said + 5);
        let report = stopped.kill().report;
        if is_open {
            assert!(!report.failed.is_empty(), "its session was ended, and it did not notice");
        }
        ledger.take(&report);
        scene.ledger.take(&report);
    }
    scene.end(format_args!("{rounds} clients stopped with a transaction open")).await;

    // What the transactions wrote themselves is there if and only if their commits are.
    let checked = ledger.check(&url, Loss::Nothing).await;
    let (mut own, mut stored) = (server.sql("tally", "SELECT writer, number FROM own"), Vec::new());
    for writer in (0..rounds).map(|round| 2000 + 1000 * round) {
        stored.extend(ledger.stored_by(writer).map(|number| vec![writer.to_string(), number.to_string()]));
    }
    own.sort();
    stored.sort();
    assert_eq!(own, stored, "rows and commits of the same transactions");
    say(format_args!("{} transactions were stored whole: {checked}", own.len()));
}

#[tokio::test]
#[ignore = "takes long: tests/run --faults"]
async fn a_client_that_stops_in_the_middle_of_anything_holds_nobody_up() {
    let server = Server::builder().in_memory().start();
    let url = format!("{}?{HASTE}", server.create_database("tally"));
    let (mut scene, rounds) = (Scene::begin(&url), rounds(8));
    for round in 0..rounds {
        // On the streams of the others.
        let mut stopped = Plan::new(100 + round, &url).options("--concurrency 8 --persist").start();
        stopped.until(|report| report.stored.len() >= 20);
        std::thread::sleep(moment(30));
        stopped.signal(Signal::STOP);
        let seen = scene.tail.events();
        scene.goes_on(20);
        scene.tail.until(seen + 60);
        if round % 4 == 0 {
            // Longer than its timeouts.
            std::thread::sleep(Duration::from_millis(2000));
        }
        let said = stopped.report().stored.len();
        stopped.signal(Signal::CONT);
        stopped.until(|report| report.stored.len() >= said + 20);
        scene.ledger.take(&stopped.kill().report);
    }
    scene.end(format_args!("{rounds} clients stopped")).await;
}
