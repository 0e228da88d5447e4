//! What can go wrong between a program and its store.
//!
//! Each error says in its own words why it came about, so none of them has a `source`: whoever prints the chain
//! would print the reason twice. (`r#source` is how `thiserror` is told that a field of that name is none.)

use crate::commit::Expected;
use crate::format::Cause;
use crate::id::CommitId;
use crate::name::StreamName;
use crate::position::Version;

/// A commit was not stored, or nobody knows whether it was. Each variant says which.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Not stored: a stream is not as expected. Read it again and decide again.
    #[error("conflict on `{stream}`: {expected} expected, but it is at version {actual}")]
    Conflict {
        /// The stream that is not as expected: the commit's own or one it requires.
        stream: StreamName,
        /// What was expected of it.
        expected: Expected,
        /// Its version now; [`Version::NONE`] if it has no events.
        actual: Version,
    },
    /// Not stored: another commit has this id. A retry does not help; a commit with other contents
    /// needs an id of its own.
    #[error("the commit id {id} was used before, for other events")]
    IdReused {
        /// The id.
        id: CommitId,
    },
    /// Not stored: something is larger than the store takes. A retry does not help.
    #[error("{what} has {size}, but the limit is {limit}")]
    TooLarge {
        /// What is too large, and in which unit it is measured.
        what: String,
        /// Its size.
        size: usize,
        /// The largest size that is accepted.
        limit: usize,
    },
    /// Not stored: this store cannot do what was asked, and says so in its
    /// [`Capabilities`](crate::Capabilities). A retry does not help.
    #[error("this store does not support {0}")]
    Unsupported(&'static str),
    /// Not stored: the commit makes no sense. A retry does not help.
    #[error("the commit is invalid: {0}")]
    Invalid(String),
    /// Not stored: the store could not be reached or had no room. A retry may help, once the cause is gone.
    #[error("the store is unavailable, and nothing was written: {0}")]
    Unavailable(Cause),
    /// Perhaps stored. Send the same commit again: if it was stored, that is the answer.
    #[error("commit {id} may or may not be stored, send the same commit again to learn which: {source}")]
    Unknown {
        /// The id to send again, or to look up.
        id: CommitId,
        /// What happened.
        r#source: Cause,
    },
    /// Not stored, and the store takes no more commits from this program. Open it again.
    #[error("the store cannot go on, open it again: {0}")]
    Fatal(Cause),
}

impl AppendError {
    /// Whether it is certain that nothing was stored.
    pub const fn is_not_stored(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }

    /// Whether sending the same commit again may succeed.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Unavailable(_))
    }
}

/// Something could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store could not be reached. A retry may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(Cause),
    /// What is stored contradicts itself, so it is not passed on. A retry does not help.
    #[error("the store is corrupt at {at}: {detail}")]
    Corrupt {
        /// The stream and version, or the file.
        at: String,
        /// What is wrong there.
        detail: String,
    },
    /// This store cannot do what was asked. A retry does not help.
    #[error("this store does not support {0}")]
    Unsupported(&'static str),
}

/// A store could not be opened. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No store has this scheme.
    #[error(
        "`{0}` is not the URL of a store; it starts with `sqlite:`, `postgres:` or `memory:`, as in `sqlite:orders.db`"
    )]
    UnknownScheme(String),
    /// The adapter is not part of this program.
    #[error(
        "this program is built without the feature `{feature}` of es-runtime, which `{scheme}` URLs need"
    )]
    NotBuilt {
        /// The scheme of the URL.
        scheme: &'static str,
        /// The cargo feature to switch on.
        feature: &'static str,
    },
    /// The adapter is not written yet.
    #[error("`{0}` stores are planned, but not part of this version of es-runtime")]
    Planned(&'static str),
    /// The part of the URL after the scheme makes no sense.
    #[error("the URL of the store is invalid: {0}")]
    InvalidUrl(String),
    /// The place cannot be reached, read or written. A retry may help, once the cause is gone.
    #[error("cannot open the store `{store}`: {reason}")]
    Unavailable {
        /// The store, without its secrets.
        store: String,
        /// What is wrong, and what to do.
        reason: Cause,
    },
    /// The server was reached, but does not let this program in or cannot be used. A retry does not help.
    #[error("the server refuses to open the store `{store}`: {reason}")]
    Refused {
        /// The store, without its secrets.
        store: String,
        /// What it said, and what to do.
        reason: String,
    },
    /// There is something else than a store, or a damaged one. A retry does not help.
    #[error("`{store}` is not a usable store: {reason}")]
    NotAStore {
        /// The store, without its secrets.
        store: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// It was written by a newer version of es-runtime. A retry does not help.
    #[error(
        "`{store}` has schema version {found}, but this program knows versions up to {newest}; upgrade the program"
    )]
    NewerSchema {
        /// The store, without its secrets.
        store: String,
        /// The version it has.
        found: u64,
        /// The newest version this program knows.
        newest: u64,
    },
    /// Two events of this program are stored under one name.
    #[error("{0}")]
    DuplicateName(String),
}
