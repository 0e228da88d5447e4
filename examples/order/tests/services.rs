//! The whole story, by two programs on one store that know nothing of each other but events.
#![allow(missing_docs)]

mod common;

use common::log;
use common::services::*;
use es_runtime::Recorded;
use serde_json::{Value, json};
use servers::postgres::Server;

struct Shop {
    setup: Setup,
    order: Service,
    payment: Service,
    _folder: tempfile::TempDir,
}

impl Shop {
    fn on_sqlite() -> Self {
        Self::open(Setup::on_sqlite)
    }

    fn open(setup: impl FnOnce(&std::path::Path) -> Setup) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let setup = setup(folder.path());
        Self { order: setup.order(), payment: setup.payment(), setup, _folder: folder }
    }

    fn place(&self, order: &str) -> Value {
        let placed = self.order.post("/orders", &format!("place {order}"), placement(order));
        assert_eq!(placed.status, 201, "{placed:?}");
        placed.json()
    }

    fn offer(&self, order: &str, token: &str) {
        let path = format!("/payments/{order}");
        let offered = self.payment.post(&path, &format!("offer {order}"), json!({ "token": token }));
        assert_eq!((offered.status, &offered.json()["order"]), (202, &json!(order)), "{offered:?}");
    }

    #[track_caller]
    fn order_becomes(&self, order: &str, status: &str) {
        let path = format!("/orders/{order}");
        eventually(&format!("{order} {status}"), || self.order.get(&path).json()["status"] == status);
    }

    #[track_caller]
    fn payment_becomes(&self, order: &str, status: &str) -> Value {
        let path = format!("/payments/{order}");
        eventually(&format!("the payment of {order} {status}"), || {
            self.payment.get(&path).json()["status"] == status
        });
        self.payment.get(&path).json()
    }

    fn stream(&self, stream: &str) -> Vec<Recorded> {
        log(&self.setup.store).into_iter().filter(|event| event.stream().to_string() == stream).collect()
    }

    fn names(&self, stream: &str) -> Vec<String> {
        self.stream(stream).iter().map(|event| event.name().to_string()).collect()
    }
}

fn the_story(shop: &Shop) {
    shop.place("o-1");
    assert_eq!(shop.payment_becomes("o-1", "requested")["amount_cents"], 4000);
    shop.offer("o-1", "tok_approve");
    shop.order_becomes("o-1", "paid");
    for what in ["ship", "deliver"] {
        let path = format!("/orders/o-1/{what}");
        assert_eq!(shop.order.request("POST", &path).key(what).send().status, 200);
    }
    assert_eq!(
        shop.names("order/o-1"),
        ["order.placed", "order.payment_received", "order.paid", "order.shipped", "order.delivered"]
    );
    let names = ["payment.requested", "payment.card_offered", "payment.succeeded"];
    assert_eq!(shop.names("payment/o-1"), names);

    shop.place("o-2");
    shop.offer("o-2", "tok_decline");
    shop.order_becomes("o-2", "cancelled");
    assert_eq!(shop.payment_becomes("o-2", "revoked")["failed"], "declined");

    shop.place("o-3");
    shop.offer("o-3", "tok_timeout");
    shop.order_becomes("o-3", "cancelled");
    assert_eq!(shop.payment_becomes("o-3", "revoked")["failed"], "timed_out");

    shop.place("o-4");
    shop.offer("o-4", "tok_late");
    shop.order_becomes("o-4", "cancelled");
    assert_eq!(shop.payment_becomes("o-4", "refunded")["failed"], "timed_out");

    shop.place("o-5");
    shop.offer("o-5", "tok_approve");
    shop.order_becomes("o-5", "paid");
    shop.order.post("/orders/o-5/cancel", "c", json!({ "reason": "the cups are blue" }));
    shop.payment_becomes("o-5", "refunded");

    let taken = |order: &str, refunded| (order.to_owned(), 4000, refunded);
    assert_eq!(shop.setup.taken(), [taken("o-1", false), taken("o-4", true), taken("o-5", true)]);
    for event in log(&shop.setup.store) {
        let (payload, metadata) = (format!("{:?}", event.event()), format!("{:?}", event.metadata()));
        assert!(!payload.contains("tok_") && !metadata.contains("tok_"), "{event:?}");
    }
}

#[test]
fn on_a_file() {
    the_story(&Shop::on_sqlite());
}

#[test]
fn on_a_server() {
    the_story(&Shop::open(|folder| Setup::on(folder, &Server::shared().new_database())));
}

#[test]
fn a_card_may_come_before_the_order() {
    let shop = Shop::on_sqlite();
    shop.offer("o-1", "tok_approve");
    assert_eq!(shop.payment.get("/payments/o-1").json()["status"], "not_requested");
    assert!(shop.setup.taken().is_empty());
    shop.place("o-1");
    shop.order_becomes("o-1", "paid");
}

#[test]
fn a_service_that_was_away_catches_up() {
    let mut shop = Shop::on_sqlite();
    shop.payment.kill();
    shop.place("o-1");
    shop.payment = shop.setup.payment();
    shop.payment_becomes("o-1", "requested");
    shop.order.kill();
    shop.offer("o-1", "tok_approve");
    shop.payment_becomes("o-1", "succeeded");
    shop.order = shop.setup.order();
    shop.order_becomes("o-1", "paid");
}

#[test]
fn an_order_that_nobody_pays_is_cancelled_when_its_time_is_up() {
    let in_a_second = |folder: &std::path::Path| {
        let order = "--pay-within 1s --lease 500ms".to_owned();
        Setup { order, ..Setup::on_sqlite(folder) }
    };
    let mut shop = Shop::open(in_a_second);
    shop.place("o-1");
    shop.place("o-2");
    shop.offer("o-2", "tok_approve");
    // The timer is in the store: it runs out in a program that did not set it, and has other settings.
    shop.order_becomes("o-2", "paid");
    shop.order.kill();
    shop.setup.order = "--pay-within 1h --lease 500ms".to_owned();
    shop.order = shop.setup.order();
    shop.order_becomes("o-1", "cancelled");
    assert_eq!(shop.names("checkout/o-1"), ["checkout.payment_overdue"]);
    assert_eq!(shop.names("checkout/o-2"), [""; 0]);
    assert_eq!(shop.order.get("/orders/o-2").json()["status"], "paid");
    shop.payment_becomes("o-1", "revoked");
}

#[test]
fn what_cannot_be_offered_is_a_problem() {
    let shop = Shop::on_sqlite();
    let offer = |order: &str, key: &str, token: &str| {
        shop.payment.post(&format!("/payments/{order}"), key, json!({ "token": token }))
    };
    assert_eq!(shop.payment.get("/payments/o-1").problem(404), "no-such-payment");
    shop.place("o-1");
    assert_eq!(offer("o-1", "1", "4242424242424242").problem(422), "unknown-card");
    let first = offer("o-1", "1", "tok_approve");
    assert_eq!(first.status, 202);
    let again = offer("o-1", "1", "tok_approve");
    assert_eq!((again.status, again.json()), (202, first.json()));
    assert_eq!(offer("o-1", "1", "tok_decline").problem(422), "idempotency-key-reused");
    assert_eq!(offer("o-2", "1", "tok_approve").problem(422), "idempotency-key-reused");
    assert_eq!(offer("o-1", "2", "tok_approve").problem(409), "card-offered-before");

    shop.place("o-3");
    shop.order.post("/orders/o-3/cancel", "c", json!({ "reason": "" }));
    shop.payment_becomes("o-3", "revoked");
    assert_eq!(offer("o-3", "3", "tok_approve").problem(409), "revoked");

    let post = |body: &str| shop.payment.request("POST", "/payments/o-1").key("4").json(body).send();
    assert_eq!(post("{").problem(400), "malformed-json");
    assert_eq!(post("{}").problem(422), "invalid-body");
    let keyless = shop.payment.request("POST", "/payments/o-1").json(r#"{"token": "tok_approve"}"#).send();
    assert_eq!(keyless.problem(400), "idempotency-key-missing");
}

#[test]
fn a_trace_goes_from_the_request_through_the_events_to_the_other_service() {
    let shop = Shop::on_sqlite();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = shop.order.request("POST", "/orders").key("p").header("X-Correlation-ID", "checkout-7");
    let traced = request.header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"));
    assert_eq!(traced.json(placement("o-1")).send().status, 201);
    shop.payment_becomes("o-1", "requested");

    // Each event is stored in a span of its own, below that of the event that caused it.
    let (placed, requested) = (&shop.stream("order/o-1")[0], &shop.stream("payment/o-1")[0]);
    let span = |event: &Recorded| {
        let traceparent = event.metadata().traceparent().expect("a trace");
        let parts: Vec<_> = traceparent.split('-').collect();
        assert_eq!((parts[1], parts[3]), (trace, "01"), "{traceparent}");
        parts[2].to_owned()
    };
    let line = |service: &Service, what: &str| {
        let log = service.log();
        let line = log.lines().find(|line| line.contains(trace) && line.contains(what));
        line.unwrap_or_else(|| panic!("no {what} in {log}")).to_owned()
    };
    let (of_order, of_payment) = (span(placed), span(requested));
    let in_order = line(&shop.order, "answered");
    assert!(in_order.contains(&format!("span_id={of_order}")), "{in_order}");
    assert!(in_order.contains("parent_id=00f067aa0ba902b7"), "{in_order}");
    let in_payment = line(&shop.payment, "requested a payment");
    assert!(in_payment.contains(&format!("span_id={of_payment}")), "{in_payment}");
    assert!(in_payment.contains(&format!("parent_id={of_order}")), "{in_payment}");

    assert_eq!(requested.metadata().correlation_id(), Some("checkout-7"));
    assert_eq!(requested.metadata().causation_id(), Some(&*placed.id().to_string()));
    // What the payment does to the order belongs to the customer's other request.
    shop.offer("o-1", "tok_approve");
    shop.order_becomes("o-1", "paid");
    let (offered, succeeded) = (&shop.stream("payment/o-1")[1], &shop.stream("payment/o-1")[2]);
    assert_eq!(succeeded.metadata().causation_id(), Some(&*offered.id().to_string()));
    assert_eq!(shop.stream("order/o-1")[1].metadata().causation_id(), Some(&*succeeded.id().to_string()));
}
