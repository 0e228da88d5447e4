//! How often to try again, and how long to wait before.

use crate::id::Entropy;
use std::time::Duration;

/// How often to try again, and how long to wait before.
///
/// Waits double from `first` up to `longest`, and each is cut short by chance, so that those who
/// collided once do not collide again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How often a command is decided again after a conflict. 16 unless set.
    pub conflicts: u32,
    /// How often a commit is sent again when its outcome is unknown or the store unavailable. 4 unless set.
    pub failures: u32,
    /// The first wait. 1 ms unless set.
    pub first: Duration,
    /// The longest wait. 250 ms unless set.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            conflicts: 16,
            failures: 4,
            first: Duration::from_millis(1),
            longest: Duration::from_millis(250),
        }
    }
}

impl Retry {
    /// Never: every error reaches the caller at once.
    pub const fn never() -> Self {
        Self { conflicts: 0, failures: 0, first: Duration::ZERO, longest: Duration::ZERO }
    }

    pub(crate) async fn wait(&self, attempt: u32, entropy: &dyn Entropy) {
        let whole = self.first.saturating_mul(1 << attempt.min(20)).min(self.longest);
        let part = (entropy.next() >> 11) as f64 / (1u64 << 53) as f64;
        tokio::time::sleep(whole.mul_f64(part)).await;
    }
}
