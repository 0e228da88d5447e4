//! Orders over HTTP: what each path does, and each problem that it has.
#![allow(missing_docs)]

mod common;

use common::services::*;
use common::{events_of, log};
use serde_json::{Value, json};

struct Shop {
    setup: Setup,
    order: Service,
    _folder: tempfile::TempDir,
}

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let setup = Setup::on_sqlite(folder.path());
        Self { order: setup.order(), setup, _folder: folder }
    }

    fn count(&self) -> usize {
        events_of(&self.setup.store).values().map(Vec::len).sum()
    }

    /// Pays with the program that needs no card.
    fn pay(&self, order: &str) {
        let line = format!(
            r#"{{"at": "2026-01-01T00:00:00Z", "order": "{order}", "command": "pay", "amount_cents": 4000, "method": "cash"}}"#
        );
        let file = self.setup.folder.join("pay.jsonl");
        std::fs::write(&file, line).expect("writable");
        let import = std::process::Command::new(env!("CARGO_BIN_EXE_order"))
            .args(["import", "pay.jsonl", "--as", order, "--store", &self.setup.store])
            .current_dir(&self.setup.folder)
            .output();
        assert!(import.expect("it runs").status.success());
    }
}

fn without_position(mut answer: Value) -> Value {
    let position = answer.as_object_mut().and_then(|answer| answer.remove("position"));
    assert!(position.is_some_and(|position| position.as_str().is_some_and(|text| text.contains('.'))));
    answer
}

#[test]
fn an_order_is_placed_shipped_and_delivered() {
    let shop = Shop::open();
    let placed = shop.order.post("/orders", "p-1", placement("o-1"));
    assert_eq!((placed.status, placed.header("location")), (201, Some("/orders/o-1")));
    let expected = json!({ "order": "o-1", "version": 1, "events": ["order.placed"] });
    assert_eq!(without_position(placed.json()), expected);
    let standing = json!({
        "order": "o-1", "status": "placed", "version": 1,
        "total_cents": 4000, "paid_cents": 0, "left_cents": 4000,
    });
    assert_eq!(shop.order.get("/orders/o-1").json(), standing);

    assert_eq!(shop.order.request("POST", "/orders/o-1/ship").key("s-1").send().problem(409), "not-paid");
    shop.pay("o-1");
    for (what, event) in [("ship", "order.shipped"), ("deliver", "order.delivered")] {
        let answer = shop.order.request("POST", &format!("/orders/o-1/{what}")).key(what).send();
        assert_eq!((answer.status, &answer.json()["events"]), (200, &json!([event])));
    }
    assert_eq!(shop.order.get("/orders/o-1").json()["status"], "delivered");
}

#[test]
fn an_order_is_cancelled_once() {
    let shop = Shop::open();
    shop.order.post("/orders", "p-1", placement("o-1"));
    let reason = json!({ "reason": "the cups are blue" });
    let cancelled = shop.order.post("/orders/o-1/cancel", "c-1", reason.clone());
    assert_eq!((cancelled.status, &cancelled.json()["events"]), (200, &json!(["order.cancelled"])));
    assert_eq!(shop.order.post("/orders/o-1/cancel", "c-2", reason).problem(409), "already-cancelled");
    assert_eq!(shop.order.request("POST", "/orders/o-1/ship").key("s").send().problem(409), "cancelled");
}

#[test]
fn an_order_without_an_id_is_given_one_by_its_key() {
    let shop = Shop::open();
    let mut body = placement("");
    body.as_object_mut().expect("an object").remove("order");
    let placed = shop.order.post("/orders", "p-1", body.clone());
    assert_eq!(placed.status, 201);
    let location = placed.header("location").expect("where it is").to_owned();
    assert_eq!(shop.order.get(&location).json()["order"], placed.json()["order"]);
    assert_eq!(shop.order.post("/orders", "p-1", body.clone()).header("location"), Some(&*location));
    assert_ne!(shop.order.post("/orders", "p-2", body).header("location"), Some(&*location));
}

#[test]
fn what_is_sent_twice_is_done_once() {
    let shop = Shop::open();
    let first = shop.order.post("/orders", "p-1", placement("o-1"));
    // The same in other words: fields in another order, and the key as a structured field.
    let text = placement("o-1").to_string().replace(',', " , ");
    for key in ["p-1", "\"p-1\""] {
        let again = shop.order.request("POST", "/orders").key(key).json(&text).send();
        assert_eq!((again.status, again.json()), (201, first.json()));
    }
    assert_eq!(shop.count(), 1);

    // Another request under the same key is told so, whatever it asks and of which order.
    let mut other = placement("o-1");
    other["customer"] = json!("eve");
    assert_eq!(shop.order.post("/orders", "p-1", other).problem(422), "idempotency-key-reused");
    let reused = shop.order.post("/orders", "p-1", placement("o-2")).problem(422);
    assert_eq!(reused, "idempotency-key-reused");
    let reused = shop.order.post("/orders/o-1/cancel", "p-1", json!({ "reason": "" })).problem(422);
    assert_eq!(reused, "idempotency-key-reused");
    assert_eq!(shop.count(), 1);

    // What was refused left no trace, and is decided again.
    assert_eq!(shop.order.request("POST", "/orders/o-1/ship").key("s").send().problem(409), "not-paid");
    shop.pay("o-1");
    assert_eq!(shop.order.request("POST", "/orders/o-1/ship").key("s").send().status, 200);
}

#[test]
fn a_request_that_makes_no_sense_is_a_problem_and_no_event() {
    let shop = Shop::open();
    let order = &shop.order;
    let post = |body: &str| order.request("POST", "/orders").key("p-1").json(body).send();
    for malformed in ["", "{", "nonsense", "{} {}"] {
        assert_eq!(post(malformed).problem(400), "malformed-json", "{malformed}");
    }
    for invalid in ["[]", "{}", r#"{"customer": "ada", "lines": [], "freight_cents": "much"}"#, "null"] {
        assert_eq!(post(invalid).problem(422), "invalid-body", "{invalid}");
    }
    let mut unknown_field = placement("o-1");
    unknown_field["token"] = json!("tok_approve");
    assert_eq!(post(&unknown_field.to_string()).problem(422), "invalid-body");
    for (field, value, problem) in [
        ("lines", json!([]), "no-lines"),
        ("freight_cents", json!(-1), "invalid-amount"),
        ("order", json!(""), "invalid-body"),
        ("order", json!("x".repeat(300)), "invalid-body"),
    ] {
        let mut body = placement("o-1");
        body[field] = value;
        assert_eq!(post(&body.to_string()).problem(422), problem, "{body}");
    }
    let large = placement(&"x".repeat(300 << 10)).to_string();
    assert_eq!(post(&large).problem(413), "too-large");

    let keyless = order.request("POST", "/orders").json(placement("o-1")).send();
    assert_eq!(keyless.problem(400), "idempotency-key-missing");
    assert_eq!(order.post("/orders", "\"\"", placement("o-1")).problem(400), "idempotency-key-missing");
    let long = order.post("/orders", &"k".repeat(256), placement("o-1"));
    assert_eq!(long.problem(400), "idempotency-key-too-long");
    let not_json = order.request("POST", "/orders").key("p-1").send();
    assert_eq!(not_json.problem(415), "not-json");

    assert_eq!(order.get("/orders/o-7").problem(404), "no-such-order");
    let unknown = order.request("POST", "/orders/o-7/ship").key("s").send();
    assert_eq!(unknown.problem(404), "no-such-order");
    assert_eq!(order.get("/orders/%00").problem(400), "invalid-id");
    assert_eq!(order.get("/nowhere").problem(404), "not-found");
    let method = order.request("DELETE", "/orders/o-1").send();
    assert_eq!(method.problem(405), "method-not-allowed");
    assert!(method.header("allow").is_some_and(|allowed| allowed.contains("GET")), "{method:?}");
    assert_eq!(shop.count(), 0);

    assert_eq!(order.post("/orders", "p-1", placement("o-1")).status, 201);
    assert_eq!(order.post("/orders", "p-2", placement("o-1")).problem(409), "already-placed");
}

#[test]
fn a_store_that_is_away_is_told_apart_from_a_request_that_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = servers::postgres::Server::start();
    let setup = Setup::on(folder.path(), &format!("{}?patience_ms=500", server.new_database()));
    let order = setup.order();
    assert_eq!(order.post("/orders", "p-1", placement("o-1")).status, 201);
    server.kill();
    for answer in [order.get("/orders/o-1"), order.post("/orders", "p-2", placement("o-2"))] {
        let problem = answer.problem(503);
        assert!(["unavailable", "outcome-unknown"].contains(&&*problem), "{problem}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        // It may tell who asked, but not where the store is.
        assert!(!answer.body.contains("127.0.0.1") && !answer.body.contains("postgres"), "{answer:?}");
    }
}

#[test]
fn what_a_request_says_of_itself_is_in_the_events() {
    let shop = Shop::open();
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = shop.order.request("POST", "/orders").key("p-1").header("traceparent", traceparent);
    request.header("X-Correlation-ID", "checkout-7").json(placement("o-1")).send();
    let stored = log(&shop.setup.store);
    let metadata = stored[0].metadata();
    assert_eq!(metadata.correlation_id(), Some("checkout-7"));
    assert_eq!(metadata.causation_id(), Some("http:p-1"));
    let stored = metadata.traceparent().expect("a trace");
    assert!(
        stored.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && stored.ends_with("-01"),
        "{stored}"
    );
    assert_ne!(stored, traceparent, "the request has a span of its own");
}

#[test]
fn it_ends_when_it_is_told_to() {
    let shop = Shop::open();
    assert_eq!(shop.order.post("/orders", "p-1", placement("o-1")).status, 201);
    assert_eq!(shop.order.stop(), Some(0));
}
