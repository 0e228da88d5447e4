//! Two followers of one name would take each other's checkpoint for their own: the lock's test finds them.
#![cfg(feature = "schema")]
#![allow(missing_docs)]

use es_runtime::lock::{LockError, Mode, check};
use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(OrderPlaced))]
pub struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

#[derive(Reaction)]
#[reaction("mail", follows(Order), ignore(OrderPlaced))]
pub struct Mail;

#[derive(Projection)]
#[projection("mail", follows(Order), ignore(OrderPlaced), delivery = AtLeastOnce)]
pub struct Mails;

#[test]
fn two_followers_of_one_name_are_named_with_their_places() {
    let dir = tempfile::tempdir().expect("a directory");
    let error = check(&dir.path().join("events.lock"), &[], &Mode::Accept).map(drop).expect_err("one name");
    let text = error.to_string();
    assert!(matches!(error, LockError::DuplicateName(_)), "{text}");
    assert!(text.contains("both named `mail`"), "{text}");
    assert!(text.contains("the reaction `Mail` (") && text.contains("the projection `Mails` ("), "{text}");
    assert_eq!(text.matches("tests/registry_followers.rs:").count(), 2, "{text}");
}
