//! From a URL to a store: the one place that knows every adapter.

use crate::error::ConnectError;
use crate::store::{Store, StoreBuilder};

impl Store {
    /// Opens the store at `url`, with everything as it is by default.
    ///
    /// | URL | |
    /// | --- | --- |
    /// | `sqlite:orders.db` | a file, made if it is missing (feature `sqlite`, on by default) |
    /// | `postgres://user:password@host/database` | a schema of a database, made if it is missing (feature `postgres`) |
    /// | `memory:` | nothing is kept: for tests and for trying out |
    ///
    /// # Errors
    ///
    /// When the URL names no store that this program knows, or the store cannot be opened: see [`ConnectError`].
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder().connect(url).await
    }
}

impl StoreBuilder {
    /// Opens the store at `url`. See [`Store::connect`].
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub async fn connect(self, url: &str) -> Result<Store, ConnectError> {
        #[cfg(feature = "registry")]
        crate::registry::check()?;
        match url.split_once(':') {
            Some(("memory", "")) => {
                let memory = crate::memory::Memory::with(self.clock.clone(), self.entropy.clone());
                Ok(self.adapter(memory))
            }
            Some(("memory", _)) => Err(ConnectError::InvalidUrl(
                "nothing comes after `memory:`, each connection is a store of its own".to_owned(),
            )),
            #[cfg(feature = "sqlite")]
            Some(("sqlite", _)) => {
                let (options, path) = crate::sqlite::SqliteOptions::from_url(url)?;
                let sqlite =
                    options.clock(self.clock.clone()).entropy(self.entropy.clone()).open(path).await?;
                Ok(self.adapter(sqlite))
            }
            #[cfg(not(feature = "sqlite"))]
            Some(("sqlite", _)) => Err(ConnectError::NotBuilt { scheme: "sqlite", feature: "sqlite" }),
            #[cfg(feature = "postgres")]
            Some(("postgres" | "postgresql", _)) => {
                let options = crate::postgres::PostgresOptions::from_url(url)?;
                Ok(self.clone().adapter(options.entropy(self.entropy).open().await?))
            }
            #[cfg(not(feature = "postgres"))]
            Some(("postgres" | "postgresql", _)) => {
                Err(ConnectError::NotBuilt { scheme: "postgres", feature: "postgres" })
            }
            Some(("mongodb" | "mongodb+srv", _)) => Err(ConnectError::Planned("mongodb")),
            Some(("kurrentdb" | "esdb", _)) => Err(ConnectError::Planned("kurrentdb")),
            Some(("nats", _)) => Err(ConnectError::Planned("nats")),
            // A URL may carry a password, so only its scheme is shown.
            other => Err(ConnectError::UnknownScheme(other.map_or(url, |(scheme, _)| scheme).to_owned())),
        }
    }
}
