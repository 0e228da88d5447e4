//! What has become of a commit so far, over every time it was sent.

use crate::error::AppendError;
use crate::id::CommitId;

/// A commit on its way, which may be sent more than once.
#[derive(Debug)]
pub(crate) struct Sending {
    id: CommitId,
    failures: u32,
    is_unsure: bool,
}

impl Sending {
    /// The commit `id`, which was sent before without an answer, or was not.
    pub(crate) const fn of(id: CommitId, was_sent: bool) -> Self {
        Self { id, failures: 0, is_unsure: was_sent }
    }

    /// How often sending it failed.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether a sending was not answered, so that it may have stored the commit.
    pub(crate) const fn is_unsure(&self) -> bool {
        self.is_unsure
    }

    /// It was sent, and nobody is left to answer.
    pub(crate) const fn was_not_answered(&mut self) {
        self.is_unsure = true;
    }

    /// Sending it failed: `error` speaks of that sending, the answer of all of them.
    pub(crate) fn failed(&mut self, error: AppendError) -> AppendError {
        self.failures = self.failures.saturating_add(1);
        self.is_unsure |= !error.is_not_stored();
        match error {
            AppendError::Unavailable(source) | AppendError::Fatal(source) if self.is_unsure => {
                AppendError::Unknown { id: self.id, source }
            }
            error => error,
        }
    }
}
