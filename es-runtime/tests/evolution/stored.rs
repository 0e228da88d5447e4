//! Stores in which an older or newer program has written.

use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::{Commit, Encoded, Expected, Format, NewEvent, NonEmpty, Position, StreamName, Timestamp};
use std::sync::Arc;

/// A name, a version and JSON.
pub type Stored<'a> = (&'static str, u16, &'a str);

pub fn memory() -> Store {
    Store::new(Memory::new())
}

/// Stores the events behind what `stream` has, and answers with where the last one is.
pub async fn write(store: &Store, stream: &str, events: &[Stored<'_>]) -> Position {
    let event = |&(name, schema_version, payload): &Stored<'_>| NewEvent {
        name: name.into(),
        schema_version,
        payload: Encoded::new(Format::Json, payload.as_bytes()),
        metadata: Arc::default(),
        occurred_at: Timestamp::EPOCH,
    };
    let (mut position, stream) = (None, stream.parse::<StreamName>().expect("a name"));
    // A commit for each, so that each has a position of its own.
    for (number, stored) in events.iter().enumerate() {
        let commit = Commit {
            id: CommitId::derive(&CommitId::ROOT, &format!("{stream} {number} {stored:?}")),
            stream: stream.clone(),
            expected: Expected::Any,
            events: NonEmpty::new(vec![event(stored)]).expect("one"),
            requires: vec![],
        };
        position = Some(store.append(commit).await.expect("stored").range().position);
    }
    position.expect("some events")
}
