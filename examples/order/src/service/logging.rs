//! The log: a line on stderr for what happens, with the spans that it happens in.

use tracing::Level;

/// Writes what is worth `level` or more to stderr.
pub fn start_logging(level: Level) {
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_ansi(false);
    // Where a log was started before, that one goes on.
    let _ = log.try_init();
}
