//! How a server is to be.

use super::Server;
use super::cluster::{Cluster, Place};
use super::programs::Programs;
use std::path::{Path, PathBuf};

/// A server that is to be started.
#[derive(Debug, Default)]
pub struct Builder {
    programs: Option<PathBuf>,
    pub(super) place: Place,
    pub(super) log_below: Option<PathBuf>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) password: Option<String>,
    pub(super) is_encrypted: bool,
    pub(super) access: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
}

impl Builder {
    /// Another version: the folder with its `postgres` and `initdb`.
    #[must_use]
    pub fn programs(mut self, folder: impl AsRef<Path>) -> Self {
        self.programs = Some(folder.as_ref().into());
        self
    }

    /// Keeps the data in a new folder below this one, such as a disk of the test's own, where it stays. The
    /// account `postgres` must be able to enter it.
    #[must_use]
    pub fn below(mut self, folder: impl AsRef<Path>) -> Self {
        self.place = Place::Below(folder.as_ref().into());
        self
    }

    /// Keeps its write-ahead log in a new folder below this one, apart from the rest of the data.
    #[must_use]
    pub fn log_below(mut self, folder: impl AsRef<Path>) -> Self {
        self.log_below = Some(folder.as_ref().into());
        self
    }

    /// Keeps the data in memory, where a flush costs nothing, if there is room.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.place = Place::Memory;
        self
    }

    /// A setting, as in `postgresql.conf`. The last one of a name counts.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    /// Asks for this password (by scram-sha-256) from whoever comes over TCP.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Speaks TLS over TCP to whoever wants it, with a certificate for `localhost` and 127.0.0.1 that
    /// [`Server::root_certificate`] vouches for.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.is_encrypted = true;
        self
    }

    /// A line for the top of `pg_hba.conf`, below those given before.
    #[must_use]
    pub fn access(mut self, line: &str) -> Self {
        self.access.push(line.into());
        self
    }

    /// A variable of the server's environment, such as `LD_PRELOAD`.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Makes the server and starts it. Takes about a second.
    ///
    /// # Panics
    ///
    /// When it cannot, with what is missing or with the server's log.
    pub fn start(self) -> Server {
        let programs = self.programs.as_deref().map_or_else(Programs::find, Programs::at);
        Server::new(Cluster::make(programs, self))
    }
}
