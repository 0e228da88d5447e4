//! What becomes of an event that cannot be handled.

use std::time::Duration;

/// What is done when the handler of an event fails or panics.
///
/// ```
/// use es_runtime::OnFailure;
///
/// let policy = OnFailure::retry(5).then_park();
/// # let _ = policy;
/// ```
///
/// An event that cannot be read fails the same on every try, so it is not tried again. A database that is
/// unavailable is no failure of the handler: what was underway is done again until it succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnFailure {
    pub(crate) retries: u32,
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
    pub(crate) then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Park,
    Stop,
}

impl OnFailure {
    /// Tries the event so many times again, and stops if that does not help. The waits begin with 20 ms and double
    /// up to 5 s; each is cut short by chance.
    pub const fn retry(times: u32) -> Self {
        let (first, longest) = (Duration::from_millis(20), Duration::from_secs(5));
        Self { retries: times, first, longest, then: Then::Stop }
    }

    /// The shortest and the longest wait between two tries.
    #[must_use]
    pub const fn waits(mut self, first: Duration, longest: Duration) -> Self {
        (self.first, self.longest) = (first, longest);
        self
    }

    /// Parks the event at last: it is noted with its error, and so that their order is kept, later events of its
    /// stream wait behind it until it is [retried](crate::ReadModel::retry) or [skipped](crate::ReadModel::skip).
    /// Other streams go on.
    #[must_use]
    pub const fn then_park(mut self) -> Self {
        self.then = Then::Park;
        self
    }

    /// Stops at last, with nothing lost: the next start tries the event again. What happens unless it is parked.
    #[must_use]
    pub const fn then_stop(mut self) -> Self {
        self.then = Then::Stop;
        self
    }
}

/// Five times again, and then a stop.
impl Default for OnFailure {
    fn default() -> Self {
        Self::retry(5)
    }
}

/// What is done with an event of a followed aggregate whose name this program does not know. A newer program wrote
/// it.
///
/// While a projection is built anew it is always a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnknown {
    /// Stops, so that a program that knows the event takes over. The default: nothing is missing in what was
    /// followed.
    #[default]
    Stop,
    /// Parks it, and with it the later events of its stream.
    Park,
    /// Passes over it. A program that knows it later does not see it again, unless the projection is built anew.
    Skip,
}
