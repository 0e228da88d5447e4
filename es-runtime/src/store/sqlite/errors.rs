//! What SQLite says, in the words of the door.

use crate::error::{AppendError, ReadError};
use crate::format::Cause;
use crate::sql::SqlError;
use rusqlite::{Error, ErrorCode};

/// The other processes kept the write lock for longer than we wait.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

pub(super) fn is_constraint(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

pub(super) fn is_disk_full(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// The file is damaged, or is no database.
pub(super) fn is_damaged(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// A cause in one sentence, which keeps what SQLite said and adds what to do.
pub(super) fn cause(error: &Error) -> Cause {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full, make room",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process keeps the write lock for longer than `busy_timeout`"
        }
        Some(ErrorCode::ReadOnly) => "the file or its folder cannot be written",
        Some(ErrorCode::CannotOpen) => "the file cannot be opened",
        _ => return Cause::new(error.to_string()),
    };
    Cause::new(format!("{advice} ({error})"))
}

/// Why a read at `at` failed.
pub(super) fn read_error(error: &Error, at: &str) -> ReadError {
    if is_damaged(error) {
        ReadError::Corrupt { at: at.into(), detail: error.to_string() }
    } else {
        ReadError::Unavailable(cause(error))
    }
}

/// Why nothing of a transaction was stored, after it was rolled back.
pub(super) fn not_stored(error: &Error) -> AppendError {
    match error {
        error if is_damaged(error) || is_constraint(error) => {
            AppendError::Fatal(Cause::new(format!("the file is corrupt: {error}")))
        }
        error => AppendError::Unavailable(cause(error)),
    }
}

/// Why a statement of somebody else's failed.
pub(super) fn sql_error(error: &Error) -> SqlError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory,
        ) => SqlError::Unavailable(cause(error)),
        _ => SqlError::Refused(Cause::new(error.to_string())),
    }
}

/// Why the store itself refused a transaction.
pub(super) fn refused(error: AppendError) -> SqlError {
    match error {
        AppendError::Unavailable(cause) => SqlError::Unavailable(cause),
        error => SqlError::Refused(Cause::new(error)),
    }
}
