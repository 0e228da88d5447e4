//! The connection that writes, and the thread that does what must not be done on an async one.

use super::append::{self, Failure, Transaction};
use super::connection::{Db, Target, identity_of};
use super::errors;
use super::work::{self, Caller, Done, Guard};
use crate::commit::{Appended, Commit};
use crate::error::AppendError;
use crate::format::Cause;
use crate::id::StoreId;
use crate::sql::{SqlError, Work};
use crate::store::sizes::Outcomes;
use crate::time::Clock;
use rusqlite::DEFAULT_NAME;
use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// From this size on the log is copied into the file between two transactions. Measured: four times
/// smaller costs 14 % of the time of a command.
const CHECKPOINT_BYTES: usize = 16 << 20;

/// From this size on the log is also cut off, which has to wait for readers.
const TRUNCATE_BYTES: usize = 64 << 20;

/// How long to wait for readers to cut off the log, while nobody can write.
const TRUNCATE_PATIENCE: Duration = Duration::from_millis(100);

/// How long to trust that the file is where it belongs. To look costs 2.5 µs, and a flush a thousand times more.
const SEEN_FOR: Duration = Duration::from_millis(1);

/// The connection that writes. Whoever holds it is the only writer in this program.
pub(super) struct Writer {
    target: Target,
    identity: StoreId,
    clock: Arc<dyn Clock>,
    state: State,
    /// What the connection's `busy_timeout` is now.
    patience: Duration,
    /// How long the log of the file is, in pages.
    wal_pages: Arc<AtomicUsize>,
    page_bytes: usize,
    /// At which size of the log the next checkpoint is due.
    due_bytes: usize,
    /// When the file was last seen where it belongs.
    seen: Option<Instant>,
    guard: Guard,
}

enum State {
    /// Boxed: the others are small.
    Open(Box<Db>),
    /// It is closed, and the next who writes opens it again.
    Closed(Cause),
    /// It is closed for good.
    Fatal(Cause),
}

/// Whether to wait for another process that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Not on an async thread.
    None,
    /// For `busy_timeout`.
    Full,
}

/// Another process writes, and there was no patience to wait for it.
#[derive(Debug)]
pub(super) struct Busy;

impl Writer {
    pub(super) fn new(
        target: Target,
        identity: StoreId,
        clock: Arc<dyn Clock>,
        db: Db,
    ) -> rusqlite::Result<Self> {
        let mut writer = Self {
            patience: target.busy_timeout,
            target,
            identity,
            clock,
            state: State::Closed(Cause::new("it is being opened")),
            wal_pages: Arc::default(),
            page_bytes: 4096,
            due_bytes: CHECKPOINT_BYTES,
            seen: None,
            guard: Guard::default(),
        };
        writer.adopt(db)?;
        Ok(writer)
    }

    fn adopt(&mut self, mut db: Db) -> rusqlite::Result<()> {
        let page_bytes: i64 = db.connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let wal_pages = self.wal_pages.clone();
        let count = move |_: &mut Wal, pages: c_int| {
            wal_pages.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        db.connection.wal_hook(Some(count))?;
        self.guard.watch(&mut db.connection)?;
        self.page_bytes = usize::try_from(page_bytes).unwrap_or(4096);
        self.patience = self.target.busy_timeout;
        self.state = State::Open(Box::new(db));
        Ok(())
    }

    /// The connection, for reading. Nothing when it is closed.
    pub(super) fn reader(&mut self) -> Option<&mut Db> {
        match &mut self.state {
            State::Open(db) => Some(db),
            _ => None,
        }
    }

    /// Stores each of `commits` that can be.
    pub(super) fn append_batch(&mut self, commits: &[Commit], patience: Patience) -> Result<Outcomes, Busy> {
        match self.attempt(patience, |db, clock| append::batch(db, clock, commits)) {
            Ok(outcomes) => Ok(outcomes),
            Err(Failure::Busy(_)) if patience == Patience::None => Err(Busy),
            Err(Failure::Constraint(_)) if commits.len() > 1 => {
                // One of them is refused by what the checks did not see. Alone, it takes no other with it.
                let mut one = |commit| self.append_batch(std::slice::from_ref(commit), Patience::Full);
                Ok(commits.iter().flat_map(|commit| one(commit).unwrap_or_default()).collect())
            }
            Err(Failure::Busy(reason) | Failure::Constraint(reason) | Failure::NotStored(reason)) => {
                Ok(commits.iter().map(|_| Err(reason.clone())).collect())
            }
            Err(Failure::Unknown(outcomes, source)) => {
                let unsure = |(commit, outcome): (&Commit, Result<Appended, AppendError>)| {
                    outcome.and(Err(AppendError::Unknown { id: commit.id, source: source.clone() }))
                };
                Ok(commits.iter().zip(outcomes).map(unsure).collect())
            }
        }
    }

    /// Stores all of `commits` or none.
    pub(super) fn append_all(
        &mut self,
        commits: &[Commit],
        patience: Patience,
    ) -> Result<Result<Vec<Appended>, AppendError>, Busy> {
        match self.attempt(patience, |db, clock| append::group(db, clock, commits)) {
            Ok(outcome) => Ok(outcome),
            Err(Failure::Busy(_)) if patience == Patience::None => Err(Busy),
            Err(Failure::Busy(reason) | Failure::Constraint(reason) | Failure::NotStored(reason)) => {
                Ok(Err(reason))
            }
            Err(Failure::Unknown(_, source)) => Ok(Err(AppendError::Unknown { id: commits[0].id, source })),
        }
    }

    /// Runs `change` in a transaction of its own.
    pub(super) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Db) -> rusqlite::Result<T>,
    ) -> Result<T, AppendError> {
        let result = self.attempt(Patience::Full, |db, _| {
            let transaction = Transaction::begin(db)?;
            let changed = change(transaction.db)?;
            transaction.commit()?;
            Ok(changed)
        });
        result.map_err(|failure| match failure {
            Failure::Busy(reason) | Failure::Constraint(reason) | Failure::NotStored(reason) => reason,
            Failure::Unknown(_, source) => AppendError::Unavailable(source),
        })
    }

    /// Runs somebody else's `work` in a transaction, for a caller who waits for it.
    pub(super) fn work(&mut self, work: Work, caller: Caller) -> Done<bool> {
        if let Err(error) = self.open() {
            return Ok(Err(errors::refused(error)));
        }
        let lent = State::Closed(Cause::new("the connection did not come back from a transaction"));
        let db = match std::mem::replace(&mut self.state, lent) {
            State::Open(db) => db,
            closed => {
                self.state = closed;
                return Ok(Err(errors::refused(self.closed())));
            }
        };
        // Where this fails it is the other patience, and no harm is done.
        if self.patience != self.target.busy_timeout
            && db.connection.busy_timeout(self.target.busy_timeout).is_ok()
        {
            self.patience = self.target.busy_timeout;
        }
        let (back, done) = work::write(*db, &self.guard, work, caller);
        if let Some(back) = back {
            self.state = State::Open(Box::new(back));
        }
        self.settle(match &done {
            Ok(Err(SqlError::Unknown(cause))) => Some(cause),
            _ => None,
        });
        done
    }

    /// Runs `transaction` on the connection, and closes it when it may have been left in doubt.
    fn attempt<T>(
        &mut self,
        patience: Patience,
        transaction: impl FnOnce(&mut Db, &dyn Clock) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.open().map_err(Failure::NotStored)?;
        let clock = self.clock.clone();
        let State::Open(db) = &mut self.state else { return Err(Failure::NotStored(self.closed())) };
        let wanted = if patience == Patience::None { Duration::ZERO } else { self.target.busy_timeout };
        if self.patience != wanted {
            db.connection.busy_timeout(wanted)?;
            self.patience = wanted;
        }
        let result = transaction(db, &*clock);
        self.settle(match &result {
            Err(Failure::Unknown(_, cause)) => Some(cause),
            _ => None,
        });
        result
    }

    /// Closes the connection when its last transaction is in doubt or still open, and opens it again.
    fn settle(&mut self, doubt: Option<&Cause>) {
        if let Some(cause) = doubt {
            self.state = State::Closed(cause.clone());
        } else if let State::Open(db) = &self.state
            && !db.connection.is_autocommit()
        {
            self.state = State::Closed(Cause::new("a transaction could not be rolled back"));
        }
        if matches!(self.state, State::Closed(_)) {
            // Now, so that the commits in doubt can be looked up; who comes next tries again if it fails.
            let _ = self.open();
        }
    }

    /// Opens the connection again if it is closed.
    fn open(&mut self) -> Result<(), AppendError> {
        match &self.state {
            State::Open(_) if self.seen.is_some_and(|seen| seen.elapsed() < SEEN_FOR) => return Ok(()),
            State::Open(db) if !has_moved(db) => {
                self.seen = Some(Instant::now());
                return Ok(());
            }
            State::Open(_) => {
                let reason = format!("`{}` was moved, deleted or replaced", self.target.name);
                self.state = State::Fatal(Cause::new(reason));
            }
            State::Closed(_) => match self.reopen() {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    let reason = format!("`{}` was replaced by another store", self.target.name);
                    self.state = State::Fatal(Cause::new(reason));
                }
                Err(error) => self.state = State::Closed(errors::cause(&error)),
            },
            State::Fatal(_) => {}
        }
        Err(self.closed())
    }

    fn closed(&self) -> AppendError {
        match &self.state {
            State::Fatal(cause) => AppendError::Fatal(cause.clone()),
            State::Closed(cause) => AppendError::Unavailable(cause.clone()),
            State::Open(_) => AppendError::Unavailable(Cause::new("it is being closed")),
        }
    }

    /// Answers whether the file is the store that it was.
    fn reopen(&mut self) -> rusqlite::Result<bool> {
        let (db, _) = self.target.writer()?;
        if identity_of(&db.connection)? != self.identity {
            return Ok(false);
        }
        // A commit whose flush failed may be readable and yet not on the disk, and the system may call the
        // next flush of the same pages a success. Copied into the file, it is written once more.
        db.connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
        self.adopt(db).map(|()| true)
    }

    /// Closes the connection, after which the file holds everything if nobody else has it open.
    pub(super) fn close(&mut self) {
        self.checkpoint();
        self.state = State::Fatal(Cause::new("it was closed"));
    }

    /// Whether a checkpoint is due.
    pub(super) fn is_checkpoint_due(&self) -> bool {
        self.wal_bytes() > self.due_bytes
    }

    fn wal_bytes(&self) -> usize {
        self.wal_pages.load(Ordering::Relaxed) * self.page_bytes
    }

    /// Copies the log into the file, as far as readers allow. Not for an async thread.
    ///
    /// A failure is not reported: the log only grows, and the next one tries again.
    pub(super) fn checkpoint(&mut self) {
        let (bytes, page_bytes) = (self.wal_bytes(), self.page_bytes);
        let State::Open(db) = &mut self.state else { return };
        let connection = &db.connection;
        let copied = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE);
        let mut left = match copied {
            Ok((all, copied)) if all >= 0 => (all - copied).max(0) as usize * page_bytes,
            _ => bytes,
        };
        if bytes > TRUNCATE_BYTES && connection.busy_timeout(TRUNCATE_PATIENCE).is_ok() {
            self.patience = TRUNCATE_PATIENCE;
            if connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::TRUNCATE).is_ok() {
                left = 0;
                self.wal_pages.store(0, Ordering::Relaxed);
            }
        }
        // A reader that keeps the log from being started anew does not cause a checkpoint at every commit.
        self.due_bytes = if left == 0 && bytes <= TRUNCATE_BYTES {
            CHECKPOINT_BYTES
        } else {
            self.wal_bytes() + CHECKPOINT_BYTES
        };
    }
}

#[cfg(unix)]
fn has_moved(db: &Db) -> bool {
    let mut moved = 0;
    let asked = db.connection.file_control(DEFAULT_NAME, rusqlite::FileControl::HasMoved(&mut moved));
    asked.is_ok() && moved != 0
}

#[cfg(not(unix))]
fn has_moved(_: &Db) -> bool {
    // There, an open file cannot be moved.
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Durability;
    use crate::commit::{Expected, NewEvent, NonEmpty};
    use crate::format::{Encoded, Format};
    use crate::store::sqlite::Sqlite;
    use crate::time::Timestamp;
    use crate::{Adapter, Direction, Freshness, Limit, StreamName, Transactions, Version};

    fn commit(number: u128, bytes: usize) -> Commit {
        let event = NewEvent {
            name: "order.placed".into(),
            schema_version: 1,
            payload: Encoded::new(Format::Json, vec![b'1'; bytes]),
            metadata: Arc::default(),
            occurred_at: Timestamp::EPOCH,
        };
        Commit {
            id: uuid::Uuid::from_u128(number).into(),
            stream: StreamName::new("order", number).expect("a name"),
            expected: Expected::NoStream,
            events: NonEmpty::new(vec![event]).expect("one"),
            requires: Vec::new(),
        }
    }

    async fn open(durability: Durability) -> (tempfile::TempDir, Sqlite) {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Sqlite::options().durability(durability);
        let store = options.open(folder.path().join("events.db")).await.expect("a store");
        (folder, store)
    }

    /// Does something to the connection that writes.
    fn tamper(store: &Sqlite, tamper: impl FnOnce(&mut Db)) {
        tamper(store.0.shared.writer().reader().expect("an open connection"));
    }

    async fn is_stored(store: &Sqlite, number: u128) -> bool {
        store.find_commit(uuid::Uuid::from_u128(number).into()).await.expect("an answer").is_some()
    }

    const BOTH: [Durability; 2] = [Durability::Fsync, Durability::ProcessCrash];

    #[tokio::test]
    async fn a_full_disk_says_so_and_stores_nothing() {
        for durability in BOTH {
            let (_folder, store) = open(durability).await;
            assert!(store.append_batch(vec![commit(1, 10)]).await[0].is_ok());
            let limit = |pages: i64| {
                tamper(&store, |db| {
                    db.connection
                        .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
                        .expect("a limit");
                });
            };
            limit(20);
            let outcomes = store.append_batch(vec![commit(2, 10), commit(3, 1 << 20), commit(4, 10)]).await;
            assert_eq!(outcomes.len(), 3);
            for outcome in &outcomes {
                let Err(error @ AppendError::Unavailable(_)) = outcome else { panic!("{outcomes:?}") };
                assert!(error.to_string().contains("the disk is full"), "{error}");
            }
            assert!(is_stored(&store, 1).await && !is_stored(&store, 2).await && !is_stored(&store, 4).await);
            let refused = store.append_all(vec![commit(2, 10), commit(3, 1 << 20)]).await;
            assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");

            limit(1 << 20);
            let outcomes = store.append_batch(vec![commit(2, 10), commit(3, 1 << 20), commit(4, 10)]).await;
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            let (stream, limit) = (commit(2, 1).stream, Limit::default());
            let page =
                store.read_stream(&stream, Version::new(1), Direction::Forward, limit, Freshness::Latest);
            assert_eq!(page.await.expect("a page").events.len(), 1);
        }
    }

    #[tokio::test]
    async fn a_commit_that_fails_at_the_end_is_in_doubt_and_can_be_sent_again() {
        for durability in BOTH {
            let (_folder, store) = open(durability).await;
            assert!(store.append_batch(vec![commit(1, 10)]).await[0].is_ok());
            let fail = |db: &mut Db| db.connection.commit_hook(Some(|| true)).expect("a hook");

            tamper(&store, fail);
            let mut late = commit(3, 10);
            late.expected = Expected::Exists;
            let outcomes = store.append_batch(vec![commit(2, 10), late, commit(1, 10)]).await;
            assert!(matches!(outcomes[0], Err(AppendError::Unknown { id, .. }) if id == commit(2, 10).id));
            assert!(matches!(outcomes[1], Err(AppendError::Conflict { .. })), "{outcomes:?}");
            assert!(store.append_batch(vec![commit(2, 10)]).await[0].is_ok(), "the connection is a new one");

            tamper(&store, fail);
            let group = vec![commit(4, 10), commit(5, 10)];
            let unsure = store.append_all(group.clone()).await;
            assert!(matches!(unsure, Err(AppendError::Unknown { .. })), "{unsure:?}");
            assert!(store.append_all(group).await.is_ok());
            assert!(is_stored(&store, 5).await);
        }
    }

    #[tokio::test]
    async fn a_transaction_of_others_that_fails_at_the_end_is_in_doubt() {
        let (_folder, store) = open(Durability::Fsync).await;
        let insert = || -> Work {
            Box::new(|sql| {
                Box::pin(async move {
                    let made = sql.batch("CREATE TABLE IF NOT EXISTS t (n INTEGER)").await;
                    made.and(sql.execute("INSERT INTO t VALUES (1)", &[]).await).is_ok()
                })
            })
        };
        let transactions = store.transactions().expect("SQL");
        tamper(&store, |db| db.connection.commit_hook(Some(|| true)).expect("a hook"));
        let unsure = transactions.write(insert()).await;
        assert!(matches!(unsure, Err(SqlError::Unknown(_))), "{unsure:?}");
        assert!(transactions.write(insert()).await.expect("the connection is a new one"));

        let pages = |pages: i64| {
            tamper(&store, |db| {
                let set = db.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
                set.expect("a limit");
            });
        };
        pages(1);
        let full: Work = Box::new(|sql| {
            Box::pin(async move {
                let full = sql.execute("INSERT INTO t SELECT randomblob(100000)", &[]).await;
                assert!(matches!(full, Err(SqlError::Unavailable(_))), "{full:?}");
                true
            })
        });
        let full = transactions.write(full).await;
        assert!(matches!(full, Err(SqlError::Unavailable(_))), "{full:?}");
        pages(1 << 20);
        assert!(transactions.write(insert()).await.expect("there is room again"));
        assert!(store.append_batch(vec![commit(1, 10)]).await[0].is_ok());
    }

    #[tokio::test]
    async fn a_file_that_became_another_store_takes_no_more_commits() {
        let (_folder, store) = open(Durability::Fsync).await;
        assert!(store.append_batch(vec![commit(1, 10)]).await[0].is_ok());
        tamper(&store, |db| {
            db.connection.execute("UPDATE es_meta SET value = randomblob(16)", []).expect("another id");
            db.connection.commit_hook(Some(|| true)).expect("a hook");
        });
        let unsure = store.append_batch(vec![commit(2, 10)]).await;
        assert!(matches!(unsure[0], Err(AppendError::Unknown { .. })), "{unsure:?}");
        let refused = store.append_batch(vec![commit(2, 10)]).await;
        assert!(matches!(refused[0], Err(AppendError::Fatal(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn a_log_that_grows_is_copied_into_the_file() {
        let (folder, store) = open(Durability::ProcessCrash).await;
        for number in 1..=60 {
            assert!(store.append_batch(vec![commit(number, 1 << 20)]).await[0].is_ok());
        }
        // Whatever is queued is done before this is.
        store.0.thread.call(|_| ()).await.expect("the thread");
        let log = std::fs::metadata(folder.path().join("events.db-wal")).expect("a log").len();
        assert!(log < 40 << 20, "{log}");
        let file = std::fs::metadata(folder.path().join("events.db")).expect("a file").len();
        assert!(file > 20 << 20, "{file}");
    }

    #[tokio::test]
    async fn a_reader_that_keeps_the_log_long_lets_it_be_cut_off_later() {
        let (folder, store) = open(Durability::ProcessCrash).await;
        assert!(store.append_batch(vec![commit(1, 10)]).await[0].is_ok());
        let reader = rusqlite::Connection::open(folder.path().join("events.db")).expect("the file");
        reader.execute_batch("BEGIN; SELECT * FROM es_event").expect("a reader");
        for number in 2..=80 {
            assert!(store.append_batch(vec![commit(number, 1 << 20)]).await[0].is_ok());
        }
        let log = || std::fs::metadata(folder.path().join("events.db-wal")).expect("a log").len();
        assert!(log() > 64 << 20, "{}", log());
        drop(reader);
        for number in 81..=120 {
            assert!(store.append_batch(vec![commit(number, 1 << 20)]).await[0].is_ok());
        }
        store.0.thread.call(|_| ()).await.expect("the thread");
        assert!(log() < 64 << 20, "{}", log());
    }
}
