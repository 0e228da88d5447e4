//! An aggregate in hand: its id, its version, its state and what was just decided.

use crate::adapter::Bare;
use crate::aggregate::{Aggregate, EventOf, replay};
use crate::commit::{Commit, Expected, NewEvent, NonEmpty, Range};
use crate::decision::{Decision, Encoder, Raised};
use crate::format::{DecodeError, EncodeError, Format, Payload};
use crate::id::CommitId;
use crate::metadata::Metadata;
use crate::name::{InvalidName, StreamName};
use crate::position::Version;
use crate::recorded::Recorded;
use crate::time::Timestamp;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// An aggregate in hand. Shows its state, and changes it by events only.
///
/// It comes from [`Repository::load`](crate::Repository::load) and goes back by
/// [`Repository::save`](crate::Repository::save). Without a store it serves in tests:
///
/// ```
/// # use es_runtime::prelude::*;
/// # #[event("order.paid")]
/// # pub struct OrderPaid {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderPaid))]
/// # pub struct Order { paid: bool }
/// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) { self.paid = true; } }
/// # impl Order {
/// #     pub fn pay(&self) -> Result<OrderPaid, &'static str> {
/// #         if self.paid { Err("already paid") } else { Ok(OrderPaid {}) }
/// #     }
/// # }
/// let mut order = Root::<Order>::new("o-1".to_string())?;
/// order.decide(|order| order.pay())?;
/// assert!(order.paid);
/// assert!(matches!(order.decide(|order| order.pay()), Err(DecideError::Refused("already paid"))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Root<A: Aggregate> {
    id: A::Id,
    stream: StreamName,
    stored: Version,
    state: A,
    pending: Vec<Raised>,
    format: Format,
    metadata: Metadata,
    /// What was sent to the store and not answered: it must be sent again as it was.
    sent: Option<Commit>,
    /// The commit of the last stored event: proof for a snapshot.
    commit: Option<CommitId>,
    snapshot: Version,
}

impl<A: Aggregate> Root<A> {
    /// An aggregate without events, whose events are written as JSON.
    ///
    /// # Errors
    ///
    /// When the text of the id cannot name a stream.
    pub fn new(id: A::Id) -> Result<Self, InvalidName> {
        let stream = StreamName::new(A::NAME, &id)?;
        Ok(Self::empty(id, stream, Format::default()))
    }

    pub(crate) fn empty(id: A::Id, stream: StreamName, format: Format) -> Self {
        Self {
            id,
            stream,
            stored: Version::NONE,
            state: A::default(),
            pending: Vec::new(),
            format,
            metadata: Metadata::new(),
            sent: None,
            commit: None,
            snapshot: Version::NONE,
        }
    }

    /// Starts from a kept fold of the first `version` events.
    pub(crate) fn restore(&mut self, state: A, version: Version, commit: CommitId) {
        self.state = state;
        self.stored = version;
        self.snapshot = version;
        self.commit = Some(commit);
    }

    /// What tells it from others.
    pub const fn id(&self) -> &A::Id {
        &self.id
    }

    /// Where its events are kept.
    pub const fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// How many of its events are stored. Pending ones do not count.
    pub const fn version(&self) -> Version {
        self.stored
    }

    /// The state after every event, stored and pending.
    pub const fn state(&self) -> &A {
        &self.state
    }

    /// The events that were raised and not saved yet.
    pub fn pending(&self) -> &[Raised] {
        &self.pending
    }

    /// What is noted down with the pending events when they are saved.
    pub fn set_metadata(&mut self, metadata: Metadata) {
        self.metadata = metadata;
    }

    /// Records that `event` happened, and changes the state by it.
    ///
    /// # Errors
    ///
    /// When the event cannot be written, or could not be read again. Nothing has changed then.
    pub fn raise<E: EventOf<A>>(&mut self, event: E) -> Result<(), EncodeError> {
        self.accept(&event)
    }

    /// Makes a decision and raises every event it returns, or none.
    ///
    /// # Errors
    ///
    /// [`Refused`](DecideError::Refused) with the decision's own error, or
    /// [`Encode`](DecideError::Encode) when an event cannot be written, or could not be read again. Nothing
    /// has changed then.
    pub fn decide<D: Decision<A>, X>(
        &mut self,
        decide: impl FnOnce(&A) -> Result<D, X>,
    ) -> Result<(), DecideError<X>> {
        let decision = decide(&self.state).map_err(DecideError::Refused)?;
        self.accept(&decision).map_err(DecideError::Encode)
    }

    fn accept(&mut self, decision: &impl Decision<A>) -> Result<(), EncodeError> {
        let mut encoder = Encoder::new(self.format);
        decision.encode(&mut encoder)?;
        decision.apply(&mut self.state);
        let raised = encoder.into_raised();
        if self.pending.is_empty() {
            self.pending = raised;
        } else {
            self.pending.extend(raised);
        }
        Ok(())
    }

    /// Changes the state by an event from the past.
    ///
    /// # Errors
    ///
    /// When the event is of another stream, is not the next one, is not listed by the aggregate or
    /// cannot be decoded, or when there are pending events. The state has not changed then.
    pub fn replay(&mut self, recorded: &Recorded) -> Result<(), ReplayError> {
        if *recorded.stream() != self.stream {
            let (expected, found) = (self.stream.clone(), recorded.stream().clone());
            return Err(ReplayError::OtherStream { expected, found });
        }
        self.replay_bare(&Bare::of(recorded))?;
        self.commit = Some(recorded.commit());
        Ok(())
    }

    /// Changes the state by an event of its own stream, of which only what matters to the state is known.
    pub(crate) fn replay_bare(&mut self, event: &Bare<'_>) -> Result<(), ReplayError> {
        if event.version != self.stored.next() {
            let (expected, found) = (self.stored.next(), event.version);
            return Err(ReplayError::OutOfOrder { stream: self.stream.clone(), expected, found });
        }
        if !self.pending.is_empty() {
            return Err(ReplayError::Pending { stream: self.stream.clone(), pending: self.pending.len() });
        }
        let payload = Payload { format: event.format, bytes: event.payload };
        let replayed = replay(&mut self.state, event.name, event.schema_version, payload);
        replayed.ok_or_else(|| self.unknown(event))?.map_err(|source| ReplayError::Decode {
            stream: self.stream.clone(),
            version: event.version,
            source,
        })?;
        self.stored = event.version;
        Ok(())
    }

    #[cold]
    fn unknown(&self, event: &Bare<'_>) -> ReplayError {
        ReplayError::UnknownEvent {
            aggregate: A::NAME,
            name: event.name.to_owned(),
            stream: self.stream.clone(),
            version: event.version,
        }
    }

    pub(crate) fn into_state(self) -> A {
        self.state
    }

    pub(crate) const fn snapshot_version(&self) -> Version {
        self.snapshot
    }

    pub(crate) const fn set_snapshot_version(&mut self, version: Version) {
        self.snapshot = version;
    }

    pub(crate) const fn last_commit(&self) -> Option<CommitId> {
        self.commit
    }

    /// The pending events as a commit: the one that was sent without an answer, if there is one.
    ///
    /// The answer belongs to [`committed`](Self::committed).
    pub(crate) fn commit(&mut self, fresh: impl FnOnce() -> CommitId, now: Timestamp) -> Option<Commit> {
        if let Some(sent) = &self.sent {
            return Some(sent.clone());
        }
        let metadata = Arc::new(self.metadata.clone());
        let commit = self.make_commit(fresh, metadata, now, Vec::new())?;
        self.sent = Some(commit.clone());
        Some(commit)
    }

    /// The pending events as a commit that is not remembered.
    pub(crate) fn make_commit(
        &self,
        id: impl FnOnce() -> CommitId,
        metadata: Arc<Metadata>,
        occurred_at: Timestamp,
        requires: Vec<(StreamName, Expected)>,
    ) -> Option<Commit> {
        let event = |raised: &Raised| NewEvent {
            name: raised.name.into(),
            schema_version: raised.schema_version,
            payload: raised.payload.clone(),
            metadata: Arc::clone(&metadata),
            occurred_at,
        };
        let events = NonEmpty::collect(self.pending.iter().map(event))?;
        let expected = Expected::Exactly(self.stored);
        Some(Commit { id: id(), stream: self.stream.clone(), expected, events, requires })
    }

    /// Whether a commit was sent and not answered.
    pub(crate) const fn is_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// Whether more is pending than was sent.
    pub(crate) fn has_more_than_sent(&self) -> bool {
        self.pending.len() > self.sent.as_ref().map_or(0, |sent| sent.events.len())
    }

    /// The first `commit.events.len()` pending events are stored.
    pub(crate) fn committed(&mut self, commit: &Commit, range: Range) {
        self.sent = None;
        self.pending.drain(..commit.events.len().min(self.pending.len()));
        self.stored = range.last;
        self.commit = Some(commit.id);
    }

    /// The commit that was sent is certainly not stored.
    pub(crate) fn not_committed(&mut self) {
        self.sent = None;
    }
}

/// The state: to look at, never to change.
impl<A: Aggregate> Deref for Root<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.state
    }
}

/// Without the state, which may hold what nobody should see in a log; `{:?}` of the state shows that.
impl<A: Aggregate> fmt::Debug for Root<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root")
            .field("stream", &self.stream)
            .field("version", &self.stored)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

/// An event from the past does not fit the aggregate. A retry does not help.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It belongs to another aggregate.
    #[error("an event of `{found}` cannot be replayed on `{expected}`")]
    OtherStream {
        /// The aggregate's stream.
        expected: StreamName,
        /// The event's stream.
        found: StreamName,
    },
    /// It is not the next one.
    #[error("the next event of `{stream}` is version {expected}, but this one is version {found}")]
    OutOfOrder {
        /// The aggregate's stream.
        stream: StreamName,
        /// The version that comes next.
        expected: Version,
        /// The event's version.
        found: Version,
    },
    /// There are events that are not saved, so the past is over.
    #[error("`{stream}` has {pending} pending events, so nothing from the past can be replayed on it")]
    Pending {
        /// The aggregate's stream.
        stream: StreamName,
        /// How many.
        pending: usize,
    },
    /// The aggregate does not list it.
    #[error(
        "`{stream}` has an event `{name}` at version {version} that aggregate `{aggregate}` does not list; \
         add it to `events(...)`, or its name as an `alias` of the event it is called now, \
         or, where it does not happen any more, to `past(...)`"
    )]
    UnknownEvent {
        /// The name of the aggregate.
        aggregate: &'static str,
        /// The stored name of the event.
        name: String,
        /// The aggregate's stream.
        stream: StreamName,
        /// The event's version.
        version: Version,
    },
    /// It cannot be decoded.
    #[error("`{stream}` cannot be read at version {version}: {source}")]
    Decode {
        /// The aggregate's stream.
        stream: StreamName,
        /// The event's version.
        version: Version,
        /// What is wrong with it.
        r#source: DecodeError,
    },
}

/// A decision raised nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DecideError<X> {
    /// The decision said no.
    #[error("{0}")]
    Refused(X),
    /// The decision said yes, but an event cannot be written.
    #[error("{0}")]
    Encode(EncodeError),
}
