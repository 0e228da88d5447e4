//! What a store has seen since it was opened.

use crate::metrics;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What a store has seen since it was opened by this program.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        #[derive(Debug)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Default for Counters {
            fn default() -> Self {
                Self { $($name: Counter::new(concat!("es.", stringify!($name))),)* }
            }
        }

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                Stats { $($name: self.$name.count.load(Ordering::Relaxed),)* }
            }
        }
    };
}

stats! {
    /// Commits that were stored.
    commits,
    /// Commits that lost against another one and were decided again.
    conflicts,
    /// Commands that waited for others on the same aggregate.
    waits,
    /// Commands that made no progress for a second, so that the next on the same aggregate went ahead.
    overtakes,
    /// Commits that were sent again because their outcome was unknown or the store unavailable.
    resends,
    /// Commands that had been done before and were answered with their first outcome.
    repeats,
    /// Loads that started from a snapshot.
    snapshot_hits,
    /// Snapshots that did not fit the program or the stream and were thrown away.
    snapshot_discards,
    /// Snapshots that were written.
    snapshot_writes,
    /// Snapshots that could not be read or written. Nothing is lost by it but time.
    snapshot_failures,
    /// Loads that replayed more than 1,000 events.
    long_replays,
}

#[derive(Debug)]
pub(crate) struct Counter {
    name: &'static str,
    count: AtomicU64,
}

impl Counter {
    const fn new(name: &'static str) -> Self {
        Self { name, count: AtomicU64::new(0) }
    }

    pub(crate) fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        metrics::count(self.name);
    }
}
