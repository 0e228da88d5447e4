//! The catalog in `docs` is what the program is, and what it says of events holds for their golden payloads.
#![allow(missing_docs)]

mod common;

use common::Folder;
use serde_json::Value;
use std::fs;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");

fn read(name: &str) -> String {
    fs::read_to_string(format!("{DOCS}/{name}")).expect("it is there")
}

fn json(name: &str) -> Value {
    serde_json::from_str(&read(name)).expect("JSON")
}

#[test]
fn the_catalog_is_what_the_program_is() {
    let said = Folder::new().run(&format!("docs {DOCS} --check"));
    assert_eq!(said.status, 0, "{}", said.err);
}

#[test]
fn a_file_that_differs_is_named_with_what_mends_it() {
    let folder = Folder::new();
    let missing = folder.run("docs docs --check");
    assert_eq!(missing.status, 1);
    assert_eq!(
        missing.err,
        "order: the catalog in docs is not what this program is: asyncapi.json is missing, catalog.md is missing, \
         events.schema.json is missing, flow.mmd is missing; run `cargo run -p order -- docs docs` and commit what \
         it writes\n"
    );
    assert_eq!(folder.ok("docs docs").lines().count(), 4);
    assert_eq!(folder.ok("docs docs --check"), "");

    let page = fs::read_to_string(folder.path("docs/catalog.md")).expect("it is there");
    folder.write("docs/catalog.md", page.replace("A customer placed the order.", "Somebody did."));
    let said = folder.run("docs docs --check");
    assert_eq!(said.status, 1);
    assert!(said.err.contains(": catalog.md differs from line "), "{}", said.err);
}

#[test]
fn consumers_of_both_services_are_in_it_with_what_they_take() {
    let flow = read("flow.mmd");
    for consumer in ["payment-requests", "payment-cashier", "order-settlement", "checkout", "orders-by-day"] {
        assert!(flow.contains(&format!(" {consumer}\"}}}}")), "{consumer}");
    }
    let edge = |from: &str, to: &str| flow.lines().any(|line| line.trim() == format!("{from} --> {to}"));
    assert!(edge("command_order_20CancelUnpaid", "aggregate_order"));
    assert!(edge("aggregate_order", "event_order_2eplaced"));
    assert!(edge("event_order_2eplaced", "projection_orders_2dby_2dday"));
    // It is ignored.
    assert!(!edge("event_order_2epayment_5freceived", "projection_orders_2dby_2dday"));
}

#[test]
fn every_reference_leads_somewhere() {
    for name in ["asyncapi.json", "events.schema.json"] {
        let document = json(name);
        let mut references = Vec::new();
        collect(&document, &mut references);
        for reference in references {
            let pointer = reference.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{name}: {reference}");
        }
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[test]
fn consumers_receive_from_channels_what_is_on_them() {
    let document = json("asyncapi.json");
    assert_eq!(document["asyncapi"], "3.0.0");
    let operation = &document["operations"]["reaction.order-settlement.payment"];
    assert_eq!(operation["action"], "receive");
    assert_eq!(operation["channel"]["$ref"], "#/channels/payment");
    let messages = operation["messages"].as_array().expect("a list");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["$ref"], "#/channels/payment/messages/payment.succeeded.v1");
}
