//! What a running system shows to those who watch it, by the [`metrics`](https://docs.rs/metrics) facade.
//!
//! Any exporter of that facade takes them, to Prometheus or OpenTelemetry say: see `examples/telemetry`. Without one
//! nothing is kept. None of them ever carries a payload or an id.
//!
//! | name | kind | |
//! | --- | --- | --- |
//! | `es.commits` | counter | commits that were stored |
//! | `es.conflicts` | counter | commits that lost against another one and were decided again |
//! | `es.waits`, `es.overtakes` | counter | commands that waited for others on their aggregate, and those that went ahead of a stuck one |
//! | `es.resends` | counter | commits that were sent again, their outcome unknown or the store unavailable |
//! | `es.repeats` | counter | commands that had been done before |
//! | `es.snapshot_hits`, `es.snapshot_discards`, `es.snapshot_writes`, `es.snapshot_failures` | counter | loads from a snapshot, snapshots that did not fit, that were written, that could not be read or written |
//! | `es.long_replays` | counter | loads that replayed more than 1,000 events |
//! | `es.batch_commits` | histogram | commits that were written at once |
//! | `es.append_seconds` | histogram | how long a batch took to be stored |
//! | `es.replayed_events` | histogram | events that a load replayed |
//! | `es.handled_events` | counter, by `follower` | events that a projection, reaction or workflow has handled |
//! | `es.failed_events` | counter, by `follower` | failures of a handler |
//! | `es.lag_seconds` | gauge, by `follower` | the age of the newest event that was handled, 0 at the end of the log |
//! | `es.parked_streams` | gauge, by `follower` | streams that wait behind an event that failed |

pub(crate) const BATCH_COMMITS: &str = "es.batch_commits";
pub(crate) const APPEND_SECONDS: &str = "es.append_seconds";
pub(crate) const REPLAYED_EVENTS: &str = "es.replayed_events";
pub(crate) const HANDLED_EVENTS: &str = "es.handled_events";
pub(crate) const FAILED_EVENTS: &str = "es.failed_events";
pub(crate) const LAG_SECONDS: &str = "es.lag_seconds";
pub(crate) const PARKED_STREAMS: &str = "es.parked_streams";

/// Counts one more.
#[inline]
pub(crate) fn count(name: &'static str) {
    #[cfg(feature = "metrics")]
    ::metrics::counter!(name).increment(1);
    #[cfg(not(feature = "metrics"))]
    let _ = name;
}

/// Notes one measurement of many.
#[inline]
pub(crate) fn observe(name: &'static str, value: f64) {
    #[cfg(feature = "metrics")]
    ::metrics::histogram!(name).record(value);
    #[cfg(not(feature = "metrics"))]
    let _ = (name, value);
}

/// Counts so many more of one follower.
#[inline]
pub(crate) fn count_of(name: &'static str, follower: &'static str, many: u64) {
    #[cfg(feature = "metrics")]
    ::metrics::counter!(name, "follower" => follower).increment(many);
    #[cfg(not(feature = "metrics"))]
    let _ = (name, follower, many);
}

/// Says how it stands with one follower.
#[inline]
pub(crate) fn level_of(name: &'static str, follower: &'static str, value: f64) {
    #[cfg(feature = "metrics")]
    ::metrics::gauge!(name, "follower" => follower).set(value);
    #[cfg(not(feature = "metrics"))]
    let _ = (name, follower, value);
}

/// Measures how long something takes, where somebody may want to know.
pub(crate) struct Stopwatch {
    #[cfg(feature = "metrics")]
    begin: std::time::Instant,
}

impl Stopwatch {
    #[inline]
    pub(crate) fn start() -> Self {
        Self {
            #[cfg(feature = "metrics")]
            begin: std::time::Instant::now(),
        }
    }

    /// Notes the seconds since the start.
    #[inline]
    pub(crate) fn stop(self, name: &'static str) {
        #[cfg(feature = "metrics")]
        observe(name, self.begin.elapsed().as_secs_f64());
        #[cfg(not(feature = "metrics"))]
        let _ = name;
    }
}
