//! One connection: how it is set up, and what it remembers of the file.

use super::options::SqliteOptions;
use crate::adapter::Durability;
use crate::id::StoreId;
use crate::name::{EventName, StreamName};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How many names a connection remembers before it starts again.
const MOST_REMEMBERED: usize = 16_384;

/// Statements kept ready. We have fewer than 32; the rest is for those of projections.
const STATEMENTS: usize = 128;

/// What is the same for every connection to a store.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Absolute, so that neither a later change of the working directory nor a path such as `:memory:` or
    /// `file:a?vfs=x`, which SQLite reads as something else, can lead elsewhere.
    pub(super) path: PathBuf,
    /// For error messages.
    pub(super) name: Arc<str>,
    pub(super) durability: Durability,
    pub(super) busy_timeout: Duration,
    pub(super) work_timeout: Duration,
}

impl Target {
    pub(super) fn new(path: &Path, options: &SqliteOptions) -> std::io::Result<Self> {
        let path = std::path::absolute(path)?;
        Ok(Self {
            name: format!("sqlite:{}", path.display()).into(),
            path,
            durability: options.durability,
            busy_timeout: options.busy_timeout,
            work_timeout: options.work_timeout,
        })
    }

    pub(super) fn connect(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&self.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(self.busy_timeout)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "trusted_schema", false)?;
        // Plans that do not depend on the values bound: else SQLite prepares statements anew for new values,
        // which cost a third of the time of a command.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(connection)
    }

    /// A connection that cannot write.
    pub(super) fn reader(&self, identity: StoreId) -> rusqlite::Result<Db> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.pragma_update(None, "query_only", true)?;
        // 8 MiB, in KiB: a reader goes through the log once, so it gains little by a large cache.
        connection.pragma_update(None, "cache_size", -8192)?;
        match identity_of(&connection)? {
            found if found == identity => Ok(Db::new(connection)),
            found => Err(refused(&format!("the file was replaced by another store, {found}"))),
        }
    }

    /// A connection that writes, and how durable its commits are. The file is in WAL mode already.
    pub(super) fn writer(&self) -> rusqlite::Result<(Db, Durability)> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let durability = set_up_writer(&connection, self.durability)?;
        Ok((Db::new(connection), durability))
    }
}

/// Sets what a writer needs, and reads it back: a setting that SQLite does not take is not an error to it.
pub(super) fn set_up_writer(connection: &Connection, asked: Durability) -> rusqlite::Result<Durability> {
    let level = if asked == Durability::ProcessCrash { "NORMAL" } else { "FULL" };
    connection.pragma_update(None, "synchronous", level)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Checkpoints are made between transactions, where they delay nobody.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    if cfg!(target_os = "macos") {
        // There `fsync` leaves the data in the disk's own cache.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    }

    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let unchanged = |name, wanted| match pragma(name) {
        Ok(found) if found == wanted => Ok(()),
        Ok(found) => Err(refused(&format!("`{name}` is {found} after it was set to {wanted}"))),
        Err(error) => Err(error),
    };
    unchanged("foreign_keys", 1)?;
    unchanged("trusted_schema", 0)?;
    unchanged("wal_autocheckpoint", 0)?;
    let flushed = !cfg!(target_os = "macos") || pragma("fullfsync")? == 1;
    Ok(if pragma("synchronous")? >= 2 && flushed { Durability::Fsync } else { Durability::ProcessCrash })
}

/// An error of ours that travels with SQLite's.
fn refused(reason: &str) -> rusqlite::Error {
    let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR);
    rusqlite::Error::SqliteFailure(error, Some(reason.into()))
}

/// A connection and what it knows of the ids in the file. Rows of streams and names are never changed or
/// deleted, so what was committed once can be remembered, whoever wrote it.
#[derive(Debug)]
pub(super) struct Db {
    pub(super) connection: Connection,
    pub(super) names: Names,
    pub(super) streams: HashMap<StreamName, i64>,
}

impl Db {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, names: Names::default(), streams: HashMap::new() }
    }

    /// Forgets ids that were given in a transaction that is rolled back: others will get them.
    pub(super) fn forget(&mut self) {
        self.names = Names::default();
        self.streams.clear();
    }

    /// The id of a stream that has one.
    pub(super) fn stream_id(&mut self, stream: &StreamName) -> rusqlite::Result<Option<i64>> {
        if let Some(id) = self.streams.get(stream) {
            return Ok(Some(*id));
        }
        let id = self
            .connection
            .prepare_cached("SELECT id FROM es_stream WHERE category = ?1 AND key = ?2")?
            .query_row(params![stream.category(), stream.key()], |row| row.get(0))
            .optional()?;
        if let Some(id) = id {
            self.remember_stream(stream, id);
        }
        Ok(id)
    }

    pub(super) fn remember_stream(&mut self, stream: &StreamName, id: i64) {
        if self.streams.len() >= MOST_REMEMBERED {
            self.streams.clear();
        }
        self.streams.insert(stream.clone(), id);
    }
}

/// Which store the file says it is.
pub(super) fn identity_of(connection: &Connection) -> rusqlite::Result<StoreId> {
    let bytes: Vec<u8> =
        connection.query_row("SELECT value FROM es_meta WHERE key = 'store_id'", [], |row| row.get(0))?;
    let uuid = uuid::Uuid::from_slice(&bytes).map_err(|_| refused("`store_id` is not a UUID"))?;
    Ok(uuid.into())
}

/// The names of events, which rows refer to by number.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_id: HashMap<i64, EventName>,
    by_text: HashMap<Arc<str>, i64>,
}

impl Names {
    /// The name with this id; `None` when the file has none, or what it has is not text.
    pub(super) fn name(&mut self, connection: &Connection, id: i64) -> rusqlite::Result<Option<EventName>> {
        if let Some(name) = self.by_id.get(&id) {
            return Ok(Some(name.clone()));
        }
        let name = connection
            .prepare_cached("SELECT name FROM es_name WHERE id = ?1")?
            .query_row([id], |row| Ok(row.get_ref(0)?.as_str().map(Arc::<str>::from).ok()))
            .optional()?
            .flatten();
        Ok(name.map(|name| {
            self.remember(id, &name);
            EventName::from(name)
        }))
    }

    /// The id of a name that has one.
    pub(super) fn id(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
        if let Some(id) = self.by_text.get(name) {
            return Ok(Some(*id));
        }
        let id = connection
            .prepare_cached("SELECT id FROM es_name WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        if let Some(id) = id {
            self.remember(id, &name.into());
        }
        Ok(id)
    }

    /// The id of a name, which gets one if it has none. Only in a transaction that writes.
    pub(super) fn intern(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.id(connection, name)? {
            return Ok(id);
        }
        connection.prepare_cached("INSERT INTO es_name (name) VALUES (?1)")?.execute([name])?;
        let id = connection.last_insert_rowid();
        self.remember(id, &name.into());
        Ok(id)
    }

    fn remember(&mut self, id: i64, name: &Arc<str>) {
        if self.by_id.len() >= MOST_REMEMBERED {
            *self = Self::default();
        }
        self.by_id.insert(id, name.clone().into());
        self.by_text.insert(name.clone(), id);
    }
}
