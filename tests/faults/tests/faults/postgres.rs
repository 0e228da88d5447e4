//! A store on a PostgreSQL server, and what happens to the server, its disk, its clients and the way there.

mod clocks;
mod connections;
mod crowd;
mod failover;
mod flush;
mod full;
mod paused;
mod power;
mod processes;
mod scene;

/// How long a client waits for an answer and for a connection: short, so that much can happen to it.
const HASTE: &str = "timeout_ms=1500&patience_ms=1500&connect_timeout=1";

/// So many rounds of something, and ten times as many in the long run.
pub(crate) fn rounds(short: u64) -> u64 {
    if std::env::var_os("ES_FAULTS_LONG").is_some() { 10 * short } else { short }
}
