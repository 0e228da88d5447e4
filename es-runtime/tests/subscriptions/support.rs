//! Commits without aggregates, and what is expected of those who read them.

use es_runtime::memory::Memory;
use es_runtime::testing::Faulty;
use es_runtime::{
    Batch, Commit, CommitId, Cursor, Encoded, EventId, Expected, Filter, Format, Limit, NewEvent, NonEmpty,
    Position, Recorded, Retry, Store, StreamName, Subscription, Timestamp,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Long enough on a busy machine, and no wait where all is well.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) fn memory() -> (Store, Faulty<Memory>) {
    let memory = Faulty::new(Memory::new());
    (
        Store::builder().retry(Retry { first: Duration::ZERO, ..Retry::default() }).adapter(memory.clone()),
        memory,
    )
}

pub(crate) fn event(name: &'static str, payload: &str) -> NewEvent {
    NewEvent {
        name: name.into(),
        schema_version: 1,
        payload: Encoded::new(Format::Json, payload.as_bytes()),
        metadata: Arc::default(),
        occurred_at: Timestamp::EPOCH,
    }
}

/// A commit of events of these names; `number` tells it from others of its stream.
pub(crate) async fn commit(store: &Store, stream: &str, number: u64, names: &[&'static str]) -> Position {
    let stream: StreamName = stream.parse().expect("a name");
    let commit = Commit {
        id: CommitId::derive(&CommitId::ROOT, &format!("{stream} {number}")),
        stream,
        expected: Expected::Any,
        events: NonEmpty::new(names.iter().map(|name| event(name, "{}")).collect()).expect("some"),
        requires: vec![],
    };
    store.append(commit).await.expect("stored").range().position
}

/// So many commits of one event each to a stream.
pub(crate) async fn commits(store: &Store, stream: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        commit(store, stream, number, &["happened"]).await;
    }
}

/// The whole log, as pages give it.
pub(crate) async fn log(store: &Store, filter: &Filter) -> Vec<EventId> {
    let (mut cursor, mut ids) = (Cursor::start(), Vec::new());
    loop {
        let page = store.read_all(&cursor, filter, Limit::default()).await.expect("readable");
        ids.extend(page.events.iter().map(Recorded::id));
        if page.is_end {
            return ids;
        }
        cursor = page.next;
    }
}

pub(crate) fn ids(batch: &Batch) -> Vec<EventId> {
    batch.events.iter().map(Recorded::id).collect()
}

pub(crate) async fn next(subscription: &mut Subscription) -> Recorded {
    timeout(SOON, subscription.next()).await.expect("there is one").expect("readable")
}

pub(crate) async fn next_batch(subscription: &mut Subscription) -> Batch {
    timeout(SOON, subscription.next_batch()).await.expect("there is one").expect("readable")
}

/// Everything up to the end of the log as it is now.
pub(crate) async fn catch_up(subscription: &mut Subscription) -> Vec<EventId> {
    let mut seen = Vec::new();
    loop {
        let batch = next_batch(subscription).await;
        seen.extend(ids(&batch));
        if batch.is_end {
            return seen;
        }
    }
}

/// Whether nothing comes for a while.
pub(crate) async fn is_idle(subscription: &mut Subscription) -> bool {
    timeout(Duration::from_millis(50), subscription.next_batch()).await.is_err()
}
