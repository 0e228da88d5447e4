//! How a store is opened, and the URLs that say it in text.

use super::{Postgres, open};
use crate::error::ConnectError;
use crate::id::{Entropy, SystemEntropy};
use crate::time::Clock;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// How to open a [`Postgres`] store.
///
/// ```no_run
/// use es_runtime::postgres::Postgres;
///
/// # async fn example() -> Result<(), es_runtime::ConnectError> {
/// let options = Postgres::options("postgres://app@db.internal/shop")?.schema("orders").connections(16);
/// let store = options.open().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresOptions {
    pub(super) config: Config,
    pub(super) schema: String,
    pub(super) tables: Option<String>,
    pub(super) connections: usize,
    pub(super) create: bool,
    pub(super) timeout: Duration,
    pub(super) patience: Duration,
    pub(super) lock_timeout: Duration,
    pub(super) work_timeout: Duration,
    pub(super) root_certificate: Option<String>,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl PostgresOptions {
    /// What a URL says.
    ///
    /// `postgres://user:password@host:5432/database` with, after a `?` and with `&` between them:
    ///
    /// | parameter | |
    /// | --- | --- |
    /// | `schema=es` | see [`schema`](Self::schema) |
    /// | `tables=es` | see [`tables`](Self::tables) |
    /// | `connections=8` | see [`connections`](Self::connections) |
    /// | `create=true` | see [`create`](Self::create) |
    /// | `timeout_ms=30000` | see [`timeout`](Self::timeout) |
    /// | `patience_ms=10000` | see [`patience`](Self::patience) |
    /// | `work_timeout_ms=30000` | see [`work_timeout`](Self::work_timeout) |
    /// | `sslmode=disable` | `require` for TLS: the certificate and the name of the host are always checked |
    /// | `sslrootcert=/etc/ca.pem` | which authority to trust, instead of those of the operating system |
    ///
    /// and whatever else [`tokio_postgres::Config`] knows, such as `connect_timeout=5` or several hosts, of which
    /// the one that can be written to is taken. A socket is written as a host: `postgres://%2Frun%2Fpostgresql/shop`.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`](ConnectError::InvalidUrl), which says what is wrong with it and never shows the password.
    pub fn from_url(url: &str) -> Result<Self, ConnectError> {
        expect_parts(url).map_err(|what| ConnectError::InvalidUrl(format!("{what}; {LOOKS_LIKE}")))?;
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let mut ours = Vec::new();
        let mut theirs = String::from(address);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if OURS.contains(&name) {
                ours.push((name, value));
            } else {
                theirs.push(if theirs.len() == address.len() { '?' } else { '&' });
                theirs.push_str(parameter);
            }
        }
        let config: Config = theirs.parse().map_err(|error| ConnectError::InvalidUrl(said(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(ConnectError::InvalidUrl(format!("it names no host; {LOOKS_LIKE}")));
        }
        ours.into_iter().try_fold(Self::new(config), Self::with_parameter)
    }

    /// With what the driver's own configuration says, for what no URL can say.
    pub fn new(mut config: Config) -> Self {
        if config.get_application_name().is_none() {
            config.application_name("es-runtime");
        }
        if config.get_hosts().len() > 1 {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(30));
        }
        Self {
            config,
            schema: "es".into(),
            tables: None,
            connections: 8,
            create: true,
            timeout: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(2),
            work_timeout: Duration::from_secs(30),
            root_certificate: None,
            clock: None,
            entropy: Arc::new(SystemEntropy::default()),
        }
    }

    /// The schema that holds the store: `es` unless set. Each schema of a database is a store of its own.
    ///
    /// Lower-case letters, digits and `_`, at most 63 of them, the first no digit.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// The schema in which projections make their tables: that of the store unless set. It must be there, and the
    /// user must be allowed to make tables in it.
    ///
    /// The statements of projections find tables in it, and in `public`, without its name.
    #[must_use]
    pub fn tables(mut self, schema: impl Into<String>) -> Self {
        self.tables = Some(schema.into());
        self
    }

    /// The most connections at once. 8 by default, at least 1. Nobody who has one waits for another. Transactions of
    /// projections have up to 4 of their own beside these.
    #[must_use]
    pub const fn connections(mut self, connections: usize) -> Self {
        self.connections = if connections == 0 { 1 } else { connections };
        self
    }

    /// Whether to make the tables where there are none, and to bring old ones up to date. It is by default;
    /// a program that may not change tables switches it off, see [`grants`](super::grants).
    #[must_use]
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// How long to wait for an answer, and for [`open`](Self::open) as a whole. 30 s by default. After it an
    /// append is [`Unknown`](crate::AppendError::Unknown), a read [`Unavailable`](crate::ReadError::Unavailable).
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long to look for a connection while all are in use, the server restarts, or a standby takes over.
    /// 10 s by default. It does not hold for [`open`](Self::open), which tries once.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long a batch waits for the streams that another transaction is writing to. 2 s by default.
    #[must_use]
    pub const fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// How long a transaction of a projection may take before it is rolled back and refused: others may wait for the
    /// rows it has written. 30 s by default.
    #[must_use]
    pub const fn work_timeout(mut self, timeout: Duration) -> Self {
        self.work_timeout = timeout;
        self
    }

    /// Who tells the time at which events are recorded. The server, unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Where the id of a new store comes from.
    #[must_use]
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Arc::new(entropy);
        self
    }

    /// Opens the store, making its tables when there are none. Needs a tokio runtime, on which the connections
    /// live.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ConnectError::Unavailable) when no server answers that can be written to,
    /// [`Refused`](ConnectError::Refused) when it does not let this user in or is too old,
    /// [`NotAStore`](ConnectError::NotAStore) when the tables are missing or not ours,
    /// [`NewerSchema`](ConnectError::NewerSchema) when a newer version of es-runtime made them,
    /// [`InvalidUrl`](ConnectError::InvalidUrl) when an option makes no sense.
    pub async fn open(self) -> Result<Postgres, ConnectError> {
        open::open(self).await
    }

    fn with_parameter(mut self, (name, value): (&str, &str)) -> Result<Self, ConnectError> {
        let must_be = |what: &str| ConnectError::InvalidUrl(format!("`{name}` is {what}, not `{value}`"));
        let millis = || {
            let millis: u32 = value.parse().map_err(|_| must_be("a number of milliseconds"))?;
            Ok(Duration::from_millis(millis.into()))
        };
        match name {
            "schema" => self.schema = value.to_owned(),
            "tables" => self.tables = Some(value.to_owned()),
            "connections" => {
                let connections: std::num::NonZeroU16 =
                    value.parse().map_err(|_| must_be("a number from 1 to 65535"))?;
                self.connections = connections.get().into();
            }
            "create" => self.create = value.parse().map_err(|_| must_be("`true` or `false`"))?,
            "timeout_ms" if value == "0" => return Err(must_be("at least 1")),
            "timeout_ms" => self.timeout = millis()?,
            "patience_ms" => self.patience = millis()?,
            "work_timeout_ms" => self.work_timeout = millis()?,
            "sslrootcert" => self.root_certificate = Some(value.to_owned()),
            // libpq's names. The certificate is always checked here, so they all mean the same.
            _ => {
                self.config.ssl_mode(match value {
                    "disable" | "prefer" => SslMode::Disable,
                    "require" | "verify-full" => SslMode::Require,
                    _ => return Err(must_be("`disable`, `require` or `verify-full`")),
                });
            }
        }
        Ok(self)
    }

    /// The schema of the tables of projections.
    pub(super) fn tables_schema(&self) -> &str {
        self.tables.as_deref().unwrap_or(&self.schema)
    }

    /// The server and the database, without the password.
    pub(super) fn name(&self) -> String {
        let config = &self.config;
        let ports = config.get_ports();
        let host = |(n, host): (usize, &Host)| {
            let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        };
        let hosts: Vec<_> = config.get_hosts().iter().enumerate().map(host).collect();
        let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
        let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
        format!("postgres://{user}{}/{database}?schema={}", hosts.join(","), self.schema)
    }
}

const OURS: [&str; 9] = [
    "schema",
    "tables",
    "connections",
    "create",
    "timeout_ms",
    "patience_ms",
    "work_timeout_ms",
    "sslmode",
    "sslrootcert",
];

const LOOKS_LIKE: &str = "it looks like `postgres://user:password@host:5432/database?schema=es`";

/// Refuses what the driver would cut up in another way than it was meant, and take a piece of the password for
/// the name of a host or of a user.
fn expect_parts(url: &str) -> Result<(), &'static str> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let rest = rest.ok_or("`//` is missing after the scheme")?;
    let Some((credentials, rest)) = rest.split_once('@') else { return Ok(()) };
    if rest.contains('@') || credentials.contains(['/', '?', '#']) {
        return Err(
            "within a name, a password or a value, `@` is written `%40`, `/` `%2F`, `?` `%3F` and `#` `%23`",
        );
    }
    Ok(())
}

/// What the driver says about a URL: never a value, and no name that it does not know, which may be a piece of a
/// password in which an `&` stands as it is.
fn said(error: &tokio_postgres::Error) -> String {
    let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if reason.starts_with("unknown option") {
        return format!("one of the options after the `?` is unknown; {LOOKS_LIKE}");
    }
    format!("{reason}; {LOOKS_LIKE}")
}

/// Without the password.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("store", &self.name())
            .field("connections", &self.connections)
            .field("create", &self.create)
            .field("timeout", &self.timeout)
            .field("patience", &self.patience)
            .field("lock_timeout", &self.lock_timeout)
            .field("work_timeout", &self.work_timeout)
            .finish_non_exhaustive()
    }
}
