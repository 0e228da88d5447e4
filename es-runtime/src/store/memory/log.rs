//! What is stored: streams of events, and the order in which their commits came.

use super::Memory;
use crate::adapter::{Direction, Filter, Found, Limit, LogPage, Page};
use crate::commit::{Appended, Commit, Expected, Range};
use crate::error::AppendError;
use crate::id::CommitId;
use crate::name::StreamName;
use crate::position::{Cursor, Position, Version};
use crate::recorded::{Envelope, Recorded};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;
use std::collections::HashMap;

/// How many events a page of the log looks at, so that a filter that lets nothing through does not keep
/// the lock for the whole log.
const LOOKED_AT: usize = 16 * 1024;

#[derive(Default)]
pub(super) struct Log {
    /// Commit `n` of the log, counted from 1, is at `n - 1`.
    commits: Vec<Placed>,
    numbers: HashMap<CommitId, usize>,
    streams: Vec<Stream>,
    names: HashMap<StreamName, usize>,
    pub(super) snapshots: HashMap<StreamName, Snapshot>,
}

struct Stream {
    name: StreamName,
    events: Vec<Recorded>,
}

/// Where the events of a commit are.
#[derive(Clone, Copy)]
struct Placed {
    stream: usize,
    start: usize,
    end: usize,
}

/// A commit that may be written, or that was before.
enum Checked {
    New { stream: Option<usize> },
    Stored(Range),
}

impl Log {
    pub(super) fn append(&mut self, commit: Commit, now: Timestamp) -> Result<Appended, AppendError> {
        let checked = self.check(&commit)?;
        Ok(self.write(commit, checked, now))
    }

    /// Every commit is checked against what was there before the first of them is written.
    pub(super) fn append_all(
        &mut self,
        commits: Vec<Commit>,
        now: Timestamp,
    ) -> Result<Vec<Appended>, AppendError> {
        Commit::expect_distinct(&commits)?;
        let checked = commits.iter().map(|commit| self.check(commit)).collect::<Result<Vec<_>, _>>()?;
        let written = commits.into_iter().zip(checked);
        Ok(written.map(|(commit, checked)| self.write(commit, checked, now)).collect())
    }

    fn check(&self, commit: &Commit) -> Result<Checked, AppendError> {
        check_size(commit)?;
        // Before the version is looked at: a lost acknowledgement must be answered like the first time.
        if let Some(&number) = self.numbers.get(&commit.id) {
            return match commit.is_same_as(self.events_of(self.commits[number])) {
                true => Ok(Checked::Stored(self.range(number))),
                false => Err(AppendError::IdReused { id: commit.id }),
            };
        }
        let stream = self.names.get(&commit.stream).copied();
        check_version(&commit.stream, commit.expected, self.version(stream))?;
        for (required, expected) in &commit.requires {
            check_version(required, *expected, self.version(self.names.get(required).copied()))?;
        }
        Ok(Checked::New { stream })
    }

    fn write(&mut self, commit: Commit, checked: Checked, now: Timestamp) -> Appended {
        let stream = match checked {
            Checked::Stored(range) => return Appended::AlreadyCommitted(range),
            Checked::New { stream: Some(stream) } => stream,
            Checked::New { stream: None } => {
                self.names.insert(commit.stream.clone(), self.streams.len());
                self.streams.push(Stream { name: commit.stream, events: Vec::new() });
                self.streams.len() - 1
            }
        };
        let number = self.commits.len();
        let Stream { name, events } = &mut self.streams[stream];
        let start = events.len();
        // A clock may jump back, a stream's times may not.
        let recorded_at = events.last().map_or(now, |last| now.max(last.recorded_at()));
        events.extend(commit.events.iter().zip(0..).map(|(event, index)| {
            let envelope = Envelope {
                commit: commit.id,
                index,
                stream: name.clone(),
                version: Version::new(start as u64 + index + 1),
                position: Position::new(number as u64 + 1, index),
                recorded_at,
                occurred_at: event.occurred_at,
                name: event.name.clone(),
                schema_version: event.schema_version,
                metadata: event.metadata.clone(),
            };
            Recorded::from_store(envelope, event.payload.clone())
        }));
        self.commits.push(Placed { stream, start, end: events.len() });
        self.numbers.insert(commit.id, number);
        Appended::Committed(self.range(number))
    }

    pub(super) fn find(&self, id: CommitId) -> Option<Found> {
        let number = *self.numbers.get(&id)?;
        let stream = self.streams[self.commits[number].stream].name.clone();
        Some(Found { stream, range: self.range(number) })
    }

    pub(super) fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
    ) -> Page {
        let events = self.names.get(stream).map_or(&[][..], |&stream| &self.streams[stream].events);
        let from = usize::try_from(from.get()).unwrap_or(usize::MAX);
        match direction {
            Direction::Forward => {
                let rest = events.get(from.saturating_sub(1)..).unwrap_or_default();
                let full = is_full(limit);
                // The end of the page: the first commit that starts after it is full.
                let mut sizes = rest.iter().scan((0, 0), full).zip(rest.iter().skip(1));
                let end = sizes.position(|(full, next)| full && next.index() == 0).map(|last| last + 1);
                let next = end.map(|end| rest[end].version());
                Page { events: rest[..end.unwrap_or(rest.len())].to_vec(), next }
            }
            Direction::Backward => {
                let rest = &events[..from.min(events.len())];
                let mut sizes = rest.iter().rev().scan((0, 0), is_full(limit)).zip(rest.iter().rev());
                let last = sizes.position(|(full, event)| full && event.index() == 0);
                let start = last.map_or(0, |last| rest.len() - 1 - last);
                let next = (start > 0).then(|| Version::new(start as u64));
                Page { events: rest[start..].iter().rev().cloned().collect(), next }
            }
        }
    }

    pub(super) fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> LogPage {
        let (mut number, mut skip) = after
            .position()
            .and_then(|at| {
                Some((to_index(at.commit()).checked_sub(1)?, to_index(at.index()).saturating_add(1)))
            })
            .unwrap_or_default();
        let everything = filter.categories.is_empty() && filter.events.is_empty();
        let (mut events, mut bytes, mut looked_at) = (Vec::new(), 0, 0);
        let mut next = after.clone();
        while let Some(&placed) = self.commits.get(number) {
            if limit.is_reached(events.len(), bytes) && !events.is_empty() || looked_at >= LOOKED_AT {
                return LogPage { events, next, is_end: false };
            }
            let commit = self.events_of(placed).get(skip..).unwrap_or_default();
            let category = self.streams[placed.stream].name.category();
            let let_through = |event: &&Recorded| everything || filter.matches(category, event.name());
            for event in commit.iter().filter(let_through) {
                bytes += event.event().bytes().len();
                events.push(event.clone());
            }
            if let Some(last) = commit.last() {
                next = Cursor::at(last.position());
            }
            looked_at += commit.len();
            number += 1;
            skip = 0;
        }
        LogPage { events, next, is_end: true }
    }

    pub(super) fn head(&self) -> Cursor {
        let last = self.commits.len().checked_sub(1);
        last.map_or_else(Cursor::start, |number| Cursor::at(self.range(number).position))
    }

    fn version(&self, stream: Option<usize>) -> Version {
        stream.map_or(Version::NONE, |stream| Version::new(self.streams[stream].events.len() as u64))
    }

    fn events_of(&self, placed: Placed) -> &[Recorded] {
        &self.streams[placed.stream].events[placed.start..placed.end]
    }

    fn range(&self, number: usize) -> Range {
        let Placed { start, end, .. } = self.commits[number];
        Range {
            first: Version::new(start as u64 + 1),
            last: Version::new(end as u64),
            position: Position::new(number as u64 + 1, (end - start - 1) as u64),
        }
    }
}

/// Counts what a page holds, and says after each event whether it is full.
fn is_full(limit: Limit) -> impl Fn(&mut (usize, usize), &Recorded) -> Option<bool> {
    move |(events, bytes), event| {
        *events += 1;
        *bytes += event.event().bytes().len();
        Some(limit.is_reached(*events, *bytes))
    }
}

fn check_size(commit: &Commit) -> Result<(), AppendError> {
    let bytes = commit.events.iter().map(|event| event.payload.bytes().len()).sum();
    let too_large = |what: &str, size, limit| AppendError::TooLarge { what: what.into(), size, limit };
    if commit.events.len() > Memory::MAX_COMMIT_EVENTS {
        return Err(too_large("the commit, in events,", commit.events.len(), Memory::MAX_COMMIT_EVENTS));
    }
    if bytes > Memory::MAX_COMMIT_BYTES {
        return Err(too_large("the commit, in bytes,", bytes, Memory::MAX_COMMIT_BYTES));
    }
    Ok(())
}

fn check_version(stream: &StreamName, expected: Expected, actual: Version) -> Result<(), AppendError> {
    match expected.accepts(actual) {
        true => Ok(()),
        false => Err(AppendError::Conflict { stream: stream.clone(), expected, actual }),
    }
}

fn to_index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
