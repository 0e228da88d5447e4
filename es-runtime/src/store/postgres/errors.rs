//! What PostgreSQL says, in the words of the door.

use crate::error::{AppendError, ReadError};
use crate::format::Cause;
use crate::id::CommitId;
use std::error::Error as _;
use std::fmt::Write;
use std::time::Duration;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

/// Why a call of the server failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was never sent.
    NotSent(Cause),
    /// The server refused it, and undid what it had done of it.
    Refused(Box<Refusal>),
    /// It was sent, and nobody knows what became of it.
    Lost(Cause),
}

/// What the server said.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: SqlState,
    pub(super) cause: Cause,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.as_db_error() {
            // A session that was ended from outside may have committed before.
            Some(db) if is_error(db) => {
                Self::Refused(Box::new(Refusal { code: db.code().clone(), cause: cause(&error) }))
            }
            _ => Self::Lost(cause(&error)),
        }
    }
}

impl Failure {
    pub(super) fn timed_out(after: Duration) -> Self {
        Self::Lost(no_answer(after))
    }

    /// Whether the connection can be used no more.
    pub(super) fn is_broken(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::NotSent(_) => false,
            // It is a standby now, or holds back every change.
            Self::Refused(refusal) => refusal.code == SqlState::READ_ONLY_SQL_TRANSACTION,
        }
    }

    /// Whether another transaction stored the same version or the same id meanwhile.
    pub(super) fn is_race(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == SqlState::UNIQUE_VIOLATION)
    }

    /// Whether it may be about one commit of a batch, and not about the others: another transaction stored the
    /// same version or the same id meanwhile, or stood in the way, or the commit cannot be stored at all.
    pub(super) fn is_of_one(&self) -> bool {
        let Self::Refused(refusal) = self else { return false };
        refusal.is_unstorable()
            || [
                &SqlState::UNIQUE_VIOLATION,
                &SqlState::T_R_DEADLOCK_DETECTED,
                &SqlState::T_R_SERIALIZATION_FAILURE,
                &SqlState::LOCK_NOT_AVAILABLE,
            ]
            .contains(&&refusal.code)
    }

    /// What it means for the commit `id`.
    pub(super) fn append_error(&self, id: CommitId) -> AppendError {
        match self {
            Self::NotSent(cause) => AppendError::Unavailable(cause.clone()),
            Self::Lost(source) => AppendError::Unknown { id, source: source.clone() },
            Self::Refused(refusal) if refusal.is_lasting() => AppendError::Fatal(refusal.cause.clone()),
            Self::Refused(refusal) if refusal.is_unstorable() => {
                AppendError::Invalid(refusal.cause.to_string())
            }
            Self::Refused(refusal) => AppendError::Unavailable(refusal.cause.clone()),
        }
    }

    /// What it means for a read at `at`.
    pub(super) fn read_error(&self, at: &str) -> ReadError {
        match self {
            Self::NotSent(cause) | Self::Lost(cause) => ReadError::Unavailable(cause.clone()),
            Self::Refused(refusal) if refusal.is_damage() => {
                ReadError::Corrupt { at: at.into(), detail: refusal.cause.to_string() }
            }
            Self::Refused(refusal) => ReadError::Unavailable(refusal.cause.clone()),
        }
    }
}

impl Refusal {
    /// A page or an index makes no sense.
    fn is_damage(&self) -> bool {
        self.code == SqlState::DATA_CORRUPTED || self.code == SqlState::INDEX_CORRUPTED
    }

    /// What was sent cannot be stored: a value, a size, or a rule that somebody added to the tables.
    fn is_unstorable(&self) -> bool {
        let class = self.code.code().get(..2).unwrap_or_default();
        matches!(class, "22" | "23" | "54") && self.code != SqlState::UNIQUE_VIOLATION
    }

    /// A retry does not help: rights or tables are missing, or something is damaged.
    fn is_lasting(&self) -> bool {
        self.is_damage() || self.code == SqlState::INSUFFICIENT_PRIVILEGE || is_missing(&self.code)
    }
}

pub(super) fn no_answer(within: Duration) -> Cause {
    Cause::new(format!("the server did not answer within {} s", within.as_secs_f32()))
}

/// A table, a function or the whole schema is not there.
pub(super) fn is_missing(code: &SqlState) -> bool {
    [
        &SqlState::UNDEFINED_TABLE,
        &SqlState::UNDEFINED_FUNCTION,
        &SqlState::UNDEFINED_COLUMN,
        &SqlState::INVALID_SCHEMA_NAME,
    ]
    .contains(&code)
}

/// Whether the server may take connections soon: it starts, is full, or another one takes its place.
pub(super) fn is_passing(error: &Error) -> bool {
    match error.as_db_error() {
        Some(db) => [
            &SqlState::CANNOT_CONNECT_NOW,
            &SqlState::ADMIN_SHUTDOWN,
            &SqlState::CRASH_SHUTDOWN,
            &SqlState::TOO_MANY_CONNECTIONS,
        ]
        .contains(&db.code()),
        None => {
            let is_io = |error: &(dyn std::error::Error + 'static)| error.is::<std::io::Error>();
            error.is_closed() || error.source().is_some_and(is_io)
        }
    }
}

/// What to do where client and server do not agree on how to talk, which a retry does not change.
pub(super) fn advice(error: &Error) -> Option<&'static str> {
    // The driver keeps its kinds of errors to itself, but each has its words.
    let text = error.to_string();
    if text.starts_with("error performing TLS handshake") {
        return Some("see `sslmode` and `sslrootcert` of the URL, and `ssl` of the server");
    }
    let is_about_who =
        ["invalid configuration", "authentication error"].iter().any(|is| text.starts_with(is));
    is_about_who.then_some("see the user and the password of the URL, and the server's pg_hba.conf")
}

fn is_error(db: &DbError) -> bool {
    db.parsed_severity() == Some(Severity::Error)
        || (db.parsed_severity().is_none() && db.severity() == "ERROR")
}

/// What happened in one sentence: the driver itself says no more than "db error".
pub(super) fn cause(error: &Error) -> Cause {
    let text = match error.as_db_error() {
        Some(db) => {
            let mut text = format!("{} (SQLSTATE {})", db.message(), db.code().code());
            for more in [db.detail(), db.hint()].into_iter().flatten() {
                let _ = write!(text, "; {more}");
            }
            text
        }
        None => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    };
    Cause::new(text)
}
