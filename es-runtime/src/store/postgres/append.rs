//! Writing commits: one statement for a batch of them, or for one group that goes together.

use super::arrays::Arrays;
use super::connection::Connection;
use super::errors::Failure;
use super::read;
use super::rows::{get, natural};
use super::statements::Sql;
use crate::commit::{Appended, Commit};
use crate::error::{AppendError, ReadError};
use crate::format::Cause;
use crate::position::Version;
use crate::store::sizes::Outcomes;
use crate::time::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

/// How often a statement is tried side by side with others that write to the same streams. After that it locks
/// them out, and cannot lose.
const RACES: u32 = 2;

/// What the server found out about a commit.
pub(super) struct Checked {
    status: i32,
    version: Version,
    position: u64,
    guard: usize,
}

const STORED: i32 = 0;
const CONFLICT: i32 = 1;
const KNOWN: i32 = 2;
const GUARD: i32 = 3;

/// Stores each of `commits` that can be.
pub(super) async fn batch(
    connection: &mut Connection,
    commits: &[Commit],
    now: Option<Timestamp>,
) -> Outcomes {
    match tried(connection, commits, now).await {
        Ok(checked) => outcomes(connection, commits, checked).await,
        // One of them stands in the way of the others.
        Err(failure) if failure.is_race() && commits.len() > 1 => one_by_one(connection, commits, now).await,
        Err(failure) => commits.iter().map(|commit| Err(failure.append_error(commit.id))).collect(),
    }
}

async fn one_by_one(connection: &mut Connection, commits: &[Commit], now: Option<Timestamp>) -> Outcomes {
    let mut all = Vec::with_capacity(commits.len());
    for commit in commits {
        let commit = std::slice::from_ref(commit);
        match tried(connection, commit, now).await {
            Ok(checked) => all.extend(outcomes(connection, commit, checked).await),
            Err(failure) => all.push(Err(failure.append_error(commit[0].id))),
        }
    }
    all
}

/// Stores all of `commits` or none.
pub(super) async fn group(
    connection: &mut Connection,
    commits: &[Commit],
    now: Option<Timestamp>,
) -> Result<Vec<Appended>, AppendError> {
    let mut done: Vec<Option<Appended>> = vec![None; commits.len()];
    loop {
        let left: Vec<_> = (0..commits.len()).filter(|n| done[*n].is_none()).collect();
        let Some(first) = left.first() else { break };
        let todo: Vec<_> = left.iter().map(|n| commits[*n].clone()).collect();
        let checked = raced(connection, &todo, now, true).await;
        let checked = checked.map_err(|failure| failure.append_error(commits[*first].id))?;
        for (n, checked) in left.iter().zip(checked) {
            // What was stored before is not stored again; the rest is tried without it.
            if checked.status <= GUARD {
                done[*n] = Some(outcome(connection, &commits[*n], checked).await?);
            }
        }
    }
    Ok(done.into_iter().flatten().collect())
}

async fn tried(
    connection: &mut Connection,
    commits: &[Commit],
    now: Option<Timestamp>,
) -> Result<Vec<Checked>, Failure> {
    raced(connection, commits, now, false).await
}

/// Tries again where another transaction stored one of the versions or ids between our look and our write: the
/// next look sees it. Waiting for a lock again would make the others wait too.
async fn raced(
    connection: &mut Connection,
    commits: &[Commit],
    now: Option<Timestamp>,
    is_group: bool,
) -> Result<Vec<Checked>, Failure> {
    let mut arrays = Arrays::new(commits, now, is_group);
    let mut races = 0;
    loop {
        match connection.query(Sql::Append, &arrays.parameters()).await {
            Ok(rows) => return checked(&rows, commits),
            Err(Failure::Refused(refusal))
                if refusal.code == SqlState::UNIQUE_VIOLATION && races <= RACES =>
            {
                races += 1;
                if races == RACES {
                    arrays.lock_others_out();
                }
            }
            Err(failure) => return Err(failure),
        }
    }
}

pub(super) fn checked(rows: &[Row], commits: &[Commit]) -> Result<Vec<Checked>, Failure> {
    let mut guards = 0;
    let read = |(row, commit): (&Row, &Commit)| {
        let at = &"the answer to an append";
        // They are numbered from 1, and over all guards of the batch.
        let guard = natural::<i32>(row, 4, "guard", at)?.saturating_sub(1 + guards);
        guards += commit.requires.len() as u64;
        Ok::<_, ReadError>(Checked {
            status: get(row, 1, "status", at)?,
            version: Version::new(natural::<i64>(row, 2, "version", at)?),
            position: natural::<i64>(row, 3, "position", at)?,
            guard: guard as usize,
        })
    };
    let checked: Result<Vec<_>, _> = rows.iter().zip(commits).map(read).collect();
    let checked = checked.map_err(|error| Failure::Lost(Cause::new(error)))?;
    if rows.len() != commits.len() {
        let reason = format!("the server answered for {} of {} commits", rows.len(), commits.len());
        return Err(Failure::Lost(Cause::new(reason)));
    }
    Ok(checked)
}

async fn outcomes(connection: &mut Connection, commits: &[Commit], checked: Vec<Checked>) -> Outcomes {
    let mut all = Vec::with_capacity(commits.len());
    for (commit, checked) in commits.iter().zip(checked) {
        all.push(outcome(connection, commit, checked).await);
    }
    all
}

async fn outcome(
    connection: &mut Connection,
    commit: &Commit,
    checked: Checked,
) -> Result<Appended, AppendError> {
    match checked.settled(commit) {
        Some(outcome) => outcome,
        None => repeated(connection, commit).await,
    }
}

impl Checked {
    /// What became of `commit`, unless its id was stored before.
    pub(super) fn settled(&self, commit: &Commit) -> Option<Result<Appended, AppendError>> {
        let actual = self.version;
        Some(match self.status {
            STORED => {
                let size = commit.events.len() as u64;
                Ok(Appended::Committed(read::range(actual.next(), size, self.position)))
            }
            CONFLICT => {
                let (stream, expected) = (commit.stream.clone(), commit.expected);
                Err(AppendError::Conflict { stream, expected, actual })
            }
            GUARD => {
                let (stream, expected) = commit.requires.get(self.guard)?.clone();
                Err(AppendError::Conflict { stream, expected, actual })
            }
            KNOWN => return None,
            status => {
                let source = Cause::new(format!("the server answered with the unknown status {status}"));
                Err(AppendError::Unknown { id: commit.id, source })
            }
        })
    }
}

/// The answer to a commit whose id is stored. What is stored never changes, so this needs no lock.
async fn repeated(connection: &mut Connection, commit: &Commit) -> Result<Appended, AppendError> {
    let rows = connection.query(Sql::EventsOf, &[commit.id.as_uuid()]).await;
    let rows = rows.map_err(|failure| unsure(commit, failure.read_error("a commit that is stored")))?;
    compared(commit, &rows)
}

/// The answer to a commit of whose id `rows` are stored.
pub(super) fn compared(commit: &Commit, rows: &[Row]) -> Result<Appended, AppendError> {
    let stored = read::events_of(rows).map_err(|error| unsure(commit, error))?;
    match stored.first().filter(|_| commit.is_same_as(&stored)) {
        Some(first) => {
            let (size, position) = (stored.len() as u64, first.position().commit());
            Ok(Appended::AlreadyCommitted(read::range(first.version(), size, position)))
        }
        None => Err(AppendError::IdReused { id: commit.id }),
    }
}

fn unsure(commit: &Commit, error: ReadError) -> AppendError {
    AppendError::Unknown { id: commit.id, source: Cause::new(error) }
}
