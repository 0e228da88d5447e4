//! Connections that are cut, refused or silent.

use super::scene::Scene;
use super::{HASTE, rounds};
use crate::{moment, say};
use es_runtime::{AppendError, Appended, Retry, Store};
use faults::{Failure, Ledger, Line, Loss, Numbered, Report, Tail};
use servers::Proxy;
use servers::postgres::Server;
use std::time::Duration;

#[tokio::test]
#[ignore = "takes long: tests/run --faults"]
async fn connections_that_are_cut_refused_or_silent_cost_nothing_but_honest_errors() {
    let (server, rounds) = (Server::builder().in_memory().start(), rounds(12));
    let proxy = Proxy::new(server.port());
    server.create_database("tally");
    let mut scene = Scene::begin(&format!("{}?{HASTE}", server.url_at(proxy.port(), "tally")));
    for round in 0..rounds {
        std::thread::sleep(moment(50));
        match round % 4 {
            0 => proxy.cut(),
            1 => {
                proxy.refuse(true);
                proxy.cut();
                std::thread::sleep(moment(300));
                proxy.refuse(false);
            }
            2 => {
                // What was said before reaches the server when its client has long given up.
                proxy.pause();
                std::thread::sleep(Duration::from_millis(1600) + moment(200));
                proxy.resume();
            }
            _ => {
                proxy.stop_answers();
                std::thread::sleep(moment(300));
                proxy.answer();
            }
        }
        scene.goes_on(10);
    }
    assert!(proxy.counts().swallowed > 0, "no answer was swallowed");
    scene.end(format_args!("connections were disturbed {rounds} times")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_unknown_and_sent_again_is_stored_once() {
    let server = Server::shared();
    let proxy = Proxy::new(server.port());
    server.create_database("lost_answers");
    let there = format!("{}?timeout_ms=300&patience_ms=2000", server.url_at(proxy.port(), "lost_answers"));
    let direct = server.url("lost_answers");
    let store = Store::builder().retry(Retry::never()).connect(&there).await.expect("a store");
    let (other, tail) = (Store::connect(&direct).await.expect("the same"), Tail::follow(&direct));
    let (mut ledger, mut report) = (Ledger::default(), Report::new(0));
    // So that each of the others finds a connection.
    let first = store.append(report.commit(0).commit(0)).await.expect("nothing is in the way");
    report.take(Line::Stored(0, first.range().last.get()));
    for number in 1..=20 {
        let commit = Numbered { writer: 0, number };
        // Once the server hears of it and nobody hears the server, once it hears of it too late.
        let is_heard = number % 2 == 0;
        if is_heard {
            proxy.stop_answers()
        } else {
            proxy.pause()
        }
        let error = store.append(commit.commit(0)).await.expect_err("no answer came");
        assert!(matches!(error, AppendError::Unknown { .. }), "{error}");
        report.take(Line::Failed(number, Failure::from(&error)));
        let found = other.find_commit(commit.id()).await.expect("an answer");
        assert_eq!(found.is_some(), is_heard, "{commit}");
        if is_heard {
            proxy.answer()
        } else {
            proxy.resume()
        }

        let again = store.append(commit.commit(0)).await.unwrap_or_else(|error| panic!("{commit}: {error}"));
        if is_heard {
            assert!(matches!(again, Appended::AlreadyCommitted(_)), "{commit}: {again:?}");
        }
        report.take(Line::Stored(number, again.range().last.get()));
    }
    ledger.take(&report);
    let checked = ledger.check(&direct, Loss::Nothing).await;
    let seen = tail.finish(&direct).await;
    say(format_args!("20 answers were lost: {checked}; {seen}"));
}
