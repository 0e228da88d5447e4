//! Commits to write, with as little said about them as a rule needs.

use crate::{
    Commit, CommitId, Encoded, Expected, Format, Metadata, NewEvent, NonEmpty, StreamName, Timestamp, Version,
};
use std::fmt::Display;
use std::sync::Arc;

/// The stream of `key` in the category `order`.
pub fn stream(key: impl Display) -> StreamName {
    StreamName::new("order", key).expect("a valid name")
}

/// The id that belongs to `name`.
pub fn id(name: impl Display) -> CommitId {
    CommitId::derive(&CommitId::ROOT, &name.to_string())
}

/// An event that says `text`.
pub fn event(name: &'static str, text: impl Display) -> NewEvent {
    NewEvent {
        name: name.into(),
        schema_version: 1,
        payload: payload(format!("{{\"text\":\"{text}\"}}").into_bytes()),
        metadata: Arc::new(Metadata::new()),
        occurred_at: Timestamp::EPOCH,
    }
}

/// A payload of these bytes. No store looks into them.
pub fn payload(bytes: impl Into<Arc<[u8]>>) -> Encoded {
    Encoded::new(Format::Json, bytes)
}

/// A commit of `count` events, told from every other by its name.
pub fn commit(name: impl Display, stream: &StreamName, expected: Expected, count: usize) -> Commit {
    let events = (0..count).map(|n| event("order.changed", format_args!("{name}.{n}"))).collect();
    with_events(name, stream, expected, events)
}

/// A commit of these events.
pub fn with_events(
    name: impl Display,
    stream: &StreamName,
    expected: Expected,
    events: Vec<NewEvent>,
) -> Commit {
    Commit {
        id: id(name),
        stream: stream.clone(),
        expected,
        events: NonEmpty::new(events).expect("at least one event"),
        requires: Vec::new(),
    }
}

/// Exactly so many events.
pub fn exactly(version: u64) -> Expected {
    Expected::Exactly(Version::new(version))
}
