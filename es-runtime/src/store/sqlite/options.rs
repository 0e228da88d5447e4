//! How a store is opened, and the URLs that say it in text.

use super::{Sqlite, open};
use crate::adapter::Durability;
use crate::error::ConnectError;
use crate::id::{Entropy, SystemEntropy};
use crate::time::{Clock, SystemClock};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How to open a [`Sqlite`] store.
///
/// ```no_run
/// use es_runtime::{Durability, sqlite::Sqlite};
///
/// # async fn example() -> Result<(), es_runtime::ConnectError> {
/// let store = Sqlite::options().durability(Durability::ProcessCrash).open("orders.db").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteOptions {
    pub(super) durability: Durability,
    pub(super) busy_timeout: Duration,
    pub(super) work_timeout: Duration,
    pub(super) readers: usize,
    pub(super) create: bool,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl SqliteOptions {
    pub(super) fn new() -> Self {
        Self {
            durability: Durability::Fsync,
            busy_timeout: Duration::from_secs(5),
            work_timeout: Duration::from_secs(30),
            readers: 4,
            create: true,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::default()),
        }
    }

    /// What survives once an append has answered: [`Durability::Fsync`], the default, or
    /// [`Durability::ProcessCrash`], which is much faster for one commit at a time, and where the newest
    /// commits may be lost with the power, though never a part of one.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long to wait while another process writes. 5 s by default.
    #[must_use]
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How long a transaction of a projection may take before it is rolled back and refused: while one writes,
    /// nobody else does. 30 s by default.
    #[must_use]
    pub const fn work_timeout(mut self, timeout: Duration) -> Self {
        self.work_timeout = timeout;
        self
    }

    /// How many connections may read at once, beside the one that writes. 4 by default, at least 1.
    #[must_use]
    pub const fn readers(mut self, readers: usize) -> Self {
        self.readers = if readers == 0 { 1 } else { readers };
        self
    }

    /// Whether to make the file when there is none. It is by default.
    #[must_use]
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Who tells the time at which events are recorded.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where the id of a new store comes from.
    #[must_use]
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Arc::new(entropy);
        self
    }

    /// Opens the store in the file at `path`, making it when there is none.
    ///
    /// Needs a tokio runtime, on whose blocking threads the file is read.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ConnectError::Unavailable) when the file cannot be read and written,
    /// [`NotAStore`](ConnectError::NotAStore) when it is something else or damaged,
    /// [`NewerSchema`](ConnectError::NewerSchema) when a newer version of es-runtime wrote it,
    /// [`InvalidUrl`](ConnectError::InvalidUrl) when an option is not one that SQLite has.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<Sqlite, ConnectError> {
        open::open(self, path.as_ref().to_owned()).await
    }

    /// What a URL says: the options, and the path to [`open`](Self::open).
    ///
    /// `sqlite:orders.db` is a path from the working directory, `sqlite:///var/lib/orders.db` or
    /// `sqlite:/var/lib/orders.db` one from the root. After a `?` come `durability=fsync` or
    /// `durability=process-crash`, `busy_timeout_ms=5000`, `work_timeout_ms=30000`, `readers=4` and
    /// `create=false`, with `&` between them. In the path, `%3F` stands for `?` and `%25` for `%`; any other byte may be written as
    /// `%` and two hexadecimal digits too, and nothing else has a meaning of its own.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`](ConnectError::InvalidUrl), which says what is wrong with it.
    pub fn from_url(url: &str) -> Result<(Self, PathBuf), ConnectError> {
        let rest = url.strip_prefix("sqlite:").ok_or_else(|| {
            ConnectError::InvalidUrl("it starts with `sqlite:`, as in `sqlite:orders.db`".into())
        })?;
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path_of(path)?;
        let parameters = parameters.split('&').filter(|parameter| !parameter.is_empty());
        let options = parameters.into_iter().try_fold(Self::new(), Self::with_parameter)?;
        Ok((options, path))
    }

    fn with_parameter(self, parameter: &str) -> Result<Self, ConnectError> {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let must_be = |what: &str| ConnectError::InvalidUrl(format!("`{name}` is {what}, not `{value}`"));
        let millis = || match value.parse::<u32>() {
            Ok(millis) => Ok(Duration::from_millis(millis.into())),
            Err(_) => Err(must_be("a number of milliseconds")),
        };
        Ok(match name {
            "durability" => self.durability(match value {
                "fsync" => Durability::Fsync,
                "process-crash" => Durability::ProcessCrash,
                _ => return Err(must_be("`fsync` or `process-crash`")),
            }),
            "busy_timeout_ms" => self.busy_timeout(millis()?),
            "work_timeout_ms" => self.work_timeout(millis()?),
            "readers" => {
                let readers: std::num::NonZeroU8 =
                    value.parse().map_err(|_| must_be("a number from 1 to 255"))?;
                self.readers(readers.get().into())
            }
            "create" => self.create(value.parse().map_err(|_| must_be("`true` or `false`"))?),
            _ => {
                return Err(ConnectError::InvalidUrl(format!(
                    "there is no parameter `{name}`, only `durability`, `busy_timeout_ms`, `work_timeout_ms`, \
                     `readers` and `create`"
                )));
            }
        })
    }
}

impl fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOptions")
            .field("durability", &self.durability)
            .field("busy_timeout", &self.busy_timeout)
            .field("work_timeout", &self.work_timeout)
            .field("readers", &self.readers)
            .field("create", &self.create)
            .finish_non_exhaustive()
    }
}

fn path_of(text: &str) -> Result<PathBuf, ConnectError> {
    let invalid = |reason: &str| Err(ConnectError::InvalidUrl(reason.into()));
    let text = match text.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(_) => {
            return invalid("a file has no host: write `sqlite:orders.db` or `sqlite:///srv/orders.db`");
        }
        None => text,
    };
    match text {
        "" => invalid("it names no file, as in `sqlite:orders.db`"),
        ":memory:" | "memory:" => invalid("a store in memory is written `memory:`, without `sqlite:`"),
        _ => decode(text),
    }
}

fn decode(text: &str) -> Result<PathBuf, ConnectError> {
    let invalid = |reason: &str| ConnectError::InvalidUrl(reason.into());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(invalid("a `%` in the path is written `%25`"));
        };
        bytes.push((high * 16 + low) as u8);
        rest = &after[2..];
    }
    if bytes.contains(&0) {
        return Err(invalid("the path has a zero byte in it"));
    }
    String::from_utf8(bytes).map(PathBuf::from).map_err(|_| invalid("the path is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> String {
        SqliteOptions::from_url(url).expect(url).1.to_str().expect("UTF-8").to_owned()
    }

    fn refusal(url: &str) -> String {
        SqliteOptions::from_url(url).expect_err(url).to_string()
    }

    #[test]
    fn a_path_is_relative_or_absolute() {
        assert_eq!(path("sqlite:orders.db"), "orders.db");
        assert_eq!(path("sqlite:./data/orders.db"), "./data/orders.db");
        assert_eq!(path("sqlite:/srv/orders.db"), "/srv/orders.db");
        assert_eq!(path("sqlite:///srv/orders.db?create=false"), "/srv/orders.db");
        assert_eq!(path("sqlite:what%3f 100%25 заказ#1.db"), "what? 100% заказ#1.db");
    }

    #[test]
    fn parameters_are_read() {
        let url = "sqlite:a.db?durability=process-crash&busy_timeout_ms=250&work_timeout_ms=99&readers=2&create=false";
        let (options, _) = SqliteOptions::from_url(url).expect(url);
        assert_eq!(options.durability, Durability::ProcessCrash);
        assert_eq!(options.busy_timeout, Duration::from_millis(250));
        assert_eq!(options.work_timeout, Duration::from_millis(99));
        assert_eq!((options.readers, options.create), (2, false));
        let (options, _) = SqliteOptions::from_url("sqlite:a.db").expect("no parameters");
        assert_eq!((options.durability, options.create), (Durability::Fsync, true));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_sentence() {
        for (url, says) in [
            ("sqlite::memory:", "`memory:`"),
            ("sqlite:", "names no file"),
            ("sqlite:?create=true", "names no file"),
            ("sqlite://orders.db", "has no host"),
            ("sqlite:a%zz.db", "`%25`"),
            ("sqlite:a%2", "`%25`"),
            ("sqlite:a%é", "`%25`"),
            ("sqlite:a%00b", "zero byte"),
            ("sqlite:a%ff", "not UTF-8"),
            ("sqlite:a?mode=ro", "only `durability`, `busy_timeout_ms`, `work_timeout_ms`, `readers`"),
            ("sqlite:a?durability=quorum", "`fsync` or `process-crash`"),
            ("sqlite:a?busy_timeout_ms=-1", "a number of milliseconds"),
            ("sqlite:a?work_timeout_ms=long", "a number of milliseconds"),
            ("sqlite:a?readers=0", "a number from 1 to 255"),
            ("sqlite:a?create", "`true` or `false`"),
            ("postgres:a", "starts with `sqlite:`"),
        ] {
            assert!(refusal(url).contains(says), "{url}: {}", refusal(url));
        }
    }
}
