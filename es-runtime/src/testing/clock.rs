//! A clock that stands still.

use crate::time::{Clock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clock that goes when it is told to. Clones are the same clock.
///
/// ```
/// use es_runtime::memory::Memory;
/// use es_runtime::testing::{ManualClock, SeededEntropy};
/// use es_runtime::{Clock, Store};
/// use std::time::Duration;
///
/// let clock = ManualClock::new("2026-01-01T12:00:00Z".parse()?);
/// let store = Store::builder().clock(clock.clone()).adapter(Memory::with(clock.clone(), SeededEntropy::new(1)));
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_string(), "2026-01-01T12:01:30.000000Z");
/// # let _ = store;
/// # Ok::<(), es_runtime::InvalidTimestamp>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    micros: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock that stands at `start`. By default it is [`Timestamp::EPOCH`].
    pub fn new(start: Timestamp) -> Self {
        Self { micros: Arc::new(AtomicU64::new(start.as_micros())) }
    }

    /// Sets it, back as well as forth.
    pub fn set(&self, now: Timestamp) {
        self.micros.store(now.as_micros(), Ordering::SeqCst);
    }

    /// Lets `time` pass, in whole microseconds. It stops at [`Timestamp::MAX`].
    pub fn advance(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let later = |now: u64| now.saturating_add(micros).min(Timestamp::MAX.as_micros());
        self.micros.update(Ordering::SeqCst, Ordering::SeqCst, later);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }
}
