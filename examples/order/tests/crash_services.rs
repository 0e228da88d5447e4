//! `kill -9` of either service at any moment, under load: every accepted order ends paid, or cancelled with no money
//! kept; no order is charged twice; and the read model is what the log adds up to.
#![allow(missing_docs)]

mod common;

use common::http::{Answer, Request};
use common::log;
use common::services::*;
use es_runtime::Recorded;
use serde_json::{Value, json};
use servers::postgres::Server;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// How many customers there are at a time.
const CUSTOMERS: u64 = 6;

/// What is still to come, such as a late approval, has come after so long.
const QUIET: Duration = Duration::from_secs(3);

/// Chance, other in each run.
#[derive(Default)]
struct Chance(RandomState, AtomicU64);

impl Chance {
    fn below(&self, limit: u64) -> u64 {
        self.0.hash_one(self.1.fetch_add(1, Ordering::Relaxed)) % limit
    }

    fn millis(&self, limit: u64) -> Duration {
        Duration::from_millis(self.below(limit))
    }
}

/// Where a service listens now. It is another place after each kill.
struct Address(Mutex<String>);

impl Address {
    fn of(service: &Service) -> Self {
        Self(Mutex::new(service.address.clone()))
    }

    fn is_now(&self, service: &Service) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = service.address.clone();
    }

    /// Posts until there is an answer, always under the same key.
    fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let begin = Instant::now();
        loop {
            let address = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match Request::new(&address, "POST", path).key(key).json(body).try_send() {
                Some(answer) if answer.status != 503 => return answer,
                _ => sleep(Duration::from_millis(10)),
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "no answer to {path}");
        }
    }
}

/// What customers do: they order, offer cards of every kind, and change their minds.
fn shop(
    number: u64,
    order: &Address,
    payment: &Address,
    chance: &Chance,
    is_over: &AtomicBool,
) -> Vec<String> {
    let mut accepted = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let id = format!("o-{number}-{}", accepted.len());
        let placed = order.post("/orders", &format!("place {id}"), &placement(&id));
        assert_eq!(placed.status, 201, "{placed:?}");
        accepted.push(id.clone());
        let token = match chance.below(100) {
            0..75 => "tok_approve",
            75..85 => "tok_decline",
            85..90 => "tok_timeout",
            90..98 => "tok_late",
            _ => "",
        };
        if chance.below(20) == 0 {
            sleep(chance.millis(60));
            let reason = json!({ "reason": "changed my mind" });
            let cancelled = order.post(&format!("/orders/{id}/cancel"), &format!("cancel {id}"), &reason);
            assert!([200, 409].contains(&cancelled.status), "{cancelled:?}");
        }
        if !token.is_empty() {
            let offer = json!({ "token": token });
            let offered = payment.post(&format!("/payments/{id}"), &format!("offer {id}"), &offer);
            // It may be cancelled by now.
            assert!([202, 409].contains(&offered.status), "{offered:?}");
        }
        sleep(chance.millis(60));
    }
    accepted
}

/// Kills a service, or both, and starts it again.
fn kill(
    setup: &Setup,
    kills: u32,
    order: &Address,
    payment: &Address,
    mut running: (Service, Service),
    chance: &Chance,
) -> (Service, Service) {
    for _ in 0..kills {
        sleep(chance.millis(700));
        let which = chance.below(5);
        if which != 0 {
            running.0.kill();
        }
        if which != 1 && which != 2 {
            running.1.kill();
        }
        sleep(chance.millis(30));
        if which != 0 {
            running.0 = setup.order();
            order.is_now(&running.0);
        }
        if which != 1 && which != 2 {
            running.1 = setup.payment();
            payment.is_now(&running.1);
        }
    }
    running
}

fn status_of(events: &[Recorded]) -> &'static str {
    let status = |event: &Recorded| match event.name() {
        "order.placed" => Some("placed"),
        "order.paid" => Some("paid"),
        "order.shipped" => Some("shipped"),
        "order.delivered" => Some("delivered"),
        "order.cancelled" => Some("cancelled"),
        _ => None,
    };
    events.iter().rev().find_map(status).unwrap_or("unknown")
}

fn run(kills: u32, setup: impl FnOnce(&Path) -> Setup) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut setup = setup(folder.path());
    setup.order = "--pay-within 10s --lease 500ms --log warn".into();
    setup.payment = "--deadline 100ms --late 200ms --lease 500ms --log warn".into();
    let (chance, is_over, begin) = (Chance::default(), AtomicBool::new(false), Instant::now());
    let running = (setup.order(), setup.payment());
    let (order, payment) = (Address::of(&running.0), Address::of(&running.1));
    let (order, payment, chance, is_over) = (&order, &payment, &chance, &is_over);
    let (accepted, running) = scope(|scope| {
        let customers: Vec<_> = (0..CUSTOMERS)
            .map(|number| scope.spawn(move || shop(number, order, payment, chance, is_over)))
            .collect();
        let running = kill(&setup, kills, order, payment, running, chance);
        is_over.store(true, Ordering::Relaxed);
        let accepted = customers.into_iter().flat_map(|customer| customer.join().expect("it shopped"));
        (accepted.collect::<Vec<_>>(), running)
    });
    let loaded = begin.elapsed();

    let streams = settled(&setup, &accepted);
    check(&setup, &accepted, &streams, &running.0);
    let count =
        |status| accepted.iter().filter(|id| status_of(&streams[&format!("order/{id}")]) == status).count();
    eprintln!(
        "{kills} kills in {:.1} s under load: {} orders accepted, {} paid, {} cancelled; settled after {:.1} s more",
        loaded.as_secs_f64(),
        accepted.len(),
        count("paid"),
        count("cancelled"),
        (begin.elapsed() - loaded - QUIET).as_secs_f64(),
    );
}

/// The log, once every accepted order is paid, or cancelled with no money kept, and nothing more happens.
fn settled(setup: &Setup, accepted: &[String]) -> BTreeMap<String, Vec<Recorded>> {
    let begin = Instant::now();
    let (mut events, mut since) = (0, begin);
    loop {
        let log = log(&setup.store);
        if log.len() != events {
            (events, since) = (log.len(), Instant::now());
        }
        let mut streams = BTreeMap::<String, Vec<Recorded>>::new();
        for event in log {
            streams.entry(event.stream().to_string()).or_default().push(event);
        }
        let taken: BTreeMap<_, _> =
            setup.taken().into_iter().map(|(order, _, refunded)| (order, refunded)).collect();
        let is_open = |id: &&String| match status_of(&streams[&format!("order/{id}")]) {
            "paid" => taken.get(*id) != Some(&false),
            "cancelled" => taken.get(*id) == Some(&false),
            _ => true,
        };
        let open: Vec<_> = accepted.iter().filter(is_open).collect();
        if open.is_empty() && since.elapsed() > QUIET {
            return streams;
        }
        if begin.elapsed() > Duration::from_secs(90) {
            for id in open.iter().take(3) {
                let names = |stream: String| -> Vec<_> {
                    streams.get(&stream).into_iter().flatten().map(|event| event.name().to_string()).collect()
                };
                let (order, payment) = (names(format!("order/{id}")), names(format!("payment/{id}")));
                eprintln!("{id}: {order:?} {payment:?}, refunded: {:?}", taken.get(*id));
            }
            for service in ["order", "payment"] {
                let text = std::fs::read_to_string(setup.folder.join(format!("{service}.log")));
                eprintln!("the log of {service}:\n{}", text.unwrap_or_default());
            }
            panic!("{} of {} orders are not settled", open.len(), accepted.len());
        }
        sleep(Duration::from_millis(100));
    }
}

fn check(setup: &Setup, accepted: &[String], streams: &BTreeMap<String, Vec<Recorded>>, order: &Service) {
    // The gateway has one charge of an order at most, and of the whole amount.
    let taken = setup.taken();
    for (id, amount, _) in &taken {
        assert!(accepted.contains(id), "{id} was charged and never accepted");
        assert_eq!(*amount, 4000, "{id}");
    }
    let keys: BTreeMap<_, _> = taken.iter().map(|(id, _, refunded)| (id, refunded)).collect();
    assert_eq!(keys.len(), taken.len(), "an order was charged twice");

    for id in accepted {
        let (order, payment) = (&streams[&format!("order/{id}")], streams.get(&format!("payment/{id}")));
        let count =
            |events: &[Recorded], name: &str| events.iter().filter(|event| event.name() == name).count();
        assert_eq!(count(order, "order.placed"), 1, "{id}");
        let is_paid = status_of(order) == "paid";
        assert_eq!(count(order, "order.payment_received"), count(order, "order.paid"), "{id}");
        assert!(count(order, "order.paid") <= 1, "{id}");
        let payment = payment.map(Vec::as_slice).unwrap_or_default();
        assert_eq!(count(payment, "payment.requested"), 1, "{id}");
        assert!(count(payment, "payment.succeeded") <= 1, "{id}");
        let kept = count(payment, "payment.succeeded") - count(payment, "payment.refunded");
        assert_eq!(kept, usize::from(is_paid), "{id}: what the payment knows is what the gateway did");
    }

    // The read model is what the log adds up to.
    let mut expected = BTreeMap::<(String, String), i64>::new();
    for (_, events) in streams.iter().filter(|(stream, _)| stream.starts_with("order/")) {
        let day = events[0].recorded_at().to_string()[..10].to_owned();
        *expected.entry((day, status_of(events).to_owned())).or_default() += 1;
    }
    let last = streams.values().flatten().map(Recorded::position).max().expect("an event");
    let summary = order.get(&format!("/summary?at_least={last}")).json();
    let rows = summary["rows"].as_array().unwrap_or_else(|| panic!("{summary}")).iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows =
        rows.map(|row| ((text(&row["day"]), text(&row["status"])), row["orders"].as_i64().unwrap_or(-1)));
    let rows: BTreeMap<_, _> = rows.filter(|(_, orders)| *orders != 0).collect();
    assert_eq!(rows, expected);
}

#[test]
fn a_few_kills_on_a_file() {
    run(8, Setup::on_sqlite);
}

#[test]
fn a_few_kills_on_a_server() {
    run(8, |folder| Setup::on(folder, &Server::shared().new_database()));
}

#[test]
#[ignore = "takes a minute: tests/run --soak"]
fn fifty_kills_on_a_file() {
    run(50, Setup::on_sqlite);
}

#[test]
#[ignore = "takes a minute: tests/run --soak"]
fn fifty_kills_on_a_server() {
    run(50, |folder| Setup::on(folder, &Server::shared().new_database()));
}
