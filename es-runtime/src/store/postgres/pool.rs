//! Connections, lent to one caller at a time. Nobody who has one waits for another.

use super::connection::{Connection, Driver, drive, settings};
use super::errors::{self, Failure};
use super::options::PostgresOptions;
use super::schema::{self, Contents};
use super::server::Server;
use super::tls::Connector;
use crate::format::Cause;
use crate::id::StoreId;
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

/// Waits between two tries to reach the server begin here, and double up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(250);

pub(super) struct Pool {
    connections: managed::Pool<Manager>,
    patience: Duration,
    size: usize,
}

pub(super) type Lent = Object<Manager>;

impl Pool {
    pub(super) fn new(manager: Manager) -> Result<Self, managed::BuildError> {
        let PostgresOptions { connections: size, patience, .. } = manager.options;
        let connections = managed::Pool::builder(manager)
            .max_size(size)
            // The one that was used last has the warmest caches, and the others may be idle.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { connections, patience, size })
    }

    pub(super) fn manager(&self) -> &Manager {
        self.connections.manager()
    }

    /// A connection, for as long as patience lasts.
    pub(super) async fn get(&self) -> Result<Lent, Failure> {
        let (begin, mut wait) = (Instant::now(), FIRST_WAIT);
        loop {
            let left = Some(self.patience.saturating_sub(begin.elapsed()).max(FIRST_WAIT));
            let timeouts = Timeouts { wait: left, create: left, recycle: None };
            let cause = match self.connections.timeout_get(&timeouts).await {
                Ok(lent) => return Ok(lent),
                Err(PoolError::Backend(Unusable { cause, is_passing: true })) => cause,
                Err(PoolError::Backend(Unusable { cause, .. })) => return Err(Failure::NotSent(cause)),
                Err(PoolError::Timeout(managed::TimeoutType::Wait)) => {
                    return Err(self.not_sent(&format!("all {} connections were in use", self.size)));
                }
                Err(_) => return Err(self.not_sent("the server did not answer")),
            };
            if begin.elapsed() + wait >= self.patience {
                return Err(Failure::NotSent(cause));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn not_sent(&self, what: &str) -> Failure {
        Failure::NotSent(Cause::new(format!("{what} for {} s", self.patience.as_secs_f32())))
    }
}

/// Why a connection could not be made, or cannot be used.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) cause: Cause,
    /// Whether it may be otherwise in a moment.
    is_passing: bool,
}

impl From<Failure> for Unusable {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(cause) | Failure::Lost(cause) => Self { cause, is_passing: true },
            Failure::Refused(refusal) => Self { cause: refusal.cause, is_passing: false },
        }
    }
}

/// Makes connections to the store that was opened, and to no other.
pub(super) struct Manager {
    pub(super) options: PostgresOptions,
    pub(super) identity: StoreId,
    pub(super) server: Mutex<Server>,
    pub(super) connector: Connector,
    pub(super) schema: Arc<str>,
}

impl Manager {
    /// As the newest connection found it.
    pub(super) fn server(&self) -> Server {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn connect(&self) -> Result<Connection, Unusable> {
        let broken =
            |error: Error| Unusable { cause: errors::cause(&error), is_passing: errors::is_passing(&error) };
        let (client, driver) = connect(&self.options, &self.connector).await.map_err(broken)?;
        let server = Server::ask(&client).await.map_err(broken)?;
        if server.is_standby() {
            let cause = Cause::new("the server is a standby, which cannot be written to");
            return Err(Unusable { cause, is_passing: true });
        }
        let found = schema::contents(&client, &self.schema).await.map_err(broken)?;
        if found != Contents::Store(schema::NEWEST, self.identity) {
            let reason =
                format!("it holds another store now, or none: {found:?} where {} was", self.identity);
            return Err(Unusable { cause: Cause::new(reason), is_passing: false });
        }
        let started = server.started().to_owned();
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
        Ok(Connection::new(client, driver, started, self.schema.clone(), self.options.timeout))
    }
}

/// A session with everything set.
pub(super) async fn connect(
    options: &PostgresOptions,
    connector: &Connector,
) -> Result<(Client, Driver), Error> {
    let (client, driver) = match connector {
        Connector::Plain => {
            let (client, connection) = options.config.connect(tokio_postgres::NoTls).await?;
            (client, drive(connection))
        }
        #[cfg(feature = "postgres-tls")]
        Connector::Tls(tls) => {
            let (client, connection) = options.config.connect(tls.clone()).await?;
            (client, drive(connection))
        }
    };
    match client.batch_execute(&settings(options.lock_timeout)).await {
        Ok(()) => Ok((client, driver)),
        // A server that is too old does not know them all; it is for the caller to say so.
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_OBJECT) => Ok((client, driver)),
        Err(error) => Err(error),
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Unusable;

    async fn create(&self) -> Result<Connection, Unusable> {
        self.connect().await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Unusable> {
        if connection.is_usable() { Ok(()) } else { Err(RecycleError::message("it is closed")) }
    }
}
