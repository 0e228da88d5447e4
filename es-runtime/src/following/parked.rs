//! Events that could not be handled, and behind which the later ones of their streams wait.

use super::error::EventPlace;
use super::lease::NO_REGISTERS;
use super::part::{Part, decode, encode};
use crate::error::ReadError;
use crate::name::{EventName, StreamName};
use crate::position::{Position, Version};
use crate::register::Write;
use crate::store::Store;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// More than anybody parks.
pub(crate) const ALL: usize = 1_000_000;

/// An event that could not be handled. The later ones of its stream wait behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parked {
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream.
    pub version: Version,
    /// Its place in the log.
    pub position: Position,
    /// The name it is stored under.
    pub name: EventName,
    /// What its handler said last, or why it could not be called.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was parked, or failed last.
    pub at: Timestamp,
    /// Whether somebody has asked for it to be retried or skipped, and that is not done yet.
    pub is_asked_for: bool,
}

/// What is to be done with a parked event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mark {
    /// It is handled, and then what waits behind it.
    Retry,
    /// It is left out, and what waits behind it is handled.
    Skip,
}

/// What the register of a parked stream holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ParkedState {
    pub(crate) stream: StreamName,
    pub(crate) version: Version,
    pub(crate) position: Position,
    pub(crate) name: String,
    pub(crate) error: String,
    pub(crate) attempts: u32,
    pub(crate) at_micros: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) mark: Option<Mark>,
}

impl ParkedState {
    pub(crate) fn new(event: EventPlace, error: String, attempts: u32, now: Timestamp) -> Self {
        let EventPlace { stream, version, position, name } = event;
        let (name, at_micros) = (name.to_string(), now.as_micros());
        Self { stream, version, position, name, error, attempts, at_micros, mark: None }
    }

    pub(crate) fn write(&self, key: String, expected: u64) -> Write {
        Write { key, expected, value: Some(encode(self)) }
    }
}

impl From<ParkedState> for Parked {
    fn from(state: ParkedState) -> Self {
        let ParkedState { stream, version, position, name, error, attempts, at_micros, mark } = state;
        let name = EventName::from(Arc::<str>::from(name));
        let at = Timestamp::from_micros(at_micros).unwrap_or(Timestamp::EPOCH);
        Self { stream, version, position, name, error, attempts, at, is_asked_for: mark.is_some() }
    }
}

/// A parked stream of a part: its register, and what it holds.
#[derive(Debug, Clone)]
pub(crate) struct ParkedStream {
    pub(crate) key: String,
    pub(crate) revision: u64,
    pub(crate) state: ParkedState,
}

/// What is parked under keys that begin with `prefix`.
pub(crate) async fn list_parked(store: &Store, prefix: &str) -> Result<Vec<ParkedStream>, ReadError> {
    let registers = store.registers().ok_or(NO_REGISTERS)?;
    let found = registers.list(prefix, ALL).await?;
    let parked = found.into_iter().map(|(key, register)| {
        let state = decode(&key, &register)?;
        Ok(ParkedStream { key, revision: register.revision, state })
    });
    parked.collect()
}

/// Asks the owner of `part` to do so with what is parked of `stream`. Answers whether anything is.
pub(crate) async fn mark_parked(
    store: &Store,
    part: Part,
    stream: &StreamName,
    mark: Mark,
) -> Result<bool, ReadError> {
    let registers = store.registers().ok_or(NO_REGISTERS)?;
    let key = part.parked_key(stream);
    while let Some(register) = registers.read(&key).await? {
        let state = ParkedState { mark: Some(mark), ..decode(&key, &register)? };
        if registers.write(vec![state.write(key.clone(), register.revision)]).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Register;

    /// What programs of every age have noted down.
    const STORED: &str = r#"{"stream":"order/o-1","version":3,"position":"7.1","name":"order.paid","error":"no such \"account\"","attempts":5,"at_micros":1700000000123456,"mark":"retry"}"#;

    #[test]
    fn what_is_parked_is_read_for_ever() {
        let state = ParkedState {
            stream: "order/o-1".parse().expect("a stream"),
            version: Version::new(3),
            position: Position::new(7, 1),
            name: "order.paid".into(),
            error: "no such \"account\"".into(),
            attempts: 5,
            at_micros: 1_700_000_000_123_456,
            mark: Some(Mark::Retry),
        };
        assert_eq!(String::from_utf8(encode(&state)).expect("text"), STORED);
        let register = Register { revision: 1, value: STORED.as_bytes().into() };
        assert_eq!(decode::<ParkedState>("parked/a", &register).expect("it is read"), state);
    }
}
