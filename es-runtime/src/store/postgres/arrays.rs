//! Commits as the arrays that `es_append` takes.

use crate::commit::{Commit, Expected};
use crate::metadata::Metadata;
use crate::name::StreamName;
use crate::text::Hash;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

/// How many locks the streams of a store share. A batch takes one for each that its streams have, and they fit
/// into the lock table of a server that has its default settings, for every connection that it takes.
const LOCKS: u64 = 32;

/// The parameters of `es_append`, in its order.
pub(super) struct Arrays<'a> {
    streams: Vec<&'a str>,
    expected: Vec<Option<i64>>,
    ids: Vec<&'a Uuid>,
    firsts: Vec<i32>,
    sizes: Vec<i32>,
    commit: Vec<i32>,
    events: Events<'a>,
    guards: Option<Guards<'a>>,
    locks: Vec<i32>,
    exclusive: Option<Vec<bool>>,
    now: Option<SystemTime>,
    is_group: bool,
    lock_timeout: Option<String>,
}

/// What each event has of its own.
pub(super) struct Events<'a> {
    pub(super) kind: &'a [i32],
    pub(super) occurred_at: Vec<SystemTime>,
    /// Nothing where no event has any.
    pub(super) metadata: Option<Vec<Option<Vec<u8>>>>,
    pub(super) payload: Vec<&'a [u8]>,
}

#[derive(Default)]
struct Guards<'a> {
    commit: Vec<i32>,
    stream: Vec<&'a str>,
    expected: Vec<Option<i64>>,
}

impl<'a> Arrays<'a> {
    /// With the number of the kind of each event.
    pub(super) fn new(
        commits: &'a [Commit],
        kinds: &'a [i32],
        now: Option<Timestamp>,
        is_group: bool,
    ) -> Self {
        let (mut events, mut guards) = (Events::of(kinds), None::<Guards<'_>>);
        let (mut locks, mut firsts) = (BTreeMap::new(), Vec::with_capacity(commits.len()));
        let mut of = Vec::with_capacity(kinds.len());
        for (number, commit) in (1..).zip(commits) {
            firsts.push(of.len() as i32 + 1);
            of.resize(of.len() + commit.events.len(), number);
            events.push(commit);
            locks.entry(lock_of(&commit.stream)).or_insert(false);
            for (stream, expected) in &commit.requires {
                let guards = guards.get_or_insert_default();
                guards.commit.push(number);
                guards.stream.push(stream.as_str());
                guards.expected.push(number_of(*expected));
                locks.insert(lock_of(stream), true);
            }
        }
        let (locks, exclusive): (Vec<_>, Vec<_>) = locks.into_iter().unzip();
        Self {
            streams: commits.iter().map(|commit| commit.stream.as_str()).collect(),
            expected: commits.iter().map(|commit| number_of(commit.expected)).collect(),
            ids: commits.iter().map(|commit| commit.id.as_uuid()).collect(),
            firsts,
            sizes: commits.iter().map(|commit| commit.events.len() as i32).collect(),
            commit: of,
            events,
            guards,
            locks,
            exclusive: exclusive.contains(&true).then_some(exclusive),
            now: now.map(SystemTime::from),
            is_group,
            lock_timeout: None,
        }
    }

    /// How long to wait for locks, if not as the session does.
    pub(super) fn wait_for_locks(&mut self, limit: Option<Duration>) {
        self.lock_timeout = limit.map(|limit| limit.as_millis().to_string());
    }

    /// Lets nobody else write to these streams meanwhile.
    pub(super) fn lock_others_out(&mut self) {
        self.exclusive = Some(vec![true; self.locks.len()]);
    }

    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 18] {
        let Self { streams, expected, ids, firsts, sizes, commit, events, guards, .. } = self;
        let guards: [&(dyn ToSql + Sync); 3] = match guards {
            Some(guards) => [&guards.commit, &guards.stream, &guards.expected],
            None => [&None::<Vec<i32>>, &None::<Vec<&str>>, &None::<Vec<i64>>],
        };
        [
            streams,
            expected,
            ids,
            firsts,
            sizes,
            commit,
            &events.kind,
            &events.occurred_at,
            &events.metadata,
            &events.payload,
            guards[0],
            guards[1],
            guards[2],
            &self.locks,
            &self.exclusive,
            &self.now,
            &self.is_group,
            &self.lock_timeout,
        ]
    }

    /// The same with their types, for a session in which nothing is prepared.
    pub(super) fn typed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        const TYPES: [Type; 18] = [
            Type::TEXT_ARRAY,
            Type::INT8_ARRAY,
            Type::UUID_ARRAY,
            Type::INT4_ARRAY,
            Type::INT4_ARRAY,
            Type::INT4_ARRAY,
            Type::INT4_ARRAY,
            Type::TIMESTAMPTZ_ARRAY,
            Type::BYTEA_ARRAY,
            Type::BYTEA_ARRAY,
            Type::INT4_ARRAY,
            Type::TEXT_ARRAY,
            Type::INT8_ARRAY,
            Type::INT4_ARRAY,
            Type::BOOL_ARRAY,
            Type::TIMESTAMPTZ,
            Type::BOOL,
            Type::TEXT,
        ];
        self.parameters().into_iter().zip(TYPES).collect()
    }
}

impl<'a> Events<'a> {
    pub(super) fn of(kind: &'a [i32]) -> Self {
        let room = kind.len();
        Self {
            kind,
            occurred_at: Vec::with_capacity(room),
            metadata: None,
            payload: Vec::with_capacity(room),
        }
    }

    pub(super) fn push(&mut self, commit: &'a Commit) {
        // The events of a commit most often share their metadata.
        let mut last: Option<(&Arc<Metadata>, Option<Vec<u8>>)> = None;
        for event in commit.events.iter() {
            let metadata = match last.take() {
                Some((of, json)) if Arc::ptr_eq(of, &event.metadata) => json,
                _ => event.metadata.to_json(),
            };
            if metadata.is_some() || self.metadata.is_some() {
                let all = self.metadata.get_or_insert_default();
                all.resize(self.payload.len(), None);
                all.push(metadata.clone());
            }
            self.occurred_at.push(event.occurred_at.into());
            self.payload.push(event.payload.bytes());
            last = Some((&event.metadata, metadata));
        }
    }
}

/// What is expected, as `es_accepts` reads it.
pub(super) fn number_of(expected: Expected) -> Option<i64> {
    match expected {
        Expected::Any => None,
        Expected::Exists => Some(-1),
        Expected::NoStream => Some(0),
        // A version that no stream can have is one that none has.
        Expected::Exactly(version) => Some(i64::try_from(version.get()).unwrap_or(i64::MAX)),
    }
}

/// The lock of a stream: FNV-1a, which must never change, because every program that writes to the store has to
/// take the same.
pub(super) fn lock_of(stream: &StreamName) -> i32 {
    let hash = Hash::of(stream.as_str());
    (hash % LOCKS) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_of_a_stream_is_the_same_for_ever() {
        let lock = |name: &str| lock_of(&name.parse().expect("a stream"));
        assert_eq!(["order/1", "order/2", "payment/zażółć"].map(lock), [27, 14, 18]);
    }
}
