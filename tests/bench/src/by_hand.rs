//! The same work without a framework, as a careful person writes it.

pub mod postgres;

use crate::Failure;
use crate::cart::{Cart, ItemAdded, Opened, Paid};
use es_runtime::{Apply, Event};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// An event in memory.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its name.
    pub name: &'static str,
    /// The event as JSON.
    pub payload: Vec<u8>,
}

impl Stored {
    fn of<E: Event>(event: &E) -> Result<Self, Failure> {
        Ok(Self { name: E::NAME, payload: serde_json::to_vec(event)? })
    }
}

fn replay(cart: &mut Cart, name: &str, payload: &[u8]) -> Result<(), Failure> {
    match name {
        Opened::NAME => cart.apply(&serde_json::from_slice::<Opened>(payload)?),
        ItemAdded::NAME => cart.apply(&serde_json::from_slice::<ItemAdded>(payload)?),
        Paid::NAME => cart.apply(&serde_json::from_slice::<Paid>(payload)?),
        other => return Err(format!("unknown event {other}").into()),
    }
    Ok(())
}

/// Decodes and applies every event.
///
/// # Errors
///
/// When one does not decode.
pub fn fold(events: &[Stored]) -> Result<Cart, Failure> {
    let mut cart = Cart::default();
    for event in events {
        replay(&mut cart, event.name, &event.payload)?;
    }
    Ok(cart)
}

/// A command on a stream in memory: decode and apply its events, decide, encode, push.
///
/// # Errors
///
/// When the decision refuses, or an event does not decode.
pub fn command<E: Event, X: Into<Failure>>(
    stream: &mut Vec<Stored>,
    decide: impl FnOnce(&Cart) -> Result<E, X>,
) -> Result<(), Failure> {
    let cart = fold(stream)?;
    let event = decide(&cart).map_err(Into::into)?;
    stream.push(Stored::of(&event)?);
    Ok(())
}

/// Carts in a SQLite file.
///
/// One table, the expected version kept by a unique index, statements prepared once, the settings those of
/// the SQLite store at `process-crash` (its log is also copied at 16 MiB, here by SQLite itself).
#[derive(Debug)]
pub struct Carts(Connection);

impl Carts {
    /// A new file. Few know that SQLite plans a statement anew when what is bound to it changes, unless it is
    /// told to have `stable_plans`.
    ///
    /// # Errors
    ///
    /// When SQLite fails.
    pub fn create(path: &Path, stable_plans: bool) -> Result<Self, Failure> {
        let connection = Connection::open(path)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, stable_plans)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = NORMAL;
             PRAGMA wal_autocheckpoint = 4096;
             PRAGMA cache_size = -32768;
             PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF;
             CREATE TABLE event (
                 position INTEGER PRIMARY KEY,
                 stream TEXT NOT NULL,
                 version INTEGER NOT NULL,
                 name TEXT NOT NULL,
                 at INTEGER NOT NULL,
                 payload BLOB NOT NULL,
                 UNIQUE (stream, version)
             ) STRICT;",
        )?;
        Ok(Self(connection))
    }

    /// Writes many events at once.
    ///
    /// # Errors
    ///
    /// When SQLite fails.
    pub fn fill(&mut self, carts: impl IntoIterator<Item = (String, u64)>) -> Result<(), Failure> {
        let transaction = self.0.transaction()?;
        for (id, events) in carts {
            for version in 1..=events {
                insert(&transaction, &id, version, &ItemAdded::nth(version))?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Decodes and applies every event of a cart; answers with its version too.
    ///
    /// # Errors
    ///
    /// When SQLite fails, or an event does not decode.
    pub fn load(&self, id: &str) -> Result<(Cart, u64), Failure> {
        const SQL: &str = "SELECT version, name, payload FROM event WHERE stream = ?1 ORDER BY version";
        let mut statement = self.0.prepare_cached(SQL)?;
        let mut rows = statement.query([id])?;
        let (mut cart, mut version) = (Cart::default(), 0);
        while let Some(row) = rows.next()? {
            version = row.get::<_, i64>(0)? as u64;
            replay(&mut cart, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_blob()?)?;
        }
        Ok((cart, version))
    }

    /// Load, decide, append.
    ///
    /// # Errors
    ///
    /// When the decision refuses, or SQLite fails.
    pub fn command<E: Event, X: Into<Failure>>(
        &mut self,
        id: &str,
        decide: impl FnOnce(&Cart) -> Result<E, X>,
    ) -> Result<(), Failure> {
        let (cart, version) = self.load(id)?;
        let event = decide(&cart).map_err(Into::into)?;
        self.0.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let inserted = insert(&self.0, id, version + 1, &event);
        let end = if inserted.is_ok() { "COMMIT" } else { "ROLLBACK" };
        self.0.prepare_cached(end)?.execute([])?;
        inserted
    }
}

fn insert<E: Event>(connection: &Connection, id: &str, version: u64, event: &E) -> Result<(), Failure> {
    const SQL: &str = "INSERT INTO event (stream, version, name, at, payload) VALUES (?1, ?2, ?3, ?4, ?5)";
    let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as i64;
    let payload = serde_json::to_vec(event)?;
    connection.prepare_cached(SQL)?.execute(params![id, version as i64, E::NAME, at, payload])?;
    Ok(())
}
