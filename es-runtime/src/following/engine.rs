//! How events are handed on and how the checkpoint moves: the door between the loop and what is particular to a
//! delivery.

use super::caught::caught;
use super::part::PartState;
use crate::error::ReadError;
use crate::follow::{Follower, Task, task};
use crate::format::{Cause, DecodeError};
use crate::name::StreamName;
use crate::recorded::Recorded;
use crate::register::Write;
use crate::sql::SqlError;
use std::collections::HashSet;
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// Hands events to their handlers and moves the checkpoint.
pub(crate) trait Engine<F: Follower>: Send + Sync + 'static {
    /// Handles the events of `portion` in order, and makes the changes that `note` says.
    ///
    /// # Errors
    ///
    /// When the store failed. What was handled is rolled back where that is possible; whether the checkpoint
    /// moved is to be read.
    fn deliver(
        &self,
        follower: &Arc<F>,
        portion: Portion,
        note: Note,
    ) -> impl Future<Output = Result<Delivered, EngineError>> + Send;
}

/// Events to be handled.
#[derive(Clone)]
pub(crate) struct Portion {
    pub(crate) events: Arc<Vec<Recorded>>,
    pub(crate) range: Range<usize>,
    /// Streams whose events are passed over, because an earlier one is parked.
    pub(crate) parked: Arc<HashSet<StreamName>>,
    pub(crate) skips_unknown: bool,
    /// How long a transaction may go on to the next event: others may wait for it.
    pub(crate) budget: Duration,
    /// 1 for events that this program has not tried before.
    pub(crate) attempt: u32,
}

impl Portion {
    /// The events that are to be handled, and where they are.
    pub(crate) fn due(&self) -> impl Iterator<Item = (usize, &Recorded)> {
        let events = self.range.clone().filter_map(|at| Some((at, self.events.get(at)?)));
        events.filter(|(_, event)| self.parked.is_empty() || !self.parked.contains(event.stream()))
    }

    /// How many of them are before `at`.
    pub(crate) fn due_before(&self, at: usize) -> usize {
        if self.parked.is_empty() {
            return at.saturating_sub(self.range.start);
        }
        self.due().take_while(|(place, _)| *place < at).count()
    }
}

/// The change of the registers that goes with a portion.
pub(crate) struct Note {
    /// The register of the part.
    pub(crate) key: String,
    /// The revision it had when it was seen last.
    pub(crate) revision: u64,
    /// What it held then.
    pub(crate) before: PartState,
    /// What it is to hold, and which other registers change, when the events before this place are handled.
    pub(crate) after: Box<dyn Fn(usize) -> (PartState, Vec<Write>) + Send + Sync>,
}

/// What came of a portion.
pub(crate) enum Delivered {
    /// It is handled and the checkpoint moved.
    Done {
        /// Behind the last event that was handled: all of them, unless time ran out.
        until: usize,
        /// The revision of the part's register.
        revision: u64,
    },
    /// An event was not handled.
    Failed {
        /// Where it is.
        at: usize,
        /// The revision of the part's register, if what was handled before is kept and the checkpoint moved behind
        /// it. Otherwise all of it is rolled back.
        kept: Option<u64>,
        /// Why.
        failure: Failure,
    },
    /// The database refuses the transaction as a whole, and does not say which event it is about: one whose handler
    /// kept an error to itself, or too many of them for the time that a transaction may take. Nothing is kept.
    Refused(Cause),
    /// Somebody else has changed a register, and nothing was changed.
    Stale,
}

/// Why an event was not handled.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Handler(Cause),
    Panicked(String),
    Unreadable(DecodeError),
    Unknown,
}

impl Failure {
    /// Whether the database was in the way, so that the handler is not to blame.
    pub(crate) fn is_of_the_database(&self) -> bool {
        let Self::Handler(cause) = self else { return false };
        let mut error: Option<&(dyn Error + 'static)> = Some(cause.get());
        while let Some(this) = error {
            if this.downcast_ref::<SqlError>().is_some_and(SqlError::is_retryable) {
                return true;
            }
            error = this.source();
        }
        false
    }

    /// What is noted about it.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Handler(cause) => cause.clone(),
            Self::Panicked(text) => Cause::new(format!("it panicked: {text}")),
            Self::Unreadable(error) => Cause::new(error.clone()),
            Self::Unknown => Cause::new("this program does not know the event"),
        }
    }
}

/// The store failed.
#[derive(Debug)]
pub(crate) enum EngineError {
    Read(ReadError),
    Sql(SqlError),
}

impl From<ReadError> for EngineError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<SqlError> for EngineError {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

/// Hands one event to its handler, if it has one.
pub(crate) async fn handle<F: Follower>(
    follower: &F,
    event: &Recorded,
    context: &mut F::Context,
    portion: &Portion,
) -> Result<(), Failure> {
    let span = tracing::debug_span!(
        "es.handle",
        follower = F::NAME,
        stream = event.stream().as_str(),
        version = event.version().get(),
        position = %event.position(),
        event = event.name(),
        schema_version = event.schema_version(),
        attempt = portion.attempt,
    );
    let handling = async {
        match task(follower, event, context).map_err(Failure::Unreadable)? {
            Task::Handle(handling) => handling.await.map_err(|error| Failure::Handler(Cause::new(error))),
            Task::Pass => Ok(()),
            Task::Unknown if portion.skips_unknown => Ok(()),
            Task::Unknown => Err(Failure::Unknown),
        }
    };
    let outcome = caught(handling.instrument(span)).await;
    outcome.unwrap_or_else(|panic| Err(Failure::Panicked(panic)))
}
