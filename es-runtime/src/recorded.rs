//! Events as a store gives them back: what happened, and all that was noted down with it.

use crate::commit::NewEvent;
use crate::event::Event;
use crate::format::{DecodeError, Encoded, decode_named, is_named};
use crate::id::{CommitId, EventId};
use crate::metadata::Metadata;
use crate::name::{EventName, StreamName};
use crate::position::{Position, Version};
use crate::time::Timestamp;
use std::sync::Arc;

/// An event that is stored, with its envelope. `E` is its type, or [`Encoded`] while it has none.
///
/// Only a store makes one, so whoever holds one knows that the event happened.
///
/// ```
/// # use es_runtime::prelude::*;
/// # #[event("order.placed")]
/// # pub struct OrderPlaced { pub customer: String }
/// fn greet(recorded: &Recorded) -> Result<(), DecodeError> {
///     if recorded.is::<OrderPlaced>() {
///         let placed: Recorded<OrderPlaced> = recorded.decode()?;
///         println!("{}: thank you, {}", placed.recorded_at(), placed.event().customer);
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<E = Encoded> {
    /// Shared, so that a clone is two counters and not four and the bytes of everything in it.
    envelope: Arc<Envelope>,
    /// 1 for the first part of what is stored, 0 for all of it.
    part: u32,
    event: E,
}

/// Everything about a stored event but the event. For authors of adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The commit it was stored in.
    pub commit: CommitId,
    /// Its place in that commit, from 0.
    pub index: u64,
    /// The stream it belongs to.
    pub stream: StreamName,
    /// Its place in that stream.
    pub version: Version,
    /// Its place in the whole log.
    pub position: Position,
    /// When the store took it.
    pub recorded_at: Timestamp,
    /// When it happened, as the caller said.
    pub occurred_at: Timestamp,
    /// The name it is stored under.
    pub name: EventName,
    /// The version of its shape.
    pub schema_version: u16,
    /// Who, why, and where to look further.
    pub metadata: Arc<Metadata>,
}

impl Recorded {
    /// An event read from a store. For authors of adapters: nobody else can know that it is stored.
    pub fn from_store(envelope: Envelope, payload: Encoded) -> Self {
        Self { envelope: Arc::new(envelope), part: 0, event: payload }
    }

    /// Whether events of type `E` are, or were once, stored under this one's name.
    pub fn is<E: Event>(&self) -> bool {
        is_named::<E>(self.name())
    }

    /// The event as its type, taken through the chain of versions.
    ///
    /// # Errors
    ///
    /// When it is an event of another name, of a version newer than the type, or malformed.
    pub fn decode<E: Event>(&self) -> Result<Recorded<E>, DecodeError> {
        let event = decode_named(self.name(), self.schema_version(), &self.event)?;
        Ok(Recorded { envelope: self.envelope.clone(), part: 0, event })
    }
}

impl<E> Recorded<E> {
    /// The event that is read as part `number`, from 0, of a stored one.
    pub(crate) const fn part_of(envelope: Arc<Envelope>, number: u32, event: E) -> Self {
        Self { envelope, part: number.saturating_add(1), event }
    }

    pub(crate) fn into_parts(self) -> (Arc<Envelope>, E) {
        (self.envelope, self.event)
    }

    /// The event itself.
    pub const fn event(&self) -> &E {
        &self.event
    }

    /// The event itself, without its envelope.
    pub fn into_event(self) -> E {
        self.event
    }

    /// The event's id: the same each time it is read. Each [part](Self::part) of a stored event has one of its own.
    pub fn id(&self) -> EventId {
        let whole = EventId::of(self.envelope.commit, self.envelope.index);
        match self.part() {
            None => whole,
            Some(number) => whole.of_part(number),
        }
    }

    /// Which part it is, from 0, of a stored event in whose place others are read: one with `into(...)`.
    ///
    /// The parts are counted as the conversion makes them. All else in the envelope is that of the stored event, so
    /// whoever notes the version or the position of what is done, to know it again, must note the part too.
    pub const fn part(&self) -> Option<u32> {
        self.part.checked_sub(1)
    }

    /// The commit it was stored in.
    pub fn commit(&self) -> CommitId {
        self.envelope.commit
    }

    /// Its place in that commit, from 0.
    pub fn index(&self) -> u64 {
        self.envelope.index
    }

    /// The stream it belongs to.
    pub fn stream(&self) -> &StreamName {
        &self.envelope.stream
    }

    /// Its place in the stream: 1, 2, 3 and so on.
    pub fn version(&self) -> Version {
        self.envelope.version
    }

    /// Its place in the whole log.
    pub fn position(&self) -> Position {
        self.envelope.position
    }

    /// When the store took it. Never goes back within a stream.
    pub fn recorded_at(&self) -> Timestamp {
        self.envelope.recorded_at
    }

    /// When it happened, as the caller said.
    pub fn occurred_at(&self) -> Timestamp {
        self.envelope.occurred_at
    }

    /// The name it is stored under, which may be an alias of its type's.
    pub fn name(&self) -> &str {
        &self.envelope.name
    }

    /// The version of the shape it is stored in, which may be older than its type's.
    pub fn schema_version(&self) -> u16 {
        self.envelope.schema_version
    }

    /// Who, why, and where to look further.
    pub fn metadata(&self) -> &Metadata {
        &self.envelope.metadata
    }
}

/// The event alone, as it was when it was new.
impl From<Recorded> for NewEvent {
    fn from(recorded: Recorded) -> Self {
        let Envelope { name, schema_version, metadata, occurred_at, .. } = &*recorded.envelope;
        Self {
            name: name.clone(),
            schema_version: *schema_version,
            metadata: Arc::clone(metadata),
            occurred_at: *occurred_at,
            payload: recorded.event,
        }
    }
}
