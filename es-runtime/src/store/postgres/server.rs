//! What a server says of itself: who it is, and how far its promises reach.

use crate::adapter::Durability;
use tokio_postgres::{Client, Error};

/// The oldest version whose functions are all used here.
const OLDEST: i32 = 130_000;

/// A server at the moment it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    version: i32,
    is_standby: bool,
    fsync: bool,
    synchronous_commit: String,
    has_standbys: bool,
    encoding: String,
    started: String,
}

impl Server {
    pub(super) async fn ask(client: &Client) -> Result<Self, Error> {
        // As one text each: so no version of the server needs to be known beforehand.
        let sql = "SELECT current_setting('server_version_num')::integer, pg_is_in_recovery(), \
                   current_setting('fsync') = 'on', current_setting('synchronous_commit'), \
                   current_setting('synchronous_standby_names') <> '', \
                   current_setting('server_encoding'), pg_postmaster_start_time()::text";
        let row = client.query_one(sql, &[]).await?;
        Ok(Self {
            version: row.try_get(0)?,
            is_standby: row.try_get(1)?,
            fsync: row.try_get(2)?,
            synchronous_commit: row.try_get(3)?,
            has_standbys: row.try_get(4)?,
            encoding: row.try_get(5)?,
            started: row.try_get(6)?,
        })
    }

    /// Why it cannot be used at all.
    pub(super) fn unusable(&self) -> Option<String> {
        if self.version < OLDEST {
            return Some(format!(
                "the server is PostgreSQL {}, and 13 is the oldest that can be used; upgrade the server",
                self.version / 10_000
            ));
        }
        // Names would be stored that cannot be read again, or commits refused for the letters in them.
        (self.encoding != "UTF8").then(|| {
            format!(
                "the encoding of the database is {}, which cannot hold every name; make one with \
                 \"CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0\"",
                self.encoding
            )
        })
    }

    /// When it was started, to the microsecond: no other server was.
    pub(super) fn started(&self) -> &str {
        &self.started
    }

    pub(super) const fn is_standby(&self) -> bool {
        self.is_standby
    }

    /// What survives once an append has answered.
    pub(super) fn durability(&self) -> Durability {
        match &*self.synchronous_commit {
            // The server answers before it writes.
            "off" => Durability::Memory,
            _ if !self.fsync => Durability::ProcessCrash,
            "remote_write" if self.has_standbys => Durability::Quorum,
            "on" | "remote_apply" if self.has_standbys => Durability::QuorumFsync,
            _ => Durability::Fsync,
        }
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.synchronous_commit == "off" {
            warnings.push(
                "synchronous_commit is off: a crash of the server loses commits that were acknowledged"
                    .into(),
            );
        }
        if !self.fsync {
            warnings.push(
                "fsync is off: a crash of the operating system loses commits and may ruin the database"
                    .into(),
            );
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(fsync: bool, synchronous_commit: &str, has_standbys: bool) -> Server {
        let synchronous_commit = synchronous_commit.to_owned();
        let (encoding, started) = ("UTF8".to_owned(), String::new());
        let (version, is_standby) = (150_000, false);
        Server { version, is_standby, fsync, synchronous_commit, has_standbys, encoding, started }
    }

    #[test]
    fn a_weaker_server_lowers_what_is_promised() {
        for (fsync, commit, standbys, durability) in [
            (true, "on", false, Durability::Fsync),
            (true, "local", true, Durability::Fsync),
            (true, "remote_write", false, Durability::Fsync),
            (true, "remote_write", true, Durability::Quorum),
            (true, "on", true, Durability::QuorumFsync),
            (true, "remote_apply", true, Durability::QuorumFsync),
            (true, "off", true, Durability::Memory),
            (false, "on", true, Durability::ProcessCrash),
            (false, "off", false, Durability::Memory),
        ] {
            let server = server(fsync, commit, standbys);
            assert_eq!(server.durability(), durability, "{server:?}");
            assert_eq!(server.warnings().is_empty(), durability > Durability::ProcessCrash, "{server:?}");
        }
    }

    #[test]
    fn a_server_that_is_too_old_is_told_so() {
        let old = Server { version: 120_022, ..server(true, "on", false) };
        assert!(old.unusable().is_some_and(|reason| reason.contains("PostgreSQL 12")));
        assert_eq!(server(true, "on", false).unusable(), None);
    }
}
