//! Opening a file: whatever lies there is left alone unless it is ours.

use super::connection::{Db, Target, identity_of, set_up_writer};
use super::options::SqliteOptions;
use super::pool::Pool;
use super::schema::{self, Contents};
use super::thread::WriterThread;
use super::watch::Watcher;
use super::writer::Writer;
use super::{Handle, Shared, Sqlite, errors};
use crate::adapter::Durability;
use crate::error::ConnectError;
use crate::format::Cause;
use crate::id::{StoreId, fresh};
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The first version in which two connections cannot corrupt the log by starting it anew at once.
const OLDEST_SQLITE: i32 = 3_051_003;

/// The size of the smallest file that SQLite makes.
const SMALLEST: u64 = 512;

pub(super) async fn open(options: SqliteOptions, path: PathBuf) -> Result<Sqlite, ConnectError> {
    let name = format!("sqlite:{}", path.display());
    let opened = tokio::task::spawn_blocking(move || open_blocking(&options, &path)).await;
    opened.unwrap_or_else(|error| Err(unavailable(&name, error.to_string())))
}

fn open_blocking(options: &SqliteOptions, path: &Path) -> Result<Sqlite, ConnectError> {
    let durability = options.durability;
    if !matches!(durability, Durability::Fsync | Durability::ProcessCrash) {
        let reason = format!("SQLite has the durability `Fsync` or `ProcessCrash`, not `{durability:?}`");
        return Err(ConnectError::InvalidUrl(reason));
    }
    if path.as_os_str().is_empty() {
        return Err(ConnectError::InvalidUrl("it names no file, as in `sqlite:orders.db`".into()));
    }
    let name = format!("sqlite:{}", path.display());
    if rusqlite::version_number() < OLDEST_SQLITE {
        let reason = format!(
            "this program is linked with SQLite {}, which can corrupt its log; it needs 3.51.3 or newer",
            rusqlite::version()
        );
        return Err(unavailable(&name, reason));
    }
    let target = Target::new(path, options).map_err(|error| unavailable(&name, error.to_string()))?;
    check_place(&target, options.create)?;

    let failed = |error: rusqlite::Error| refusal(&target, &error);
    let mut connection = connect(&target, options.create).map_err(|error| {
        match options.create.then(|| why_not_made(&target)).flatten() {
            Some(reason) => unavailable(&name, format!("no file can be made there: {reason}")),
            None => failed(error),
        }
    })?;
    let identity = prepare(&mut connection, &target, options)?;
    let durability = set_up_writer(&connection, durability).map_err(failed)?;

    let db = Db::new(connection);
    let writer = Writer::new(target.clone(), identity, options.clock.clone(), db).map_err(failed)?;
    let shared = Arc::new(Shared {
        writer: Mutex::new(writer),
        readers: Pool::new(target.clone(), identity, options.readers),
        changes: watch::Sender::new(()),
        commits: AtomicU64::new(0),
        is_dirty: AtomicBool::new(false),
        name: target.name.clone(),
        identity,
        durability,
        work_timeout: target.work_timeout,
    });
    let thread = WriterThread::start(shared.clone())
        .map_err(|error| unavailable(&name, format!("no thread could be started: {error}")))?;
    Ok(Sqlite(Arc::new(Handle { watcher: Watcher::new(target), thread, shared })))
}

/// Says what SQLite would only call "unable to open database file".
fn check_place(target: &Target, create: bool) -> Result<(), ConnectError> {
    let (path, unavailable) = (&target.path, |reason: String| Err(unavailable(&target.name, reason)));
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return unavailable("it is a folder; name a file in it".into()),
        Ok(found) if !found.is_file() => return unavailable("it is no regular file".into()),
        // SQLite takes it for an empty one, and would write over it. Its size is all we look at: to open and
        // close a file here would take from this process the locks that other handles have on it.
        Ok(found) if (1..SMALLEST).contains(&found.len()) => {
            return Err(not_a_store(target, "it was not made by SQLite; name another file".into()));
        }
        Ok(_) => return Ok(()),
        Err(_) => {}
    }
    let folder = path.parent().unwrap_or(path);
    match std::fs::metadata(folder) {
        Ok(found) if !found.is_dir() => unavailable(format!("`{}` is not a folder", folder.display())),
        Ok(_) if !create => unavailable("there is no such file, and `create` is false".into()),
        Ok(_) => Ok(()),
        Err(error) => unavailable(format!("the folder `{}` cannot be used: {error}", folder.display())),
    }
}

/// Why there is no file and none can be made, such as a read-only file system: SQLite does not say.
fn why_not_made(target: &Target) -> Option<std::io::Error> {
    // Should it work now, the file is left: somebody may have opened it, and an empty one becomes a store.
    let error = File::create_new(&target.path).err()?;
    (error.kind() != std::io::ErrorKind::AlreadyExists).then_some(error)
}

fn connect(target: &Target, create: bool) -> rusqlite::Result<Connection> {
    let create = if create { OpenFlags::SQLITE_OPEN_CREATE } else { OpenFlags::empty() };
    target.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | create)
}

/// Makes the tables where there is nothing, and answers which store it is.
fn prepare(
    connection: &mut Connection,
    target: &Target,
    options: &SqliteOptions,
) -> Result<StoreId, ConnectError> {
    let failed = |error: rusqlite::Error| refusal(target, &error);
    // First without any change: changing to WAL is one, and another program's file is not ours to touch.
    let is_readonly = connection.is_readonly(rusqlite::MAIN_DB).map_err(failed)?;
    let readonly = || {
        let reason =
            "it may be read, but not written; see its permissions and how its file system is mounted";
        unavailable(&target.name, reason)
    };
    let version = match glance(connection) {
        Ok(found) => expect_ours(found, target)?,
        // SQLite cannot read a store without its index, nor make one where nothing can be written.
        Err(error) if is_readonly && !errors::is_damaged(&error) => return Err(readonly()),
        Err(error) => return Err(failed(error)),
    };
    if is_readonly {
        return Err(readonly());
    }
    change_to_wal(connection, target)?;
    // A store that is as it should be is opened without a lock, whatever another process is doing to it.
    if version != schema::NEWEST {
        make_tables(connection, target, options)?;
    }
    let damaged = |error: rusqlite::Error| not_a_store(target, format!("it is damaged: {error}"));
    schema::verify(connection).map_err(damaged)?;
    identity_of(connection).map_err(damaged)
}

fn make_tables(
    connection: &mut Connection,
    target: &Target,
    options: &SqliteOptions,
) -> Result<(), ConnectError> {
    let failed = |error: rusqlite::Error| refusal(target, &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Again, now that nobody else can write: another process may have been faster.
    match expect_ours(schema::contents(&transaction).map_err(failed)?, target)? {
        schema::NEWEST => {}
        version => {
            schema::migrate(&transaction, version).map_err(failed)?;
            if version == 0 {
                let id = fresh(options.clock.now(), &*options.entropy);
                transaction
                    .execute(
                        "INSERT INTO es_meta (key, value) VALUES ('store_id', ?1)",
                        params![id.as_bytes()],
                    )
                    .map_err(failed)?;
            }
        }
    }
    transaction.commit().map_err(failed)
}

fn glance(connection: &mut Connection) -> rusqlite::Result<Contents> {
    let transaction = connection.transaction()?;
    let found = schema::contents(&transaction)?;
    transaction.finish()?;
    Ok(found)
}

/// The version of the schema, 0 where there is nothing.
fn expect_ours(contents: Contents, target: &Target) -> Result<i32, ConnectError> {
    match contents {
        Contents::Nothing => Ok(0),
        Contents::Store(version) => Ok(version),
        Contents::Newer(version) => Err(ConnectError::NewerSchema {
            store: target.name.to_string(),
            found: u64::try_from(version).unwrap_or(0),
            newest: schema::NEWEST as u64,
        }),
        Contents::Foreign(id) => Err(not_a_store(
            target,
            format!("it is the database of another program (application_id {id}); name another file"),
        )),
    }
}

/// SQLite does not wait for a lock here as it does elsewhere, so we do.
fn change_to_wal(connection: &Connection, target: &Target) -> Result<(), ConnectError> {
    let deadline = Instant::now() + target.busy_timeout;
    loop {
        let mode =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let reason = format!("its journal mode stays `{mode}` where `wal` is needed");
                return Err(unavailable(&target.name, reason));
            }
            Err(error) if errors::is_busy(&error) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(refusal(target, &error)),
        }
    }
}

fn refusal(target: &Target, error: &rusqlite::Error) -> ConnectError {
    if errors::is_damaged(error) {
        return not_a_store(target, format!("it is damaged, or not made by SQLite: {error}"));
    }
    ConnectError::Unavailable { store: target.name.to_string(), reason: errors::cause(error) }
}

fn not_a_store(target: &Target, reason: String) -> ConnectError {
    ConnectError::NotAStore { store: target.name.to_string(), reason }
}

fn unavailable(name: &str, reason: impl Into<String>) -> ConnectError {
    ConnectError::Unavailable { store: name.into(), reason: Cause::new(reason.into()) }
}
