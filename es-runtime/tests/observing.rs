//! What an operator sees: spans with ids, versions and counts, and never a payload.
#![allow(missing_docs)]

mod common;

use common::*;
use es_runtime::prelude::*;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event as Message, Metadata as Callsite, Subscriber};

/// Writes down every span, every message and every field.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn write(&self, line: String) {
        self.0.lock().expect("not poisoned").push(line);
    }
}

impl Visit for &Notes {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write(format!("{field}={value:?}"));
    }
}

impl Subscriber for Notes {
    fn enabled(&self, _: &Callsite<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.write(format!("span {}", span.metadata().name()));
        span.record(&mut &*self);
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut &*self);
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, message: &Message<'_>) {
        message.record(&mut &*self);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn spans_tell_what_was_done_and_never_what_it_says() {
    let notes = Notes::default();
    let _guard = tracing::subscriber::set_default(notes.clone());
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    memory.faults().fail_after(1);
    accounts.execute(&id("a"), |account| account.open("a secret")).await.expect("stored");
    let metadata = Metadata::new().with_actor("a secret");
    let mut command = accounts.command(&id("a")).metadata(metadata);
    command = command.commit_id(CommitId::derive(&CommitId::ROOT, "1"));
    command.execute(|account| account.deposit(1)).await.expect("stored");
    let mut subscription = store.subscribe_to::<Opened>().start().await.expect("starts");
    assert_eq!(subscription.next().await.expect("readable").event().owner, "a secret");

    let notes = notes.0.lock().expect("not poisoned").join("\n");
    for expected in [
        "span es.load",
        "span es.decide",
        "span es.append",
        "span es.read",
        "account/a",
        "replayed=1",
        "events=1",
        "is_end=true",
    ] {
        assert!(notes.contains(expected), "{expected} is missing in\n{notes}");
    }
    assert!(!notes.contains("secret"), "{notes}");
    // Nor does a value that finds its way into a log by `Debug`.
    let history = accounts.history(&id("a"), Version::new(1)).await.expect("readable");
    let shown = format!("{:?} {store:?} {accounts:?} {subscription:?}", history.events[0]);
    assert!(!shown.contains("secret"), "{shown}");
}
