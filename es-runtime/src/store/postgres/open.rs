//! Opening a store: whatever is in the schema is left alone unless it is ours.

use super::loads::Loads;
use super::options::PostgresOptions;
use super::pool::{Manager, Pool, connect};
use super::schema::{self, Contents};
use super::server::Server;
use super::sql::Works;
use super::tls::Connector;
use super::watch::Watcher;
use super::{Postgres, Shared, errors};
use crate::error::ConnectError;
use crate::format::Cause;
use crate::id::{StoreId, fresh};
use crate::time::{Clock, SystemClock};
use deadpool::managed::BuildError;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

pub(super) async fn open(options: PostgresOptions) -> Result<Postgres, ConnectError> {
    for schema in [&options.schema, options.tables_schema()] {
        schema::check_name(schema).map_err(ConnectError::InvalidUrl)?;
    }
    let connector = Connector::new(&options)?;
    let name: Arc<str> = options.name().into();
    let opening = Opening { name: &name, options: &options };
    // The driver's own limit ends where a connection is made, but a server may take one and then say nothing.
    let (server, identity) = tokio::time::timeout(options.timeout, opening.find(&connector))
        .await
        .unwrap_or_else(|_| Err(opening.unavailable_as(errors::no_answer(options.timeout))))?;

    let schema: Arc<str> = options.schema.as_str().into();
    let manager = || Manager {
        options: options.clone(),
        identity,
        server: Mutex::new(server.clone()),
        connector: connector.clone(),
        schema: schema.clone(),
    };
    let not_built = |error: BuildError| opening.unavailable(&error.to_string());
    let pool = Arc::new(Pool::new(manager()).map_err(not_built)?);
    let works = Works::new(manager()).map_err(not_built)?;
    let loads = Loads::new(Arc::clone(&pool));
    let (changes, watcher) = (watch::Sender::new(()), Watcher::default());
    Ok(Postgres(Arc::new(Shared { pool, works, loads, name, changes, watcher })))
}

/// Who must do what about older tables.
const UPGRADE: &str = "let their owner open the store once with this version of the program, and then run again what \
                       `es_runtime::postgres::grants` answers with";

struct Opening<'a> {
    name: &'a str,
    options: &'a PostgresOptions,
}

impl Opening<'_> {
    /// The server, and the store that is there now.
    async fn find(&self, connector: &Connector) -> Result<(Server, StoreId), ConnectError> {
        let (mut client, _driver) =
            connect(self.options, connector).await.map_err(|error| self.failed(&error))?;
        let server = Server::ask(&client).await.map_err(|error| self.failed(&error))?;
        if let Some(reason) = server.unusable() {
            return Err(self.refused(reason));
        }
        if server.is_standby() {
            return Err(self.unavailable(
                "it is a standby, which cannot be written to; name the primary, or all of them: \
                 `postgres://host1,host2/database`",
            ));
        }
        let identity = self.prepare(&mut client).await?;
        self.check_functions(&client).await?;
        self.check_position(&client).await?;
        Ok((server, identity))
    }

    /// Makes the tables where there are none, and answers which store it is.
    async fn prepare(&self, client: &mut Client) -> Result<StoreId, ConnectError> {
        let schema = &self.options.schema;
        // First without any lock or right: most often there is nothing to do.
        let found = schema::contents(client, schema).await.map_err(|error| self.failed(&error))?;
        if let Some(identity) = self.expect_ours(found)?.up_to_date() {
            return Ok(identity);
        }
        if !self.options.create {
            return Err(self.not_a_store(match found {
                Contents::Nothing => "there are no tables, and `create` is false".into(),
                _ => format!("its tables are older than this program, and `create` is false; {UPGRADE}"),
            }));
        }
        let transaction = client.transaction().await.map_err(|error| self.failed(&error))?;
        schema::lock(&transaction, schema).await.map_err(|error| self.failed(&error))?;
        // Again, now that nobody else makes tables: another program may have been faster.
        let found = schema::contents(&transaction, schema).await.map_err(|error| self.failed(&error))?;
        let found = self.expect_ours(found)?;
        if let Some(identity) = found.up_to_date() {
            return Ok(identity);
        }
        let identity =
            found.identity.unwrap_or_else(|| fresh(SystemClock.now(), &*self.options.entropy).into());
        schema::migrate(&transaction, schema, found.version, identity).await.map_err(|error| match found
            .version
        {
            1.. if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => self.refused(format!(
                "its tables are of version {}, this program needs version {}, and this user may not change \
                     them: {}; {UPGRADE}",
                found.version,
                schema::NEWEST,
                errors::cause(&error)
            )),
            _ => self.not_made(&error),
        })?;
        transaction.commit().await.map_err(|error| self.not_made(&error))?;
        Ok(identity)
    }

    /// The functions name the schema they were made in. In a schema that was renamed they would store into the
    /// one that has the name now.
    async fn check_functions(&self, client: &Client) -> Result<(), ConnectError> {
        let sql = "SELECT coalesce(bool_and(strpos(p.prosrc, $2) > 0), false) \
                   FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
                   WHERE n.nspname = $1 AND p.proname = 'es_append'";
        let (name, table) =
            (&self.options.schema, format!("{}.es_event", schema::quoted(&self.options.schema)));
        let row = client.query_one(sql, &[name, &table]).await.map_err(|error| self.failed(&error))?;
        if row.get(0) {
            return Ok(());
        }
        Err(self.not_a_store(
            "its functions are missing, or were made for a schema of another name; give it back the name it had, \
             by \"ALTER SCHEMA ... RENAME TO ...\""
                .into(),
        ))
    }

    /// A sequence that lags behind the events would give their positions again: some tools copy tables and
    /// leave sequences behind.
    async fn check_position(&self, client: &Client) -> Result<(), ConnectError> {
        let schema = schema::quoted(&self.options.schema);
        let sql = format!(
            "SELECT coalesce(max(e.position) >> 20, 0), \
             (SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END FROM {schema}.es_position s) \
             FROM {schema}.es_event e"
        );
        let row = client.query_one(&sql, &[]).await.map_err(|error| self.failed(&error))?;
        let (stored, taken): (i64, i64) = (row.get(0), row.get(1));
        if stored <= taken {
            return Ok(());
        }
        Err(self.not_a_store(format!(
            "its events reach number {stored}, but its sequence only {taken}, as after a copy that left the \
             sequence behind; run \"SELECT setval('{schema}.es_position', {stored})\""
        )))
    }

    fn expect_ours(&self, contents: Contents) -> Result<Found, ConnectError> {
        match contents {
            Contents::Nothing => Ok(Found { version: 0, identity: None }),
            Contents::Store(version, identity) if version <= schema::NEWEST => {
                Ok(Found { version, identity: Some(identity) })
            }
            Contents::Store(found, _) => {
                Err(ConnectError::NewerSchema { store: self.name.into(), found, newest: schema::NEWEST })
            }
            Contents::Pieces => Err(self.not_a_store(
                "the schema has some tables of a store, but not all of them; name another schema".into(),
            )),
        }
    }

    fn failed(&self, error: &Error) -> ConnectError {
        let Some(code) = error.code() else {
            return match errors::advice(error) {
                Some(advice) => self.refused(format!("{}; {advice}", errors::cause(error))),
                None => self.unavailable_as(errors::cause(error)),
            };
        };
        let advice = match code.code() {
            "28P01" | "28000" => "see the user and the password of the URL, and the server's pg_hba.conf",
            "3D000" => "make the database first: `createdb`",
            "42501" => self.rights(),
            _ if errors::is_passing(error) => return self.unavailable_as(errors::cause(error)),
            _ if errors::is_missing(code) => return self.not_a_store(errors::cause(error).to_string()),
            _ => return self.refused(errors::cause(error).to_string()),
        };
        self.refused(format!("{}; {advice}", errors::cause(error)))
    }

    fn not_made(&self, error: &Error) -> ConnectError {
        if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) || error.code().is_none() {
            return self.failed(error);
        }
        self.refused(format!("its tables could not be made: {}", errors::cause(error)))
    }

    const fn rights(&self) -> &'static str {
        "let the owner of the database open the store once, which makes its tables, and then run what \
         `es_runtime::postgres::grants` answers with"
    }

    fn refused(&self, reason: String) -> ConnectError {
        ConnectError::Refused { store: self.name.into(), reason }
    }

    fn not_a_store(&self, reason: String) -> ConnectError {
        ConnectError::NotAStore { store: self.name.into(), reason }
    }

    fn unavailable(&self, reason: &str) -> ConnectError {
        self.unavailable_as(Cause::new(reason))
    }

    fn unavailable_as(&self, reason: Cause) -> ConnectError {
        ConnectError::Unavailable { store: self.name.into(), reason }
    }
}

/// A store of ours, or the room for one.
#[derive(Clone, Copy)]
struct Found {
    version: u64,
    identity: Option<StoreId>,
}

impl Found {
    fn up_to_date(self) -> Option<StoreId> {
        self.identity.filter(|_| self.version == schema::NEWEST)
    }
}
