//! Writing commits: one transaction for a batch of them, or for one group that goes together.

use super::connection::Db;
use super::errors;
use super::read::{self, Stored};
use crate::commit::{Appended, Commit, Expected};
use crate::error::{AppendError, ReadError};
use crate::format::Cause;
use crate::name::StreamName;
use crate::position::{Position, Version};
use crate::store::sizes::Outcomes;
use crate::time::{Clock, Timestamp};
use rusqlite::{OptionalExtension, params};

/// Why a whole transaction was not stored, or may not have been.
#[derive(Debug)]
pub(super) enum Failure {
    /// Not stored: another process keeps the write lock.
    Busy(AppendError),
    /// Not stored: the file holds something that the checks did not see.
    Constraint(AppendError),
    /// Not stored.
    NotStored(AppendError),
    /// Perhaps stored, and the connection must be closed. These outcomes are certain all the same.
    Unknown(Outcomes, Cause),
}

/// A transaction that holds the write lock from its beginning, and is rolled back unless it is committed.
pub(super) struct Transaction<'a> {
    pub(super) db: &'a mut Db,
    is_open: bool,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(db: &'a mut Db) -> rusqlite::Result<Self> {
        db.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self { db, is_open: true })
    }

    pub(super) fn commit(mut self) -> rusqlite::Result<()> {
        self.db.connection.prepare_cached("COMMIT")?.execute([])?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.db.forget();
            if !self.db.connection.is_autocommit() {
                // Where this fails too the connection is still inside, which its owner looks for.
                let _ = self.db.connection.execute_batch("ROLLBACK");
            }
        }
    }
}

/// Stores each of `commits` that can be, in one transaction.
pub(super) fn batch(db: &mut Db, clock: &dyn Clock, commits: &[Commit]) -> Result<Outcomes, Failure> {
    let transaction = begin(db)?;
    let now = clock.now();
    let mut outcomes = Vec::with_capacity(commits.len());
    for commit in commits {
        outcomes.push(match check(transaction.db, commit)? {
            Checked::Done(outcome) => outcome,
            Checked::Write(target) => Ok(Appended::Committed(write(transaction.db, commit, &target, now)?)),
        });
    }
    finish(transaction, outcomes)
}

/// Stores all of `commits` or none. What they require is looked at before any of them is written.
pub(super) fn group(
    db: &mut Db,
    clock: &dyn Clock,
    commits: &[Commit],
) -> Result<Result<Vec<Appended>, AppendError>, Failure> {
    let transaction = begin(db)?;
    let now = clock.now();
    let mut checked = Vec::with_capacity(commits.len());
    for commit in commits {
        match check(transaction.db, commit)? {
            Checked::Done(Err(error)) => return Ok(Err(error)),
            Checked::Done(Ok(appended)) => checked.push(Err(appended)),
            Checked::Write(target) => checked.push(Ok(target)),
        }
    }
    let mut outcomes = Vec::with_capacity(commits.len());
    for (commit, checked) in commits.iter().zip(checked) {
        outcomes.push(Ok(match checked {
            Err(appended) => appended,
            Ok(target) => Appended::Committed(write(transaction.db, commit, &target, now)?),
        }));
    }
    finish(transaction, outcomes).map(|outcomes| outcomes.into_iter().collect())
}

fn begin(db: &mut Db) -> Result<Transaction<'_>, Failure> {
    Transaction::begin(db).map_err(|error| match errors::not_stored(&error) {
        reason if errors::is_busy(&error) => Failure::Busy(reason),
        reason => Failure::NotStored(reason),
    })
}

fn finish(transaction: Transaction<'_>, outcomes: Outcomes) -> Result<Outcomes, Failure> {
    let is_nothing = !outcomes.iter().any(|outcome| matches!(outcome, Ok(Appended::Committed(_))));
    match transaction.commit() {
        Ok(()) => Ok(outcomes),
        Err(_) if is_nothing => Ok(outcomes),
        // The frame that commits is written last, and only one that is whole counts: as this one did not
        // fit, and the transaction was rolled back, no later reader of the file takes it for committed.
        Err(error) if errors::is_disk_full(&error) => Err(Failure::NotStored(errors::not_stored(&error))),
        Err(error) => Err(Failure::Unknown(outcomes, errors::cause(&error))),
    }
}

/// SQLite failed before the transaction was committed, so that it is rolled back.
impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let reason = errors::not_stored(&error);
        if errors::is_constraint(&error) { Self::Constraint(reason) } else { Self::NotStored(reason) }
    }
}

/// Something read before the transaction was committed makes no sense, so that it is rolled back.
impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Constraint(match error {
            ReadError::Unavailable(cause) => AppendError::Unavailable(cause),
            error => AppendError::Fatal(Cause::new(error)),
        })
    }
}

/// What there is to do for a commit.
enum Checked {
    /// Nothing any more.
    Done(Result<Appended, AppendError>),
    /// To write it here.
    Write(Target),
}

/// Where the events of a commit go.
struct Target {
    stream: Option<i64>,
    head: Head,
}

/// How far a stream has come.
#[derive(Clone, Copy)]
struct Head {
    version: Version,
    recorded_at: i64,
}

/// Looks at all that decides about a commit, and writes nothing.
fn check(db: &mut Db, commit: &Commit) -> Result<Checked, Failure> {
    if let Some(stored) = read::find_commit(&db.connection, commit.id)? {
        return Ok(Checked::Done(repeated(db, commit, &stored)?));
    }
    let (stream, head) = head(db, &commit.stream)?;
    if let Some(conflict) = conflict(&commit.stream, commit.expected, head) {
        return Ok(Checked::Done(Err(conflict)));
    }
    for (other, expected) in &commit.requires {
        let (_, head) = self::head(db, other)?;
        if let Some(conflict) = conflict(other, *expected, head) {
            return Ok(Checked::Done(Err(conflict)));
        }
    }
    Ok(Checked::Write(Target { stream, head }))
}

fn conflict(stream: &StreamName, expected: Expected, head: Head) -> Option<AppendError> {
    let actual = head.version;
    (!expected.accepts(actual)).then(|| AppendError::Conflict { stream: stream.clone(), expected, actual })
}

/// The answer to a commit whose id is stored.
fn repeated(db: &mut Db, commit: &Commit, stored: &Stored) -> Result<Result<Appended, AppendError>, Failure> {
    let may_be_same = stored.found.stream == commit.stream && stored.size == commit.events.len() as u64;
    let is_same = may_be_same && commit.is_same_as(&read::events_of(db, stored)?);
    Ok(if is_same {
        Ok(Appended::AlreadyCommitted(stored.found.range))
    } else {
        Err(AppendError::IdReused { id: commit.id })
    })
}

fn head(db: &mut Db, stream: &StreamName) -> Result<(Option<i64>, Head), Failure> {
    const SQL: &str =
        "SELECT version, recorded_at FROM es_event WHERE stream = ?1 ORDER BY version DESC LIMIT 1";
    let id = db.stream_id(stream)?;
    let stored: Option<(i64, i64)> = match id {
        Some(id) => db
            .connection
            .prepare_cached(SQL)?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?,
        None => None,
    };
    let (version, recorded_at) = stored.unwrap_or((0, 0));
    let version = u64::try_from(version).map_err(|_| ReadError::Corrupt {
        at: format!("`{stream}`"),
        detail: format!("its version is {version}"),
    })?;
    Ok((id, Head { version: Version::new(version), recorded_at }))
}

fn write(
    db: &mut Db,
    commit: &Commit,
    target: &Target,
    now: Timestamp,
) -> Result<crate::commit::Range, Failure> {
    const SQL: &str = "INSERT INTO es_event (stream, version, place, commit_size, name, schema_version, \
                       format, commit_id, recorded_at, occurred_at, metadata, payload) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let stream = match target.stream {
        Some(id) => id,
        // An earlier commit of the batch may have made it, or a guard have looked for it in vain.
        None => intern(db, &commit.stream)?,
    };
    let Db { connection, names, .. } = db;
    let size = commit.events.len();
    let recorded_at = i64::try_from(now.as_micros()).unwrap_or(i64::MAX).max(target.head.recorded_at);
    let first = target.head.version.next();
    let mut metadata = Metadata::default();
    let mut statement = connection.prepare_cached(SQL)?;
    for (place, event) in commit.events.iter().enumerate() {
        let name = names.intern(connection, &event.name)?;
        statement.execute(params![
            stream,
            first.plus(place as u64).get() as i64,
            place as i64,
            size as i64,
            name,
            event.schema_version,
            event.payload.format().code(),
            commit.id.as_uuid().as_bytes(),
            recorded_at,
            event.occurred_at.as_micros() as i64,
            metadata.json(event),
            event.payload.bytes(),
        ])?;
    }
    let last = connection.last_insert_rowid() as u64;
    let position = Position::new(last + 1 - size as u64, size as u64 - 1);
    Ok(read::range(first, size as u64, position))
}

/// The id of a stream, which gets one if it has none. Only in a transaction that writes.
pub(super) fn intern(db: &mut Db, stream: &StreamName) -> rusqlite::Result<i64> {
    if let Some(id) = db.stream_id(stream)? {
        return Ok(id);
    }
    db.connection
        .prepare_cached("INSERT INTO es_stream (category, key) VALUES (?1, ?2)")?
        .execute(params![stream.category(), stream.key()])?;
    let id = db.connection.last_insert_rowid();
    db.remember_stream(stream, id);
    Ok(id)
}

/// The metadata of a commit's events, which most often share theirs, as JSON.
#[derive(Default)]
struct Metadata<'a> {
    of: Option<&'a crate::metadata::Metadata>,
    json: Option<Vec<u8>>,
}

impl<'a> Metadata<'a> {
    fn json(&mut self, event: &'a crate::commit::NewEvent) -> Option<&[u8]> {
        if !self.of.is_some_and(|of| std::ptr::eq(of, &raw const *event.metadata)) {
            self.of = Some(&event.metadata);
            self.json = event.metadata.to_json();
        }
        self.json.as_deref()
    }
}
