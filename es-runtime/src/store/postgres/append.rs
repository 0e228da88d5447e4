//! Writing commits: one statement for a batch of them, or for one group that goes together.

use super::arrays::Arrays;
use super::connection::Connection;
use super::errors::Failure;
use super::kinds::{self, Kinds};
use super::one::One;
use super::read;
use super::rows::{Unread, get};
use super::statements::Sql;
use crate::commit::{Appended, Commit};
use crate::error::{AppendError, ReadError};
use crate::format::Cause;
use crate::position::Version;
use crate::store::paging::corrupt;
use crate::store::sizes::Outcomes;
use crate::time::Timestamp;
use std::fmt;
use std::time::{Duration, Instant};
use tokio_postgres::Row;

/// How often a statement is tried side by side with others that write to the same streams. After that it locks
/// them out, and cannot lose.
const RACES: u32 = 2;

/// What the server found out about a commit.
pub(super) struct Checked {
    status: i32,
    version: Version,
    /// Where it begins, if it is stored.
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
    lock_timeout: Duration,
) -> Outcomes {
    // By stream, as everybody does it: two that write to the same streams never wait for each other in a circle.
    let mut order: Vec<_> = (0..commits.len()).collect();
    order.sort_by(|a, b| commits[*a].stream.cmp(&commits[*b].stream));
    if order.is_sorted() {
        return parts(connection, commits, now, lock_timeout).await;
    }
    let sorted: Vec<_> = order.iter().map(|n| commits[*n].clone()).collect();
    let outcomes = parts(connection, &sorted, now, lock_timeout).await;
    let mut numbered: Vec<_> = order.into_iter().zip(outcomes).collect();
    numbered.sort_by_key(|(n, _)| *n);
    numbered.into_iter().map(|(_, outcome)| outcome).collect()
}

/// All at once, or where one stands in the way of the others, half by half until it is alone.
async fn parts(
    connection: &mut Connection,
    commits: &[Commit],
    now: Option<Timestamp>,
    lock_timeout: Duration,
) -> Outcomes {
    let mut all = Vec::with_capacity(commits.len());
    let mut left = vec![commits];
    let mut patience = None;
    while let Some(part) = left.pop() {
        match raced(connection, part, now, false, wait(patience, lock_timeout)).await {
            Ok(checked) => all.extend(outcomes(connection, part, checked).await),
            Err(failure) if failure.is_of_one() && part.len() > 1 => {
                patience.get_or_insert_with(|| Instant::now() + lock_timeout);
                let (first, rest) = part.split_at(part.len() / 2);
                left.extend([rest, first]);
            }
            Err(failure) => all.extend(part.iter().map(|commit| Err(failure.append_error(commit.id)))),
        }
    }
    all
}

/// How long a part waits for those who write to its streams. The whole has waited before: others that are in
/// nobody's way must not wait as long again for each that is.
fn wait(until: Option<Instant>, whole: Duration) -> Option<Duration> {
    let left = until?.saturating_duration_since(Instant::now());
    Some(left.min(whole / 8).max(Duration::from_millis(1)))
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
        let checked = raced(connection, &todo, now, true, None).await;
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

/// Tries again where another transaction stored one of the versions or ids between our look and our write: the
/// next look sees it. Waiting for a lock again would make the others wait too.
async fn raced(
    connection: &mut Connection,
    commits: &[Commit],
    now: Option<Timestamp>,
    is_group: bool,
    wait: Option<Duration>,
) -> Result<Vec<Checked>, Failure> {
    let kinds = kinds::of(connection, commits).await?;
    let mut races = 0;
    if let Some(one) = One::of(commits, &kinds, now).filter(|_| wait.is_none() && !is_group) {
        match connection.query(Sql::AppendOne, &one.parameters()).await {
            Ok(rows) => return checked(&rows, commits, answered_one),
            Err(failure) if failure.is_race() => races += 1,
            Err(failure) => return Err(failure),
        }
    }
    let mut arrays = Arrays::new(commits, &kinds, now, is_group);
    arrays.wait_for_locks(wait);
    loop {
        match connection.query(Sql::Append, &arrays.parameters()).await {
            Ok(rows) => return checked(&rows, commits, answered),
            Err(failure) if failure.is_race() && races <= RACES => {
                races += 1;
                if races == RACES {
                    arrays.lock_others_out();
                }
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// What `es_append` answers with.
pub(super) struct Answer {
    status: Vec<i32>,
    version: Vec<i64>,
    guard: Option<Vec<i32>>,
    before: Option<i64>,
}

pub(super) fn answered(row: &Row, at: &impl fmt::Display) -> Result<Answer, ReadError> {
    Ok(Answer {
        status: get(row, 0, "status", at)?,
        version: get(row, 1, "version", at)?,
        guard: get(row, 2, "guard", at)?,
        before: get(row, 3, "position", at)?,
    })
}

fn answered_one(row: &Row, at: &impl fmt::Display) -> Result<Answer, ReadError> {
    Ok(Answer {
        status: vec![get(row, 0, "status", at)?],
        version: vec![get(row, 1, "version", at)?],
        guard: None,
        before: get(row, 2, "position", at)?,
    })
}

pub(super) fn checked(
    rows: &[Row],
    commits: &[Commit],
    answered: fn(&Row, &&'static str) -> Result<Answer, ReadError>,
) -> Result<Vec<Checked>, Failure> {
    let at = &"the answer to an append";
    let answer = rows.first().ok_or_else(|| corrupt(at, "it is empty")).and_then(|row| answered(row, at));
    answer.and_then(|answer| answer.checked(commits, at)).map_err(|error| Failure::Lost(Cause::new(error)))
}

impl Answer {
    fn checked(self, commits: &[Commit], at: &&'static str) -> Result<Vec<Checked>, ReadError> {
        let Self { status, version, guard, before } = self;
        if status.len() != commits.len() || version.len() != commits.len() {
            let (answered, sent) = (status.len(), commits.len());
            return Err(corrupt(at, format!("the server answered for {answered} of {sent} commits")));
        }
        let before = before.unwrap_or_default().max(0).unsigned_abs();
        let mut all = Vec::with_capacity(commits.len());
        let (mut events, mut guards) = (0, 0);
        for (n, commit) in commits.iter().enumerate() {
            let guard = guard.as_ref().and_then(|guard| guard.get(n)).copied().unwrap_or_default();
            all.push(Checked {
                status: status[n],
                version: Version::new(version[n].max(0).unsigned_abs()),
                position: before + events + 1,
                // They are numbered from 1, and over all guards of the batch.
                guard: usize::try_from(guard).unwrap_or_default().saturating_sub(1 + guards),
            });
            events += commit.events.len() as u64;
            guards += commit.requires.len();
        }
        Ok(all)
    }
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
    let at = "a commit that is stored";
    let rows = connection.query(Sql::EventsOf, &[commit.id.as_uuid()]).await;
    let rows = rows.map_err(|failure| unsure(commit, failure.read_error(at)))?;
    match compared(commit, &connection.kinds, &rows) {
        // Who stored it may have added its kinds, and the commit may have others.
        Err(Unread::NewKind(number)) => {
            kinds::learn(connection, number, &at).await.map_err(|unread| unsure(commit, unread.error(at)))?;
            compared(commit, &connection.kinds, &rows)
        }
        outcome => outcome,
    }
    .map_err(|unread| unsure(commit, unread.error(at)))?
}

/// The answer to a commit of whose id `rows` are stored.
pub(super) fn compared(
    commit: &Commit,
    kinds: &Kinds,
    rows: &[Row],
) -> Result<Result<Appended, AppendError>, Unread> {
    let stored = read::events_of(kinds, rows)?;
    Ok(match stored.first().filter(|_| commit.is_same_as(&stored)) {
        Some(first) => {
            let (size, position) = (stored.len() as u64, first.position().commit());
            Ok(Appended::AlreadyCommitted(read::range(first.version(), size, position)))
        }
        None => Err(AppendError::IdReused { id: commit.id }),
    })
}

pub(super) fn unsure(commit: &Commit, error: ReadError) -> AppendError {
    AppendError::Unknown { id: commit.id, source: Cause::new(error) }
}
