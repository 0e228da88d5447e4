//! Pages of events that come row by row, and end where commits end.

use crate::adapter::Limit;
use crate::error::ReadError;
use crate::name::StreamName;
use crate::position::{Position, Version};
use crate::recorded::Recorded;
use std::fmt::Display;

/// Where an event stands in the log and in its commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    at: Position,
    commit_size: u64,
}

impl Standing {
    /// Of the event at `at` in a commit of `commit_size` events, or nothing where it cannot be there.
    pub(super) fn new(at: Position, commit_size: u64) -> Option<Self> {
        (at.index() < commit_size).then_some(Self { at, commit_size })
    }

    pub(super) const fn starts_commit(self) -> bool {
        self.at.index() == 0
    }

    pub(super) const fn ends_commit(self) -> bool {
        self.at.index() + 1 == self.commit_size
    }

    /// Whether `next` may come after this one in a stream: the next event of the same commit, or the first
    /// of another.
    pub(super) const fn leads_to(self, next: Self) -> bool {
        if self.ends_commit() {
            return next.starts_commit();
        }
        self.is_same_commit(next) && self.at.index() + 1 == next.at.index()
    }

    /// Of the next event of the same commit, if there is one.
    #[cfg(feature = "postgres")]
    pub(super) fn next(self) -> Option<Self> {
        Self::new(Position::new(self.at.commit(), self.at.index() + 1), self.commit_size)
    }

    pub(super) const fn is_same_commit(self, other: Self) -> bool {
        self.at.commit() == other.at.commit() && self.commit_size == other.commit_size
    }

    pub(super) const fn commit_size(self) -> u64 {
        self.commit_size
    }

    /// Where it is.
    pub(super) const fn at(self) -> Position {
        self.at
    }

    /// Where the last event of its commit is.
    pub(super) const fn end_of_commit(self) -> Position {
        Position::new(self.at.commit(), self.commit_size - 1)
    }
}

/// A page on its way to its limit.
pub(super) struct Filling {
    pub(super) events: Vec<Recorded>,
    pub(super) last: Option<Standing>,
    bytes: usize,
    limit: Limit,
    is_full: bool,
}

impl Filling {
    pub(super) fn new(limit: Limit) -> Self {
        Self { events: Vec::new(), last: None, bytes: 0, limit, is_full: false }
    }

    /// Adds an event, after which the page may end if it `may_end`.
    pub(super) fn push(&mut self, event: Recorded, standing: Standing, may_end: bool) {
        self.bytes = self.bytes.saturating_add(event.event().bytes().len());
        self.events.push(event);
        self.last = Some(standing);
        self.is_full = may_end && self.limit.is_reached(self.events.len(), self.bytes);
    }

    pub(super) const fn is_full(&self) -> bool {
        self.is_full
    }
}

/// Whether `event` has the version that is expected, and stands with its neighbour as it should.
pub(super) fn expect_next(
    stream: &StreamName,
    expected: Version,
    event: &Recorded,
    is_in_order: bool,
) -> Result<(), ReadError> {
    if event.version() != expected {
        return Err(gap(stream, expected));
    }
    if is_in_order { Ok(()) } else { Err(torn(stream, expected)) }
}

pub(super) fn gap(stream: &StreamName, version: Version) -> ReadError {
    corrupt(&format_args!("`{stream}` version {version}"), "the event is missing")
}

pub(super) fn torn(stream: &StreamName, version: Version) -> ReadError {
    corrupt(&format_args!("`{stream}` version {version}"), "it does not fit with the commit beside it")
}

pub(super) fn corrupt(at: &dyn Display, detail: impl Into<String>) -> ReadError {
    ReadError::Corrupt { at: at.to_string(), detail: detail.into() }
}
