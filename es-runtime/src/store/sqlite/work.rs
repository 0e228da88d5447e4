//! Somebody else's work in a transaction, driven to its end on a thread that may wait.

use super::connection::Db;
use super::errors::{cause, is_disk_full, sql_error};
use super::sql::Driver;
use crate::format::Cause;
use crate::sql::{Sql, SqlError, Work};
use rusqlite::Connection;
use rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY;
use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// After so many steps of its virtual machine SQLite asks whether a statement may go on: below a millisecond.
const STEPS: i32 = 100_000;

/// What came of a work: its answer, or the panic in it, to be passed on to who asked for it.
pub(super) type Done<T> = Result<Result<T, SqlError>, Box<dyn Any + Send>>;

/// Who asked for a work, and waits for it.
pub(super) struct Caller {
    runtime: Handle,
    /// Closed when nobody waits any more.
    presence: oneshot::Sender<Infallible>,
    timeout: Duration,
}

/// Kept by who waits.
pub(super) type Presence = oneshot::Receiver<Infallible>;

/// How a work came to its end.
enum Ended {
    Answered(bool),
    /// It took too long.
    TooLong,
    /// Nobody waits for it.
    Left,
}

impl Caller {
    /// The one whose runtime this is.
    pub(super) fn here(timeout: Duration) -> Result<(Self, Presence), SqlError> {
        let runtime = Handle::try_current().map_err(|error| SqlError::Unavailable(Cause::new(error)))?;
        let (presence, kept) = oneshot::channel();
        Ok((Self { runtime, presence, timeout }, kept))
    }

    /// Runs `work` on this thread, in the caller's runtime.
    ///
    /// Its clock is not asked: a runtime may have none, or one that a test moves.
    fn drive(&mut self, mut work: Pin<Box<dyn Future<Output = bool> + Send + '_>>, until: Instant) -> Ended {
        let runtime = self.runtime.clone();
        let _context = runtime.enter();
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(answer) = work.as_mut().poll(&mut context) {
                return Ended::Answered(answer);
            }
            if self.presence.poll_closed(&mut context).is_ready() {
                return Ended::Left;
            }
            match until.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => std::thread::park_timeout(left),
                _ => return Ended::TooLong,
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Sees to it that a work does not end its transaction by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Guard(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    is_working: AtomicBool,
    has_ended: AtomicBool,
}

impl Guard {
    pub(super) fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let flags = self.0.clone();
        let end = move || {
            let is_working = flags.is_working.load(Ordering::Relaxed);
            if is_working {
                flags.has_ended.store(true, Ordering::Relaxed);
            }
            is_working
        };
        let commit = end.clone();
        // Answered with `true`, SQLite rolls back instead.
        connection.commit_hook(Some(commit))?;
        connection.rollback_hook(Some(move || {
            end();
        }))
    }

    fn begin(&self) {
        self.0.has_ended.store(false, Ordering::Relaxed);
        self.0.is_working.store(true, Ordering::Relaxed);
    }

    /// Answers whether the transaction is still the one that was begun.
    fn end(&self) -> bool {
        self.0.is_working.store(false, Ordering::Relaxed);
        !self.0.has_ended.load(Ordering::Relaxed)
    }
}

/// Runs `work` in a transaction that may write. The connection comes back unless the work made away with it.
pub(super) fn write(db: Db, guard: &Guard, work: Work, mut caller: Caller) -> (Option<Db>, Done<bool>) {
    if caller.presence.is_closed() {
        return (Some(db), Ok(Ok(false)));
    }
    if let Err(error) = step(&db.connection, "BEGIN IMMEDIATE") {
        return (Some(db), Ok(Err(sql_error(&error))));
    }
    guard.begin();
    let (driver, ended) = run(db, work, &mut caller);
    let is_whole = guard.end();
    let Some(Driver { db, failed }) = driver else { return (None, ended.map(|_| Err(made_away()))) };
    let done = match ended {
        Ok(Ended::Answered(true)) => Ok(match failed {
            Some(error) => Err(error),
            None if !is_whole => Err(ended_by_itself()),
            None => commit(&db.connection).map(|()| true),
        }),
        Ok(Ended::Answered(false) | Ended::Left) => Ok(Ok(false)),
        Ok(Ended::TooLong) => Ok(Err(too_long(caller.timeout))),
        Err(panic) => Err(panic),
    };
    if !matches!(done, Ok(Ok(true))) {
        roll_back(&db.connection);
    }
    (Some(db), done)
}

/// Runs `work` on one state of the file, on a connection that cannot write.
pub(super) fn read(db: Db, work: Work, mut caller: Caller) -> (Option<Db>, Done<()>) {
    if let Err(error) = step(&db.connection, "BEGIN") {
        return (Some(db), Ok(Err(sql_error(&error))));
    }
    let (driver, ended) = run(db, work, &mut caller);
    let Some(Driver { db, .. }) = driver else { return (None, ended.map(|_| Err(made_away()))) };
    roll_back(&db.connection);
    let is_over = db.connection.is_autocommit();
    let done = ended.map(|ended| match ended {
        Ended::TooLong => Err(too_long(caller.timeout)),
        Ended::Answered(_) | Ended::Left => Ok(()),
    });
    (is_over.then_some(db), done)
}

/// Runs `work` on a connection inside a transaction, which is left open.
fn run(mut db: Db, work: Work, caller: &mut Caller) -> (Option<Driver>, Result<Ended, Box<dyn Any + Send>>) {
    let until = Instant::now() + caller.timeout;
    // A statement without an end would keep the thread as well as one that waits. Where the handler cannot be
    // set, only those that wait are cut off.
    let _ = db.connection.progress_handler(STEPS, Some(move || Instant::now() >= until));
    let mut sql = Sql::new(Box::new(Driver::new(db)));
    let ended = catch_unwind(AssertUnwindSafe(|| caller.drive(work(&mut sql), until)));
    let driver: Box<dyn Any> = sql.into_driver();
    let mut driver = driver.downcast::<Driver>().ok();
    if let Some(driver) = &mut driver {
        let _ = driver.db.connection.progress_handler(0, None::<fn() -> bool>);
    }
    let is_late = Instant::now() >= until;
    let ended =
        ended.map(|ended| if is_late && !matches!(ended, Ended::Left) { Ended::TooLong } else { ended });
    (driver.map(|driver| *driver), ended)
}

fn step(connection: &Connection, sql: &str) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute([])
}

fn commit(connection: &Connection) -> Result<(), SqlError> {
    match step(connection, "COMMIT") {
        Ok(_) => Ok(()),
        // As for a commit of events: the frame that commits did not fit.
        Err(error) if is_disk_full(&error) => Err(sql_error(&error)),
        // A constraint that is checked at the end. The transaction is as open as it was.
        Err(error) if is_foreign_key(&error) && !connection.is_autocommit() => Err(sql_error(&error)),
        Err(error) => Err(SqlError::Unknown(cause(&error))),
    }
}

fn is_foreign_key(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_CONSTRAINT_FOREIGNKEY)
}

/// Where this fails the connection is still inside, which its owner looks for.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
}

fn too_long(timeout: Duration) -> SqlError {
    SqlError::Refused(Cause::new(format!(
        "the transaction took longer than `work_timeout`, which is {timeout:?}, and was rolled back. While it \
         lasts nobody else writes, so that a handler of a projection must not wait for the store it writes to, \
         nor for anything slow"
    )))
}

fn ended_by_itself() -> SqlError {
    SqlError::Refused(Cause::new(
        "the transaction was ended by one of its statements, and rolled back; leave it to its answer",
    ))
}

fn made_away() -> SqlError {
    SqlError::Refused(Cause::new("the connection of the transaction was exchanged, and it was rolled back"))
}
