//! Standbys, and what makes one of them the primary.

use super::Server;
use super::cluster::{Cluster, Place};
use std::time::{Duration, Instant};

/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    /// A standby of this server, which follows it. It takes connections that only read.
    pub fn standby(&self) -> Self {
        let place = if self.cluster.is_in_memory { Place::Memory } else { Place::Disk };
        let standby = Cluster::empty(self.cluster.programs.clone(), &place);
        let primary = format!(
            "host={} port={} user=postgres application_name=standby",
            self.cluster.folder.display(),
            self.cluster.port
        );
        let data = standby.data.to_str().expect("a path is UTF-8");
        let arguments = ["-D", data, "-d", &primary, "-R", "-X", "stream", "-c", "fast", "--no-sync"];
        self.cluster.programs.run("pg_basebackup", &arguments);
        Self::new(standby)
    }

    /// A standby that has flushed every commit before that is acknowledged. Without it nothing is acknowledged
    /// any more.
    pub fn synchronous_standby(&self) -> Self {
        let standby = self.standby();
        self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.sql("postgres", "SELECT pg_reload_conf()");
        let deadline = Instant::now() + PATIENCE;
        let state = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
        while self.sql("postgres", state).is_empty() {
            assert!(Instant::now() < deadline, "the standby does not keep up: {}", standby.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        standby
    }

    /// Makes this standby a primary, and waits until it takes writes.
    pub fn promote(&self) {
        self.sql("postgres", "SELECT pg_promote(true, 60)");
        let is_standby = self.sql("postgres", "SELECT pg_is_in_recovery()");
        assert_eq!(is_standby, [["f"]], "it was not promoted: {}", self.log());
    }
}
