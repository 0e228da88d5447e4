//! Where an event stands: in its stream, and in the whole log.

use crate::text::serde_as_text;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How many events a stream has, or which of them one is: 1, 2, 3 and so on without gaps.
///
/// Not the version of a shape: that is the schema version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Version(u64);

impl Version {
    /// Of a stream without events.
    pub const NONE: Self = Self(0);

    /// The version of the `number`th event.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number: how many events there are up to here.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The version `events` later.
    pub const fn plus(self, events: u64) -> Self {
        Self(self.0.saturating_add(events))
    }

    /// The version of the next event.
    pub const fn next(self) -> Self {
        self.plus(1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where one event stands in the whole log.
///
/// Positions of one store can be compared; nothing else about them means anything. There may be
/// gaps, and the distance between two says nothing. Their text travels: to a browser, say, which asks
/// later for what it has written.
///
/// ```
/// use es_runtime::Position;
///
/// let position = Position::new(7, 1);
/// assert_eq!(position.to_string().parse(), Ok(position));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    commit: u64,
    index: u64,
}

impl Position {
    /// The position of event `index` of the commit at `commit`. For authors of adapters.
    pub const fn new(commit: u64, index: u64) -> Self {
        Self { commit, index }
    }

    /// What the adapter gave for the commit. For authors of adapters.
    pub const fn commit(self) -> u64 {
        self.commit
    }

    /// What the adapter gave for the event within its commit. For authors of adapters.
    pub const fn index(self) -> u64 {
        self.index
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.commit, self.index)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let invalid = || InvalidPosition(text.chars().take(64).collect());
        let (commit, index) = text.split_once('.').ok_or_else(invalid)?;
        let number = |digits: &str| digits.parse().map_err(|_| invalid());
        Ok(Self::new(number(commit)?, number(index)?))
    }
}

serde_as_text!(Position);

/// This is not the text of a position. A retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the position of an event, such as `17.0`")]
pub struct InvalidPosition(String);

/// How far a reader of the whole log has come.
///
/// Not a [`Position`]: a log in several partitions has no single order, so a reader may have passed
/// one event and not another that was stored before it. Kept as bytes of no fixed length.
///
/// ```
/// use es_runtime::{Cursor, Position};
///
/// let cursor = Cursor::at(Position::new(7, 0));
/// assert!(cursor.covers(Position::new(6, 3)));
/// assert!(!cursor.covers(Position::new(7, 1)));
/// assert_eq!(Cursor::from_bytes(&cursor.to_bytes()), Some(cursor));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor(Option<Position>);

impl Cursor {
    /// Before the first event.
    pub const fn start() -> Self {
        Self(None)
    }

    /// After the event at `position`, in a log with a single order. For authors of adapters.
    pub const fn at(position: Position) -> Self {
        Self(Some(position))
    }

    /// The position read last, in a log with a single order. For authors of adapters.
    pub const fn position(&self) -> Option<Position> {
        self.0
    }

    /// Whether the reader has passed the event at `position`.
    pub fn covers(&self, position: Position) -> bool {
        self.0.is_some_and(|reached| position <= reached)
    }

    /// Whether a reader here has passed everything that one at `other` has.
    pub(crate) fn reaches(&self, other: &Self) -> bool {
        self.0 >= other.0
    }

    /// Of a reader that has passed what either of the two has.
    pub(crate) fn join(self, other: Self) -> Self {
        if self.reaches(&other) { self } else { other }
    }

    /// Of a reader that has passed what both have.
    pub(crate) fn meet(self, other: Self) -> Self {
        if self.reaches(&other) { other } else { self }
    }

    /// Of a reader that goes on in order, and passes the event at `position`.
    pub(crate) fn past(&self, position: Position) -> Self {
        self.clone().join(Self::at(position))
    }

    /// For keeping it somewhere.
    pub fn to_bytes(&self) -> Vec<u8> {
        let fields = self.0.iter().flat_map(|position| [position.commit, position.index]);
        fields.flat_map(u64::to_be_bytes).collect()
    }

    /// What [`to_bytes`](Self::to_bytes) wrote, or nothing where it did not.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let field = |at| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
        match bytes.len() {
            0 => Some(Self::start()),
            16 => Some(Self::at(Position::new(field(0)?, field(8)?))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_position_is_refused() {
        for text in ["", "7", "7.", ".7", "7.x", "-1.0", "18446744073709551616.0"] {
            assert_eq!(text.parse::<Position>(), Err(InvalidPosition(text.into())));
        }
    }

    #[test]
    fn what_callers_carry_over_a_wire_is_text_or_a_number() {
        let json = serde_json::to_string(&(Position::new(7, 1), Version::new(3))).expect("serializes");
        assert_eq!(json, r#"["7.1",3]"#);
        let back: (Position, Version) = serde_json::from_str(&json).expect("ours");
        assert_eq!(back, (Position::new(7, 1), Version::new(3)));
    }
}
