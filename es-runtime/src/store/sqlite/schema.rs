//! The tables, and the steps from one version of them to the next.

use rusqlite::Connection;

/// Marks a file as ours, for `file(1)` and for us: "esrt".
pub(super) const APPLICATION_ID: i32 = 0x6573_7274;

/// The version that the last step of [`MIGRATIONS`] leads to.
pub(super) const NEWEST: i32 = MIGRATIONS.len() as i32;

/// Step `n` leads from version `n` to `n + 1`. A step that was released is never changed.
const MIGRATIONS: &[&str] = &[V1, V2];

/// The tables start with `es_`, because read models live in the same file.
///
/// Positions are rowids without `AUTOINCREMENT`: that would keep a number from being given twice after
/// the row that had it is deleted, at 14 % of the time of a command, and events are never deleted. One
/// writer at a time takes `max(position) + 1`, so the order of positions is the order of commits, and the
/// events of a commit stand side by side. A number that was rolled back is given again, but nobody saw it.
///
/// `place` and `commit_size` tell the end of a commit from a commit whose end is missing. Both take no
/// room in the row of a commit with one event, because SQLite keeps 0 and 1 in the type.
///
/// What a filter needs stands before the payload, so that a row that is passed over is not read to its end.
const V1: &str = "
    CREATE TABLE es_meta (
        key TEXT NOT NULL PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE es_stream (
        id INTEGER PRIMARY KEY,
        category TEXT NOT NULL,
        key TEXT NOT NULL,
        UNIQUE (category, key)
    ) STRICT;

    CREATE TABLE es_name (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE es_event (
        position INTEGER PRIMARY KEY,
        stream INTEGER NOT NULL REFERENCES es_stream,
        version INTEGER NOT NULL,
        place INTEGER NOT NULL,
        commit_size INTEGER NOT NULL,
        name INTEGER NOT NULL REFERENCES es_name,
        schema_version INTEGER NOT NULL,
        format INTEGER NOT NULL,
        commit_id BLOB NOT NULL,
        recorded_at INTEGER NOT NULL,
        occurred_at INTEGER NOT NULL,
        metadata BLOB,
        payload BLOB NOT NULL,
        UNIQUE (stream, version)
    ) STRICT;
    CREATE UNIQUE INDEX es_event_commit ON es_event (commit_id) WHERE place = 0;

    CREATE TABLE es_snapshot (
        stream INTEGER PRIMARY KEY REFERENCES es_stream,
        version INTEGER NOT NULL,
        commit_id BLOB NOT NULL,
        fingerprint INTEGER NOT NULL,
        format INTEGER NOT NULL,
        state BLOB NOT NULL
    ) STRICT;
";

/// No rowid: a register is found by its key alone, and its value is small.
const V2: &str = "
    CREATE TABLE es_register (
        key TEXT NOT NULL PRIMARY KEY,
        revision INTEGER NOT NULL,
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Fails where a table or a column is missing. Reads nothing.
const EVERYTHING: [&str; 6] = [
    "SELECT key, value FROM es_meta",
    "SELECT id, category, key FROM es_stream",
    "SELECT id, name FROM es_name",
    "SELECT position, stream, version, place, commit_size, name, schema_version, format, commit_id,
            recorded_at, occurred_at, metadata, payload FROM es_event INDEXED BY es_event_commit
     WHERE place = 0 AND commit_id = x''",
    "SELECT stream, version, commit_id, fingerprint, format, state FROM es_snapshot",
    "SELECT key, revision, value FROM es_register",
];

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// Nothing yet.
    Nothing,
    /// A store, at this version of the schema.
    Store(i32),
    /// A store at a version we do not know.
    Newer(i32),
    /// Another program's database.
    Foreign(i32),
}

/// Looks without changing anything. In a transaction, because another process may be making the tables.
pub(super) fn contents(connection: &Connection) -> rusqlite::Result<Contents> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match application {
        APPLICATION_ID if version > NEWEST => Contents::Newer(version),
        APPLICATION_ID if version > 0 => Contents::Store(version),
        0 if version == 0 && tables == 0 => Contents::Nothing,
        _ => Contents::Foreign(application),
    })
}

/// Takes the tables from version `from` to the newest, inside the caller's transaction.
pub(super) fn migrate(connection: &Connection, from: i32) -> rusqlite::Result<()> {
    for step in &MIGRATIONS[from.clamp(0, NEWEST) as usize..] {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", NEWEST)
}

/// Whether every table and column is there.
pub(super) fn verify(connection: &Connection) -> rusqlite::Result<()> {
    EVERYTHING.iter().try_for_each(|select| connection.prepare(select).map(drop))
}
