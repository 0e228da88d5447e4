//! What can go wrong with a statement.

use crate::format::Cause;

/// A statement or its transaction failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The database could not be reached, or somebody else was in the way. Nothing was written; a retry may help.
    #[error("the database is unavailable, and nothing was written: {0}")]
    Unavailable(Cause),
    /// Whether the transaction was committed is not known: its answer was lost. A checkpoint that moves in it
    /// tells.
    #[error("whether the transaction was committed is not known: {0}")]
    Unknown(Cause),
    /// The database refused the statement. Nothing was written, and a retry of the same does not help.
    #[error("the database refuses the statement: {0}")]
    Refused(Cause),
    /// A value does not fit: a parameter its column, or a column the type that it is read as.
    #[error("{0}")]
    Value(String),
    /// This store has no SQL.
    #[error("this store has no SQL: it keeps no tables beside its events")]
    Unsupported,
}

impl SqlError {
    /// Whether the same may succeed in a moment.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unknown(_))
    }
}
