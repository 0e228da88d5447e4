//! The largest commit that a database takes: it is written by one statement, and read as one page.

use crate::adapter::Capabilities;
use crate::commit::{Appended, Commit, NewEvent};
use crate::error::AppendError;

/// The most events of one commit.
const MOST_EVENTS: usize = 100_000;

/// The most bytes of one commit. Databases keep no value of 1 GB.
const MOST_BYTES: usize = 256 << 20;

/// What became of each commit of a batch, in its order.
pub(super) type Outcomes = Vec<Result<Appended, AppendError>>;

/// Tells in `capabilities` what [`check`] lets through.
pub(super) const fn limit(mut capabilities: Capabilities) -> Capabilities {
    capabilities.max_commit_events = MOST_EVENTS;
    capabilities.max_commit_bytes = MOST_BYTES;
    capabilities
}

/// The bytes of a commit.
pub(super) fn size(commit: &Commit) -> usize {
    let event = |event: &NewEvent| event.payload.bytes().len() + event.metadata.size();
    commit.events.iter().map(event).sum()
}

/// Refuses a commit that is too large, or names an event as no database can.
pub(super) fn check(commit: &Commit) -> Result<(), AppendError> {
    if let Some(event) = commit.events.iter().find(|event| event.name.contains('\0')) {
        let reason = format!("the name of the event {:?} has a NUL, which texts cannot have", event.name);
        return Err(AppendError::Invalid(reason));
    }
    let too_large = |what: &str, size, limit| {
        Err(AppendError::TooLarge {
            what: format!("a commit to `{}`, in {what},", commit.stream),
            size,
            limit,
        })
    };
    match (commit.events.len(), size(commit)) {
        (events, _) if events > MOST_EVENTS => too_large("events", events, MOST_EVENTS),
        (_, bytes) if bytes > MOST_BYTES => too_large("bytes", bytes, MOST_BYTES),
        _ => Ok(()),
    }
}

/// Which commits of a batch were refused.
pub(super) struct Sieve(Vec<Result<(), AppendError>>);

/// The commits that are not refused, and what puts their outcomes in the places of all of them.
pub(super) fn sieve(commits: Vec<Commit>) -> (Vec<Commit>, Sieve) {
    let sizes: Vec<_> = commits.iter().map(check).collect();
    if sizes.iter().all(Result::is_ok) {
        return (commits, Sieve(Vec::new()));
    }
    let fitting = commits.into_iter().zip(&sizes).filter(|(_, size)| size.is_ok());
    (fitting.map(|(commit, _)| commit).collect(), Sieve(sizes))
}

impl Sieve {
    pub(super) fn merge(self, outcomes: Outcomes) -> Outcomes {
        if self.0.is_empty() {
            return outcomes;
        }
        let mut outcomes = outcomes.into_iter();
        let mut next = || outcomes.next().unwrap_or_else(|| unreachable!("every commit has its outcome"));
        self.0.into_iter().map(|size| size.and_then(|()| next())).collect()
    }
}
