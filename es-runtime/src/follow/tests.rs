//! What a follower does about an event, by its category, its name and its version.

use super::{Task, task};
use crate::prelude::*;
use crate::{Encoded, Envelope, Format, Position, StreamName, Timestamp};
use std::sync::{Arc, Mutex};

#[event("order.placed", crate = crate)]
struct PlacedV1 {
    cents: u64,
}

#[event("order.placed", version = 2, from = PlacedV1, alias = "order.created", crate = crate)]
struct Placed {
    cents: u64,
    currency: String,
}

impl From<PlacedV1> for Placed {
    fn from(old: PlacedV1) -> Self {
        Self { cents: old.cents, currency: "EUR".to_owned() }
    }
}

#[event("order.paid", crate = crate)]
struct Paid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u64, events(Placed, Paid), crate = crate)]
struct Order {}

impl Apply<Placed> for Order {
    fn apply(&mut self, _: &Placed) {}
}

impl Apply<Paid> for Order {
    fn apply(&mut self, _: &Paid) {}
}

/// What was placed, as it was handled.
#[derive(Projection, Default)]
#[projection("seen", follows(Order), ignore(Paid), delivery = AtLeastOnce, crate = crate)]
struct Seen(Mutex<Vec<String>>);

impl On<Placed> for Seen {
    async fn on(&self, placed: &Recorded<Placed>, attempt: &mut Attempt) -> Handled {
        let Placed { cents, currency } = placed.event();
        self.0
            .lock()
            .expect("nobody panics")
            .push(format!("{cents} {currency}, attempt {}", attempt.number()));
        Ok(())
    }
}

fn stored(category: &str, name: &'static str, schema_version: u16, payload: &str) -> Recorded {
    let envelope = Envelope {
        commit: "6f6bb3a4-1c1c-4f0e-9a52-6f0e0a5a7a10".parse().expect("it is an id"),
        index: 0,
        stream: StreamName::new(category, 1).expect("it is a name"),
        version: Version::new(1),
        position: Position::new(1, 0),
        recorded_at: Timestamp::from_micros(0).expect("it is a time"),
        occurred_at: Timestamp::from_micros(0).expect("it is a time"),
        name: name.into(),
        schema_version,
        metadata: Arc::default(),
    };
    Recorded::from_store(envelope, Encoded::new(Format::Json, payload.as_bytes()))
}

#[tokio::test]
async fn an_event_is_handled_in_its_newest_version_under_all_of_its_names() {
    let seen = Seen::default();
    for event in [
        stored("order", "order.placed", 2, r#"{"cents":3,"currency":"CHF"}"#),
        stored("order", "order.placed", 1, r#"{"cents":5}"#),
        stored("order", "order.created", 1, r#"{"cents":7}"#),
    ] {
        let mut attempt = Attempt::new(2);
        match task(&seen, &event, &mut attempt).expect("it can be read") {
            Task::Handle(handling) => handling.await.expect("it can be handled"),
            Task::Pass | Task::Unknown => panic!("{} is not handled", event.name()),
        }
    }
    let seen = seen.0.into_inner().expect("nobody panics");
    assert_eq!(seen, ["3 CHF, attempt 2", "5 EUR, attempt 2", "7 EUR, attempt 2"]);
}

#[test]
fn what_is_ignored_or_not_followed_is_passed_over_unread() {
    for event in [
        stored("order", "order.paid", 1, "no JSON"),
        stored("order", "order.paid", 9, "{}"),
        stored("invoice", "order.placed", 2, "no JSON"),
    ] {
        let task =
            task(&Seen::default(), &event, &mut Attempt::new(1)).map(|task| matches!(task, Task::Pass));
        assert_eq!(task.ok(), Some(true), "{} of {}", event.name(), event.stream());
    }
}

#[test]
fn a_name_that_no_listed_event_has_is_unknown() {
    let event = stored("order", "order.shipped", 1, "{}");
    let task = task(&Seen::default(), &event, &mut Attempt::new(1)).map(|task| matches!(task, Task::Unknown));
    assert_eq!(task.ok(), Some(true));
}

#[test]
fn what_is_to_be_handled_and_cannot_be_read_is_an_error() {
    for event in [
        stored("order", "order.placed", 2, "no JSON"),
        stored("order", "order.placed", 2, r#"{"cents":3}"#),
        stored("order", "order.placed", 3, "{}"),
    ] {
        let error = task(&Seen::default(), &event, &mut Attempt::new(1)).err();
        assert!(error.is_some(), "version {} was read", event.schema_version());
    }
}
