//! Commits: what is written, all of it or none.

use crate::error::AppendError;
use crate::event::Event;
use crate::format::{DecodeError, Encoded, decode_named, is_named};
use crate::id::CommitId;
use crate::metadata::Metadata;
use crate::name::{EventName, StreamName};
use crate::position::{Position, Version};
use crate::recorded::Recorded;
use crate::time::Timestamp;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Events for one stream that are stored together or not at all. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Makes it safe to send again.
    pub id: CommitId,
    /// Where the events go.
    pub stream: StreamName,
    /// What the stream must look like.
    pub expected: Expected,
    /// The events, in order.
    pub events: NonEmpty<NewEvent>,
    /// What other streams must look like.
    pub requires: Vec<(StreamName, Expected)>,
}

impl Commit {
    /// Every stream it writes or looks at.
    pub fn touched(&self) -> impl Iterator<Item = &StreamName> {
        std::iter::once(&self.stream).chain(self.requires.iter().map(|(stream, _)| stream))
    }

    /// Refuses commits that cannot be stored together: of which two write to one stream, or share an id.
    /// For authors of adapters that store [several at once](crate::Adapter::append_all).
    ///
    /// # Errors
    ///
    /// [`Invalid`](AppendError::Invalid) or [`IdReused`](AppendError::IdReused).
    pub fn expect_distinct(commits: &[Self]) -> Result<(), AppendError> {
        let (mut streams, mut ids) = (HashSet::new(), HashSet::new());
        for commit in commits {
            if !streams.insert(&commit.stream) {
                return Err(AppendError::Invalid(format!("two commits write to `{}`", commit.stream)));
            }
            if !ids.insert(commit.id) {
                return Err(AppendError::IdReused { id: commit.id });
            }
        }
        Ok(())
    }

    /// Whether `stored`, the events of an earlier commit, are this one's events.
    ///
    /// What happened counts: the stream, the names, the shapes and the payloads. Times and metadata may
    /// differ, because a caller that tries again after a crash makes new ones. For authors of adapters,
    /// who tell [`AlreadyCommitted`](Appended::AlreadyCommitted) from
    /// [`IdReused`](crate::AppendError::IdReused) by it.
    pub fn is_same_as(&self, stored: &[Recorded]) -> bool {
        let same = |(new, old): (&NewEvent, &Recorded)| {
            *old.stream() == self.stream
                && *old.name() == *new.name
                && old.schema_version() == new.schema_version
                && *old.event() == new.payload
        };
        stored.len() == self.events.len() && self.events.iter().zip(stored).all(same)
    }
}

/// An event that is not stored yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The name to store it under.
    pub name: EventName,
    /// The version of its shape.
    pub schema_version: u16,
    /// The event.
    pub payload: Encoded,
    /// Who, why, and where to look further. Shared by the events of a commit.
    pub metadata: Arc<Metadata>,
    /// When it happened.
    pub occurred_at: Timestamp,
}

impl NewEvent {
    /// Whether it is an `E`.
    pub fn is<E: Event>(&self) -> bool {
        is_named::<E>(&self.name)
    }

    /// The event as its type.
    ///
    /// # Errors
    ///
    /// When it is another event or malformed.
    pub fn decode<E: Event>(&self) -> Result<E, DecodeError> {
        decode_named(&self.name, self.schema_version, &self.payload)
    }
}

/// One or more. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonEmpty<T>(Arc<[T]>);

impl<T> NonEmpty<T> {
    /// The items, or nothing if there are none.
    pub fn new(items: Vec<T>) -> Option<Self> {
        Self::collect(items)
    }

    /// The items, put together where they stay.
    pub(crate) fn collect(items: impl IntoIterator<Item = T>) -> Option<Self> {
        let items: Arc<[T]> = items.into_iter().collect();
        (!items.is_empty()).then_some(Self(items))
    }
}

impl<T> Deref for NonEmpty<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

/// What a stream must look like for a commit to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// It has no events.
    NoStream,
    /// It has exactly so many. `Exactly(Version::NONE)` says the same as `NoStream`.
    Exactly(Version),
    /// It has at least one.
    Exists,
    /// Nothing is asked of it.
    Any,
}

impl Expected {
    /// Whether a stream with `actual` events is as expected.
    pub fn accepts(self, actual: Version) -> bool {
        match self {
            Self::NoStream => actual == Version::NONE,
            Self::Exactly(version) => actual == version,
            Self::Exists => actual > Version::NONE,
            Self::Any => true,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStream | Self::Exactly(Version::NONE) => f.write_str("no events"),
            Self::Exactly(version) => write!(f, "version {version}"),
            Self::Exists => f.write_str("at least one event"),
            Self::Any => f.write_str("anything"),
        }
    }
}

/// What became of a commit that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It was stored now.
    Committed(Range),
    /// It had been stored before: this is the answer it got then.
    AlreadyCommitted(Range),
}

impl Appended {
    /// Where the events are, whenever they were stored.
    pub const fn range(self) -> Range {
        match self {
            Self::Committed(range) | Self::AlreadyCommitted(range) => range,
        }
    }
}

/// Where the events of a commit are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The version of the first.
    pub first: Version,
    /// The version of the last.
    pub last: Version,
    /// The position of the last in the whole log: who has passed it has passed them all.
    pub position: Position,
}
