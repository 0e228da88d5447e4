//! What a writer was told about its commits, line by line.

use crate::Numbered;
use es_runtime::AppendError;
use std::collections::BTreeMap;
use std::fmt;

/// One thing that a writer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The store is open, in the process with this id.
    Open(u32),
    /// The store could not be opened.
    Refused(String),
    /// The commit with this number is stored, with this version last.
    Stored(u64, u64),
    /// The commit with this number is not stored, or nobody knows.
    Failed(u64, Failure),
    /// So many events can be read.
    Read(u64),
    /// The log could not be read.
    Unreadable(String),
    /// Nothing more will come.
    Done,
}

/// Why a commit failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The variant of the error.
    pub variant: String,
    /// What it says.
    pub message: String,
}

impl Failure {
    /// Whether the error said that nothing is stored.
    pub fn is_not_stored(&self) -> bool {
        self.variant != "Unknown"
    }
}

impl From<&AppendError> for Failure {
    fn from(error: &AppendError) -> Self {
        let variant = match error {
            AppendError::Conflict { .. } => "Conflict",
            AppendError::IdReused { .. } => "IdReused",
            AppendError::TooLarge { .. } => "TooLarge",
            AppendError::Unsupported(_) => "Unsupported",
            AppendError::Invalid(_) => "Invalid",
            AppendError::Unavailable(_) => "Unavailable",
            AppendError::Unknown { .. } => "Unknown",
            AppendError::Fatal(_) => "Fatal",
            _ => "another",
        };
        assert_eq!(error.is_not_stored(), variant != "Unknown", "{error}");
        Self { variant: variant.into(), message: one_line(error) }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(process) => write!(f, "open {process}"),
            Self::Refused(message) => write!(f, "refused {}", one_line(message)),
            Self::Stored(number, last) => write!(f, "stored {number} {last}"),
            Self::Failed(number, Failure { variant, message }) => {
                write!(f, "failed {number} {variant} {message}")
            }
            Self::Read(events) => write!(f, "read {events}"),
            Self::Unreadable(message) => write!(f, "unreadable {}", one_line(message)),
            Self::Done => f.write_str("done"),
        }
    }
}

impl Line {
    /// Reads a line again.
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Some(match word {
            "open" => Self::Open(rest.parse().ok()?),
            "refused" => Self::Refused(rest.into()),
            "stored" => {
                let (number, last) = rest.split_once(' ')?;
                Self::Stored(number.parse().ok()?, last.parse().ok()?)
            }
            "failed" => {
                let mut parts = rest.splitn(3, ' ');
                let (number, variant, message) = (parts.next()?, parts.next()?, parts.next()?);
                let failure = Failure { variant: variant.into(), message: message.into() };
                Self::Failed(number.parse().ok()?, failure)
            }
            "read" => Self::Read(rest.parse().ok()?),
            "unreadable" => Self::Unreadable(rest.into()),
            "done" => Self::Done,
            _ => return None,
        })
    }
}

fn one_line(text: &impl ToString) -> String {
    text.to_string().replace('\n', " ")
}

/// All that a writer said.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Which writer.
    pub writer: u64,
    /// The process, once the store was open.
    pub process: Option<u32>,
    /// Why the store could not be opened.
    pub refused: Option<String>,
    /// The commits that were acknowledged, in that order, each with its last version.
    pub stored: Vec<(u64, u64)>,
    /// The attempts that failed, in that order.
    pub failed: Vec<(u64, Failure)>,
    /// What the reads answered.
    pub reads: Vec<Result<u64, String>>,
    /// Whether it came to its end.
    pub is_done: bool,
}

impl Report {
    /// Of a writer that said nothing yet.
    pub fn new(writer: u64) -> Self {
        Self { writer, ..Self::default() }
    }

    /// Takes down what the writer says.
    pub fn take(&mut self, line: Line) {
        match line {
            Line::Open(process) => self.process = Some(process),
            Line::Refused(message) => self.refused = Some(message),
            Line::Stored(number, last) => self.stored.push((number, last)),
            Line::Failed(number, failure) => self.failed.push((number, failure)),
            Line::Read(events) => self.reads.push(Ok(events)),
            Line::Unreadable(message) => self.reads.push(Err(message)),
            Line::Done => self.is_done = true,
        }
    }

    /// A commit of this writer.
    pub const fn commit(&self, number: u64) -> Numbered {
        Numbered { writer: self.writer, number }
    }

    /// How often each variant of the error came.
    pub fn failures(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for (_, failure) in &self.failed {
            *counts.entry(&*failure.variant).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_they_were_written() {
        let failure = Failure { variant: "Unknown".into(), message: "nobody knows".into() };
        for line in [
            Line::Open(7),
            Line::Refused("no such folder".into()),
            Line::Stored(3, 9),
            Line::Failed(4, failure),
            Line::Read(12),
            Line::Unreadable("no disk".into()),
            Line::Done,
        ] {
            assert_eq!(Line::parse(&line.to_string()), Some(line));
        }
        assert_eq!(Line::parse("stored 3"), None);
    }
}
