//! The tables, and the steps from one version of them to the next.

use crate::id::StoreId;
use tokio_postgres::{Error, GenericClient};

/// Step `n` leads from version `n` to `n + 1`. A step that was released is never changed.
const MIGRATIONS: &[&str] = &[include_str!("v1.sql"), include_str!("v2.sql")];

/// The version that the last step of [`MIGRATIONS`] leads to.
pub(super) const NEWEST: u64 = MIGRATIONS.len() as u64;

/// The class of the locks under which tables are made, the same for every store.
const MIGRATING: i32 = 0x6573_7274;

/// The most bytes of an identifier; PostgreSQL cuts off the rest without a word.
const LONGEST: usize = 63;

/// Whether `name` can name a schema as it is written.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let travels = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let reason = if name.is_empty() {
        "the schema has no name".to_owned()
    } else if name.len() > LONGEST {
        format!("the name of the schema has {} bytes, but PostgreSQL keeps {LONGEST}", name.len())
    } else if !name.chars().all(travels) || name.starts_with(|c: char| c.is_ascii_digit()) {
        format!(
            "`{}` cannot name a schema: use lower-case letters, digits and `_`, and begin with no digit",
            name.escape_debug()
        )
    } else if name.starts_with("pg_") || name == "information_schema" {
        format!("the schema `{name}` is PostgreSQL's own")
    } else {
        return Ok(());
    };
    Err(reason)
}

/// The schema as it stands in a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// The class of the advisory locks of a store: its own, so that stores in one database do not wait for each
/// other.
pub(super) fn lock_class(store: StoreId) -> i32 {
    let bytes = store.as_uuid().as_bytes();
    i32::from_be_bytes([bytes[12] & 0x7f, bytes[13], bytes[14], bytes[15]])
}

/// The most events of one batch: so many positions belong to a number of the sequence.
pub(super) const MOST_EVENTS: usize = 1 << 20;

/// What is in a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// No table of ours.
    Nothing,
    /// Some tables of a store, but not the one that says which.
    Pieces,
    /// A store, at this version of the schema.
    Store(u64, StoreId),
}

pub(super) async fn contents(client: &impl GenericClient, schema: &str) -> Result<Contents, Error> {
    // Not `to_regclass`: its answer may come from a cache that is older than the lock we hold.
    let sql = "SELECT coalesce(bool_or(c.relname = 'es_meta'), false), \
               coalesce(bool_or(c.relname = 'es_event'), false) \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relname IN ('es_meta', 'es_event')";
    let row = client.query_one(sql, &[&schema]).await?;
    match (row.try_get(0)?, row.try_get(1)?) {
        (false, false) => return Ok(Contents::Nothing),
        (true, true) => {}
        _ => return Ok(Contents::Pieces),
    }
    let sql = format!("SELECT key, value FROM {}.es_meta", quoted(schema));
    let (mut version, mut store) = (None, None);
    for row in client.query(&sql, &[]).await? {
        let (key, value): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        match key {
            "schema_version" => version = value.parse().ok(),
            "store_id" => store = value.parse().ok(),
            _ => {}
        }
    }
    Ok(version.zip(store).map_or(Contents::Pieces, |(version, store)| Contents::Store(version, store)))
}

/// Lets one program at a time make tables in this schema, until its transaction ends.
pub(super) async fn lock(client: &impl GenericClient, schema: &str) -> Result<(), Error> {
    // Whoever opens the store has a limit of its own, and making the tables may take longer than an append.
    client.batch_execute("SET LOCAL lock_timeout = 0").await?;
    client.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", &[&MIGRATING, &schema]).await.map(drop)
}

/// Takes the tables from version `from` to the newest, inside the caller's transaction.
pub(super) async fn migrate(
    client: &impl GenericClient,
    schema: &str,
    from: u64,
    store: StoreId,
) -> Result<(), Error> {
    let name = quoted(schema);
    // Not "if not exists": that asks for the right to make schemas where there is nothing to be made.
    let sql = "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1";
    if client.query_opt(sql, &[&schema]).await?.is_none() {
        client.batch_execute(&format!("CREATE SCHEMA {name}")).await?;
    }
    let lock = lock_class(store).to_string();
    for step in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        client.batch_execute(&step.replace("{schema}", &name).replace("{lock}", &lock)).await?;
    }
    let sql = format!(
        "INSERT INTO {name}.es_meta (key, value) VALUES ('store_id', $1), ('schema_version', $2) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    );
    client.execute(&sql, &[&store.to_string(), &NEWEST.to_string()]).await.map(drop)
}

/// What a role must be allowed in order to use the store in `schema` but not to change what is in it: no
/// event can be updated or deleted by it. For the owner of the tables to run, once they are made, and again when a
/// new version of es-runtime has brought them up to date.
///
/// A role that runs projections makes tables, and needs a schema for them that is not the store's: make one by
/// `CREATE SCHEMA shop_read AUTHORIZATION app`, and name it in [`tables`](super::PostgresOptions::tables).
///
/// ```
/// # use es_runtime::postgres::grants;
/// assert!(grants("es", "app")?.starts_with("GRANT USAGE ON SCHEMA \"es\" TO \"app\";"));
/// # Ok::<(), es_runtime::ConnectError>(())
/// ```
///
/// # Errors
///
/// [`InvalidUrl`](crate::ConnectError::InvalidUrl) when the schema cannot have this name.
pub fn grants(schema: &str, role: &str) -> Result<String, crate::ConnectError> {
    check_name(schema).map_err(crate::ConnectError::InvalidUrl)?;
    let (schema, role) = (quoted(schema), format!("\"{}\"", role.replace('"', "\"\"")));
    Ok(format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role};\n\
         GRANT SELECT ON {schema}.es_meta TO {role};\n\
         GRANT SELECT, INSERT ON {schema}.es_event, {schema}.es_kind TO {role};\n\
         GRANT SELECT ON {schema}.es_log TO {role};\n\
         GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.es_snapshot TO {role};\n\
         GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.es_register TO {role};\n\
         GRANT USAGE, SELECT ON {schema}.es_position TO {role};\n\
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role};\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_become_others_are_refused() {
        for name in ["", "Es", "1es", "a b", "a\"b", "a;drop", "pg_es", "information_schema", &"a".repeat(64)]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["es", "_", "orders_2", &"a".repeat(63)] {
            assert_eq!(check_name(name), Ok(()));
        }
    }

    #[test]
    fn roles_are_quoted() {
        let sql = grants("es", "o\"brien; DROP").expect("a good schema");
        assert!(sql.contains("TO \"o\"\"brien; DROP\";"), "{sql}");
    }
}
