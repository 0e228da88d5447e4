//! Why something that follows the log cannot go on.

use crate::error::ReadError;
use crate::follow::Follower;
use crate::format::{Cause, DecodeError};
use crate::name::{EventName, StreamName};
use crate::position::{Position, Version};
use crate::recorded::Recorded;
use crate::sql::SqlError;
use crate::store::Store;
use std::fmt;
use std::time::Duration;

/// A projection or reaction cannot start, or had to stop.
///
/// What was handled before is kept, and nothing is passed over: once the cause is gone, a new start goes on where
/// it stopped.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The store cannot do what is needed.
    #[error("`{follower}` cannot run on this store: {why}")]
    Unsupported {
        /// Its name.
        follower: &'static str,
        /// What is missing, and what to do.
        why: &'static str,
    },
    /// Its name cannot be kept: it is empty, longer than 100 bytes or has other characters than ASCII letters,
    /// digits, `.`, `_` and `-`.
    #[error(
        "`{0}` cannot be the name of a follower: use ASCII letters, digits, `.`, `_` and `-`, 100 of them at most"
    )]
    InvalidName(&'static str),
    /// The log is not the one that was followed.
    #[error(
        "`{follower}` has handled the event at position {position}, but {found}. The store was restored from a \
         backup, or failed over to a server that had not got everything: what was built from the lost events may be \
         wrong, so build it anew"
    )]
    Diverged {
        /// Its name.
        follower: &'static str,
        /// The event it handled last.
        position: Position,
        /// What is there now.
        found: String,
    },
    /// A newer program has built the projection anew. This one leaves it alone.
    #[error(
        "`{follower}` is kept in version {kept} by a newer program, and this one has version {own}: run the newer \
         program, or raise the version"
    )]
    NewerBuild {
        /// Its name.
        follower: &'static str,
        /// The version of what is there.
        kept: u32,
        /// The version of this program.
        own: u32,
    },
    /// There is no such projection yet.
    #[error("nothing was built yet for `{0}`: start its projector")]
    NotBuilt(&'static str),
    /// A handler failed as often as its policy allows.
    #[error("the handler of {event} failed, attempt {attempts}: {error}")]
    Handler {
        /// The event.
        event: Box<EventPlace>,
        /// How often it was tried.
        attempts: u32,
        /// What the handler said last.
        error: Cause,
    },
    /// An event of a followed aggregate has a name that this program does not know.
    #[error(
        "this program does not know the event {0}: run one that does, or choose another `OnUnknown` policy"
    )]
    Unknown(Box<EventPlace>),
    /// An event does not have the shape of its type.
    #[error("the event {event} cannot be read: {error}")]
    Unreadable {
        /// The event.
        event: Box<EventPlace>,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// The tables could not be made.
    #[error("the tables of `{follower}` cannot be made: {error}")]
    Create {
        /// Its name.
        follower: &'static str,
        /// What was said when they were made.
        error: Cause,
    },
    /// The name of a table or index is longer than databases keep it.
    #[error("the name `{name}` has {} bytes, and databases keep {limit}: take a shorter one", name.len())]
    NameTooLong {
        /// The name, with what is put before it.
        name: String,
        /// The longest that is possible.
        limit: usize,
    },
    /// The position was not reached in time. Waiting again may help.
    #[error(
        "`{follower}` has not come to position {position} within {waited:?}{}",
        stopped.as_ref().map(|error| format!("; it has stopped: {error}")).unwrap_or_default()
    )]
    Timeout {
        /// Its name.
        follower: &'static str,
        /// What was waited for.
        position: Position,
        /// For how long.
        waited: Duration,
        /// Why it does not go on, if it has stopped in this program.
        stopped: Option<Box<FollowError>>,
    },
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database refused what is not a handler's.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// A task of the loop itself panicked: a bug of this crate.
    #[error("following stopped by a panic: {0}")]
    Panicked(String),
}

/// Which event it was, without what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPlace {
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream.
    pub version: Version,
    /// Its place in the log.
    pub position: Position,
    /// The name it is stored under.
    pub name: EventName,
}

impl EventPlace {
    pub(crate) fn of(event: &Recorded) -> Self {
        let name = EventName::from(std::sync::Arc::<str>::from(event.name()));
        Self { stream: event.stream().clone(), version: event.version(), position: event.position(), name }
    }
}

impl fmt::Display for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, version, position, name } = self;
        write!(f, "`{name}`, version {version} of `{stream}` at position {position}")
    }
}

/// Names are parts of keys, and of the names of tables.
pub(crate) fn check_name(name: &'static str) -> Result<(), FollowError> {
    let travels = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match !name.is_empty() && name.len() <= 100 && name.chars().all(travels) {
        true => Ok(()),
        false => Err(FollowError::InvalidName(name)),
    }
}

/// Followers note how far they have come in registers.
pub(crate) fn check_registers<F: Follower>(store: &Store) -> Result<(), FollowError> {
    match store.registers() {
        Some(_) => Ok(()),
        None => Err(FollowError::Unsupported {
            follower: F::NAME,
            why: "it has no registers to note in how far a reader has come; SQLite, PostgreSQL and memory have",
        }),
    }
}
