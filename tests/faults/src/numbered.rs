//! Commits whose number says everything about them, so that a store can be checked without another source.

use es_runtime::prelude::*;
use es_runtime::{Commit, Encoded, Expected, Format, NewEvent, NonEmpty, StreamName, Timestamp};
use std::fmt;
use std::sync::Arc;

/// So many streams are written to by each thousand of writers.
const STREAMS: u64 = 16;

/// One event of a numbered commit.
#[event("tally.counted")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Who wrote it.
    pub writer: u64,
    /// Which of the writer's commits it belongs to.
    pub number: u64,
    /// Which of the commit's events it is, from 0.
    pub index: u64,
    /// How many events the commit has.
    pub of: u64,
    /// Its version, where the writer decided by what it had read.
    pub version: Option<u64>,
    /// Makes it as long as wanted.
    pub filler: String,
}

/// An aggregate that counts its own events.
#[derive(Aggregate, Debug, Default)]
#[aggregate("tally", id = String, events(Counted))]
pub struct Tally {
    events: u64,
}

impl Apply<Counted> for Tally {
    fn apply(&mut self, _: &Counted) {
        self.events += 1;
    }
}

impl Tally {
    /// The events of a commit, which say what their versions must be.
    ///
    /// # Errors
    ///
    /// Never: there is nothing to refuse.
    pub fn count(&self, commit: Numbered, filler: usize) -> Result<Vec<Counted>, std::convert::Infallible> {
        let version = |event: &Counted| Some(self.events + event.index + 1);
        let versioned = |event: Counted| Counted { version: version(&event), ..event };
        Ok(commit.events(filler).into_iter().map(versioned).collect())
    }
}

/// A commit, by its number among those of its writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Numbered {
    /// Who writes it.
    pub writer: u64,
    /// Which of the writer's commits it is.
    pub number: u64,
}

impl Numbered {
    /// The commit that an event belongs to.
    pub const fn of(event: &Counted) -> Self {
        Self { writer: event.writer, number: event.number }
    }

    /// Its id: the same whenever and by whomever it is sent.
    pub fn id(self) -> CommitId {
        CommitId::derive(&CommitId::ROOT, &self.to_string())
    }

    /// The key of its stream.
    pub fn key(self) -> String {
        (self.writer / 1000 * STREAMS + self.number % STREAMS).to_string()
    }

    /// Its stream.
    pub fn stream(self) -> StreamName {
        StreamName::new("tally", self.key()).expect("a number is a key")
    }

    /// How many events it has: one, two or three.
    pub const fn size(self) -> u64 {
        self.number % 3 + 1
    }

    /// Its events, each with so many bytes more than it needs.
    pub fn events(self, filler: usize) -> Vec<Counted> {
        let event = |index| Counted {
            writer: self.writer,
            number: self.number,
            index,
            of: self.size(),
            version: None,
            filler: self.filler(index, filler),
        };
        (0..self.size()).map(event).collect()
    }

    /// Letters by chance, the same each time, which no store can make smaller.
    fn filler(self, index: u64, length: usize) -> String {
        let mut state =
            (self.writer << 40 ^ self.number << 8 ^ index).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let letter = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b'A' + (state >> 32) as u8 % 58)
        };
        (0..length).map(letter).map(|letter| if letter == '\\' { '-' } else { letter }).collect()
    }

    /// The commit, for a stream that may look like anything.
    pub fn commit(self, filler: usize) -> Commit {
        let event = |event: &Counted| NewEvent {
            name: "tally.counted".into(),
            schema_version: 1,
            payload: Encoded::new(Format::Json, serde_json::to_vec(event).expect("plain data")),
            metadata: Arc::default(),
            occurred_at: Timestamp::EPOCH,
        };
        Commit {
            id: self.id(),
            stream: self.stream(),
            expected: Expected::Any,
            events: NonEmpty::new(self.events(filler).iter().map(event).collect()).expect("one at least"),
            requires: Vec::new(),
        }
    }
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.writer, self.number)
    }
}
