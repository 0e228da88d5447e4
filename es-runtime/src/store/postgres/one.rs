//! One commit that requires nothing, as `es_append_one` takes it.

use super::arrays::{Events, lock_of, number_of};
use crate::commit::Commit;
use crate::time::Timestamp;
use std::time::SystemTime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// The parameters of `es_append_one`, in its order.
pub(super) struct One<'a> {
    stream: &'a str,
    expected: Option<i64>,
    id: &'a Uuid,
    lock: i32,
    events: Events<'a>,
    now: Option<SystemTime>,
}

impl<'a> One<'a> {
    /// With the number of the kind of each event. Nothing where the commit is not alone, or requires something.
    pub(super) fn of(commits: &'a [Commit], kinds: &'a [i32], now: Option<Timestamp>) -> Option<Self> {
        let [commit] = commits else { return None };
        if !commit.requires.is_empty() {
            return None;
        }
        let mut events = Events::of(kinds);
        events.push(commit);
        Some(Self {
            stream: commit.stream.as_str(),
            expected: number_of(commit.expected),
            id: commit.id.as_uuid(),
            lock: lock_of(&commit.stream),
            events,
            now: now.map(SystemTime::from),
        })
    }

    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 9] {
        let Self { stream, expected, id, lock, events, now } = self;
        let Events { kind, occurred_at, metadata, payload } = events;
        [stream, expected, id, lock, kind, occurred_at, metadata, payload, now]
    }
}
