//! A part of a follower: the streams that fall to it, and what its registers hold.

use crate::error::ReadError;
use crate::id::{CommitId, StoreId};
use crate::name::StreamName;
use crate::position::{Cursor, Position};
use crate::register::{Register, Write};
use crate::text::Hash;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest key that registers take.
const LONGEST_KEY: usize = 512;

/// One part of a follower. Which streams fall to it depends on how many parts there are, and on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Part {
    pub(crate) follower: &'static str,
    /// Which build of a projection; 0 for what has none.
    pub(crate) build: u32,
    pub(crate) number: u32,
    pub(crate) of: u32,
}

impl Part {
    /// The register with its owner and its checkpoint.
    pub(crate) fn key(&self) -> String {
        format!("part/{}/{}/{}", self.follower, self.build, self.number)
    }

    /// The register as it is made, with nobody who owns it, before the events behind `cursor`.
    pub(crate) fn begin(&self, store: StoreId, cursor: Cursor) -> Write {
        let checkpoint = Checkpoint::new(store, cursor);
        let value = encode(&PartState { owner: None, token: 0, beat: 0, checkpoint });
        Write { key: self.key(), expected: 0, value: Some(value) }
    }

    /// What the keys of its parked streams begin with.
    pub(crate) fn parked(&self) -> String {
        format!("parked/{}/{}/{}/", self.follower, self.build, self.number)
    }

    /// The register of a parked stream: by its name, or by a digest of a name that is too long for a key.
    pub(crate) fn parked_key(&self, stream: &StreamName) -> String {
        let key = format!("{}{stream}", self.parked());
        if key.len() <= LONGEST_KEY {
            return key;
        }
        format!("{}#{}", self.parked(), Uuid::new_v5(&Uuid::NAMESPACE_URL, stream.as_str().as_bytes()))
    }

    /// Whether the events of `stream` fall to this part.
    pub(crate) fn takes(&self, stream: &StreamName) -> bool {
        self.of <= 1 || part_of(stream, self.of) == self.number
    }
}

/// By the FNV-1a hash of the stream's name: the same for every program and for all time.
pub(crate) fn part_of(stream: &StreamName, of: u32) -> u32 {
    let hash = Hash::of(stream.as_str());
    // Names differ at their ends, which reach few bits of that hash: they are mixed once more.
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u32::try_from((mixed >> 32) % u64::from(of.max(1))).unwrap_or_default()
}

/// What the register of a part holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartState {
    /// Who works on it, or nobody.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) owner: Option<String>,
    /// Grows with each owner.
    pub(crate) token: u64,
    /// Grows while the owner lives and has nothing else to write.
    pub(crate) beat: u64,
    #[serde(flatten)]
    pub(crate) checkpoint: Checkpoint,
}

impl PartState {
    /// Whether `other` was written by the same owner with the same checkpoint: at most its beat differs.
    pub(crate) fn is_same_but_for_beats(&self, other: &Self) -> bool {
        self.is_same_owner(other) && self.checkpoint == other.checkpoint
    }

    pub(crate) fn is_same_owner(&self, other: &Self) -> bool {
        (&self.owner, self.token) == (&other.owner, other.token)
    }
}

/// How far a part has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The store whose log this is about.
    pub(crate) store: StoreId,
    /// Everything up to here is done with.
    #[serde(with = "cursor_as_hex")]
    pub(crate) cursor: Cursor,
    /// And so many events of this part after it.
    #[serde(default)]
    pub(crate) skip: usize,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) last: Option<Last>,
    /// How many events were handled.
    pub(crate) handled: u64,
    /// Whether the end of the log was reached once.
    pub(crate) is_live: bool,
}

/// An event that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Last {
    pub(crate) commit: CommitId,
    pub(crate) position: Position,
}

impl Checkpoint {
    const fn new(store: StoreId, cursor: Cursor) -> Self {
        Self { store, cursor, skip: 0, last: None, handled: 0, is_live: false }
    }

    /// The farthest position that is done with, as far as this part goes.
    pub(crate) fn reached(&self) -> Option<Position> {
        let last = self.last.filter(|_| self.skip > 0).map(|last| last.position);
        self.cursor.position().max(last)
    }

    /// Whether everything before `end` is done with. A batch ends with a commit, and the end of the log behind one,
    /// so that the commits tell.
    pub(crate) fn is_past(&self, end: &Cursor) -> bool {
        let commit = |cursor: &Cursor| cursor.position().map(Position::commit);
        commit(&self.cursor) >= commit(end)
    }

    /// Whether the event at `position`, if it is one of this part, is done with.
    pub(crate) fn covers(&self, position: Position) -> bool {
        self.cursor.covers(position) || self.reached().is_some_and(|reached| position <= reached)
    }
}

/// What a register of ours holds.
pub(crate) fn decode<T: DeserializeOwned>(key: &str, register: &Register) -> Result<T, ReadError> {
    decode_bytes(key, &register.value)
}

pub(crate) fn decode_bytes<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, ReadError> {
    let corrupt = |error: serde_json::Error| ReadError::Corrupt {
        at: format!("the register `{key}`"),
        detail: error.to_string(),
    };
    serde_json::from_slice(bytes).map_err(corrupt)
}

/// What is to be put into a register of ours.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Numbers, text and lists of them: there is nothing in them that JSON could refuse.
    serde_json::to_vec(value).unwrap_or_default()
}

mod cursor_as_hex {
    use super::Cursor;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(cursor: &Cursor, serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = cursor.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cursor, D::Error> {
        let text = String::deserialize(deserializer)?;
        let byte = |at: usize| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
        bytes.and_then(|bytes| Cursor::from_bytes(&bytes)).ok_or_else(|| D::Error::custom("it is no cursor"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_falls_to_the_same_part_for_ever() {
        let parts = |of| {
            ["o-1", "o-2", "o-3", "o-4"]
                .map(|key| part_of(&StreamName::new("order", key).expect("a name"), of))
        };
        assert_eq!(parts(1), [0, 0, 0, 0]);
        assert_eq!(parts(4), [0, 3, 1, 3]);
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let store = Uuid::from_u128(7).into();
        let last = Last { commit: Uuid::from_u128(8).into(), position: Position::new(3, 1) };
        let checkpoint = Checkpoint {
            cursor: Cursor::at(Position::new(3, 1)),
            skip: 2,
            last: Some(last),
            handled: 9,
            is_live: true,
            ..Checkpoint::new(store, Cursor::start())
        };
        let state = PartState { owner: Some("me".into()), token: 4, beat: 5, checkpoint };
        let back: PartState = decode_bytes("part", &encode(&state)).expect("ours");
        assert_eq!(back, state);
        assert!(decode_bytes::<PartState>("part", b"{}").is_err());
    }

    #[test]
    fn the_key_of_a_parked_stream_fits_however_long_its_name() {
        let part = Part { follower: "summary", build: 1, number: 0, of: 1 };
        let long = StreamName::new(&"c".repeat(255), "k".repeat(255)).expect("a name");
        assert!(part.parked_key(&long).len() <= LONGEST_KEY);
        let short = StreamName::new("order", "o-1").expect("a name");
        assert_eq!(part.parked_key(&short), "parked/summary/1/0/order/o-1");
    }
}
