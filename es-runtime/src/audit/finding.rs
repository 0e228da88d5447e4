//! What an audit finds.

use crate::name::StreamName;
use crate::position::{Position, Version};
use crate::recorded::Recorded;
use serde_json::Value;
use std::fmt;

/// Something that is not as it should be, and where.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The stream it is about, if it is about one.
    pub stream: Option<StreamName>,
    /// Which event of the stream.
    pub version: Option<Version>,
    /// Where in the log that is; for a read model, how far it has come.
    pub position: Option<Position>,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The event does not have the shape of its type, or is of a version that this program does not know.
    Unreadable {
        /// The name it is stored under.
        name: String,
        /// What is wrong with it.
        error: String,
    },
    /// The aggregate lists no event of this name.
    UnknownEvent {
        /// The name it is stored under.
        name: String,
    },
    /// The audit was given no aggregate of this category. Said of its first stream.
    UnknownCategory,
    /// The handler of the event panicked.
    Panicked {
        /// The name it is stored under.
        name: String,
        /// What it said.
        text: String,
    },
    /// The stream has more findings, which are not told one by one.
    More(u64),
    /// What is stored contradicts itself, so that nothing behind it is read.
    Corrupt(String),
    /// The streams hold fewer events than the log: some have lost their first.
    Lost(u64),
    /// The snapshot is this program's, and not what the events add up to.
    Snapshot {
        /// The state in it.
        kept: Value,
        /// The state of a fresh fold.
        folded: Value,
    },
    /// The snapshot is this program's, and cannot be read.
    UnreadableSnapshot(String),
    /// The state cannot be written as JSON, so it is neither told nor compared.
    UnwritableState(String),
    /// The state is not that of the other program.
    State {
        /// What it was there.
        before: Value,
        /// What it is here.
        now: Value,
    },
    /// The other program has folded more events than the stream has now.
    Shorter {
        /// How many it has.
        events: u64,
    },
    /// The other program had a stream that is not in this log, or the states do not come in its order: neither it
    /// nor those after it were compared.
    NoSuchStream,
    /// A handler of a projection does not handle the event now.
    Unhandled {
        /// The projection.
        projection: &'static str,
        /// What the handler said.
        error: String,
    },
    /// The event is parked, so the read model lacks it and what comes after it in its stream.
    Parked {
        /// The projection.
        projection: &'static str,
        /// What the handler said.
        error: String,
    },
    /// A table is not what a fresh fold makes of it.
    Rows {
        /// The projection.
        projection: &'static str,
        /// The table, as the projection calls it.
        table: String,
        /// How many rows are only in the table.
        extra: u64,
        /// How many rows are only in the fresh one.
        missing: u64,
        /// Some of them: those that are only in the table after `-`, those that should be there after `+`.
        rows: Vec<String>,
    },
    /// A table cannot be compared.
    NotComparable {
        /// The projection.
        projection: &'static str,
        /// The table, as the projection calls it.
        table: String,
        /// What the database said.
        error: String,
    },
}

impl Finding {
    pub(super) fn at(event: &Recorded, fault: Fault) -> Self {
        Self {
            stream: Some(event.stream().clone()),
            version: Some(event.version()),
            position: Some(event.position()),
            fault,
        }
    }

    pub(super) fn of_stream(stream: &StreamName, fault: Fault) -> Self {
        Self { stream: Some(stream.clone()), version: None, position: None, fault }
    }

    pub(super) const fn of_store(fault: Fault) -> Self {
        Self { stream: None, version: None, position: None, fault }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stream) = &self.stream {
            write!(f, "{stream} ")?;
        }
        if let Some(version) = self.version {
            write!(f, "version {version} ")?;
        }
        if let Some(position) = self.position {
            write!(f, "at {position}")?;
        }
        let is_placed = self.stream.is_some() || self.position.is_some();
        write!(f, "{}{}", if is_placed { ": " } else { "" }, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { name, error } => write!(f, "`{name}` cannot be read: {error}"),
            Self::UnknownEvent { name } => write!(f, "this program does not know the event `{name}`"),
            Self::UnknownCategory => {
                f.write_str("this program knows no aggregate of this category; its streams are not read")
            }
            Self::Panicked { name, text } => write!(f, "the handler of `{name}` panicked: {text}"),
            Self::More(more) => write!(f, "and {more} more findings in this stream"),
            Self::Corrupt(error) => f.write_str(error),
            Self::Lost(events) => write!(
                f,
                "the log holds {events} events of streams whose first event is missing; they were not read"
            ),
            Self::Snapshot { kept, folded } => {
                write!(f, "the snapshot is `{kept}`, and the events add up to `{folded}`")
            }
            Self::UnreadableSnapshot(error) => write!(f, "the snapshot cannot be read: {error}"),
            Self::UnwritableState(error) => write!(f, "the state cannot be written: {error}"),
            Self::State { before, now } => write!(f, "the state is `{now}`, and was `{before}`"),
            Self::Shorter { events } => {
                write!(f, "the other program had an event of this version, and the stream has {events} now")
            }
            Self::NoSuchStream => f.write_str(
                "this stream was not met in the log where its state comes; it and what comes after it were not \
                 compared",
            ),
            Self::Unhandled { projection, error } => {
                write!(f, "`{projection}` does not handle the event, so it cannot be compared: {error}")
            }
            Self::Parked { projection, error } => {
                write!(f, "`{projection}` has parked the event, so it cannot be compared: {error}")
            }
            Self::Rows { projection, table, extra, missing, rows } => {
                write!(
                    f,
                    "`{table}` of `{projection}` is not what the events add up to: {extra} rows should not be \
                     there, {missing} are missing"
                )?;
                rows.iter().try_for_each(|row| write!(f, "\n    {row}"))
            }
            Self::NotComparable { projection, table, error } => {
                write!(f, "`{table}` of `{projection}` cannot be compared: {error}")
            }
        }
    }
}
