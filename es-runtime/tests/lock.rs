//! `events.lock` of a program: what is linked, what its past is read as, and two followers of one name.
#![cfg(feature = "schema")]
#![allow(missing_docs)]

use es_runtime::lock::{LockError, Mode, Sample, check};
use es_runtime::prelude::*;
use es_runtime::registry;
use std::path::PathBuf;
use tempfile::TempDir;

/// What a customer is told.
#[event("order.placed")]
pub struct OrderPlacedV1 {
    pub total: String,
}

#[event("order.placed", version = 2, try_from = OrderPlacedV1)]
pub struct OrderPlaced {
    pub total_cents: u64,
}

impl TryFrom<OrderPlacedV1> for OrderPlaced {
    type Error = std::num::ParseIntError;

    fn try_from(old: OrderPlacedV1) -> Result<Self, Self::Error> {
        old.total.parse().map(|total_cents| Self { total_cents })
    }
}

#[event("order.paid", alias = "order.settled")]
pub struct OrderPaid {
    pub by: Means,
}

/// Describes itself, so only samples tell.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(tag = "means")]
pub enum Means {
    Cash,
    Card { last_four: String },
}

#[event("order.bought", into(OrderPlaced, OrderPaid))]
pub struct OrderBought {
    pub total_cents: u64,
}

impl From<OrderBought> for (OrderPlaced, OrderPaid) {
    fn from(old: OrderBought) -> Self {
        (OrderPlaced { total_cents: old.total_cents }, OrderPaid { by: Means::Cash })
    }
}

#[event("order.flagged", retired = "flags moved to the risk service")]
pub struct OrderFlagged {}

/// Asks for the money of an order.
pub struct Pay;

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced, OrderPaid), past(OrderBought, OrderFlagged), commands(Pay))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

impl Handle<Pay> for Order {
    type Decision = Option<OrderPaid>;
    type Error = String;

    fn handle(&self, _: &Pay) -> Result<Option<OrderPaid>, String> {
        Ok(None)
    }
}

/// Welcomes whoever is new.
#[derive(Reaction)]
#[reaction("welcome", follows(Order), ignore(OrderPaid))]
pub struct Welcome;

impl On<OrderPlaced> for Welcome {
    async fn on(&self, _: &Recorded<OrderPlaced>, _: &mut Effects) -> Handled {
        Ok(())
    }
}

fn samples() -> Vec<Sample> {
    vec![
        Sample::of(&OrderPaid { by: Means::Cash }),
        Sample::of(&OrderPaid { by: Means::Card { last_four: "0042".into() } }),
        Sample::of(&OrderPlacedV1 { total: "4000".into() }),
    ]
}

fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("events.lock");
    (dir, path)
}

#[test]
fn everything_that_is_linked_is_in_the_lock() {
    let (_dir, path) = place();
    check(&path, &samples(), &Mode::Accept).expect("the first lock");
    let text = std::fs::read_to_string(&path).expect("it is written");
    for line in [
        "event order.placed v1 $.total text",
        "event order.placed v2 $.total_cents u64",
        r#"as v2 {"total_cents":4000}"#,
        "event order.paid alias order.settled",
        r#"is {"by":{"last_four":"0042","means":"Card"}}"#,
        "event order.bought past others are read in its place",
        r#"as parts [["order.placed",{"total_cents":1}],["order.paid",{"by":{"means":"Cash"}}]]"#,
        "event order.flagged past retired: flags moved to the risk service",
        "aggregate order takes order.flagged",
        "reaction welcome takes order.placed",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(!text.contains("reaction welcome takes order.paid"), "it ignores that");
    assert!(check(&path, &samples(), &Mode::Check).expect("it is recorded").findings.is_empty());
}

#[test]
fn where_a_sample_is_needed_it_is_asked_for() {
    let (_dir, path) = place();
    let error = check(&path, &[], &Mode::Accept).map(drop).expect_err("`Means` describes itself");
    let text = error.to_string();
    assert!(matches!(error, LockError::Breaking(_)), "{text}");
    assert!(text.contains("`order.paid` version 1 cannot be looked at"), "{text}");
    assert!(text.contains("give a sample: `events_lock!(samples = [OrderPaid { .. }])`"), "{text}");
    assert!(!path.exists(), "nothing is written");
}

#[test]
fn the_registry_tells_what_is_said_of_each() {
    let order = registry::aggregates().find(|aggregate| aggregate.name() == "order").expect("it is linked");
    assert_eq!(order.commands()[0].name(), "Pay");
    assert_eq!(order.commands()[0].events(), ["order.paid"]);
    assert_eq!(order.past().len(), 2);
    let welcome = registry::followers().next().expect("it is linked");
    assert_eq!(welcome.doc().trim(), "Welcomes whoever is new.");
    assert!(welcome.origin().to_string().contains("tests/lock.rs:"));
    let first = registry::events().find(|event| event.schema().version() == 1 && event.doc() != "");
    assert_eq!(first.expect("it has a doc comment").doc().trim(), "What a customer is told.");
}
