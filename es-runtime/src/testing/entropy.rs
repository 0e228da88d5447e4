//! Chance that is the same each time.

use crate::id::Entropy;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Chance of which the same seed gives the same: ids and waits are those of the run before. Clones go on
/// together.
///
/// Ids are the same only where they are asked for in the same order, and at the same time:
/// see [`ManualClock`](super::ManualClock).
///
/// ```
/// use es_runtime::Entropy;
/// use es_runtime::testing::SeededEntropy;
///
/// let (one, same) = (SeededEntropy::new(7), SeededEntropy::new(7));
/// assert_eq!([one.next(), one.next()], [same.next(), same.next()]);
/// ```
#[derive(Debug, Clone)]
pub struct SeededEntropy {
    state: Arc<AtomicU64>,
}

impl SeededEntropy {
    /// Starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(AtomicU64::new(seed)) }
    }

    /// True in `probability` of the cases.
    pub(super) fn is_so(&self, probability: f64) -> bool {
        ((self.next() >> 11) as f64 / (1_u64 << 53) as f64) < probability
    }
}

/// SplitMix64, by Steele, Lea and Flood: every state is another number, so no id comes twice.
impl Entropy for SeededEntropy {
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Ids that count: ...0001, ...0002, so that a test can say which one it means. Clones go on together.
///
/// It is no chance at all, so a program that waits by it before it tries again always waits next to nothing.
///
/// ```
/// use es_runtime::memory::Memory;
/// use es_runtime::testing::{ManualClock, SequentialIds};
/// use es_runtime::Adapter;
///
/// let store = Memory::with(ManualClock::default(), SequentialIds::default());
/// assert_eq!(store.identity().to_string(), "00000000-0000-7000-8000-000000000001");
/// ```
#[derive(Debug, Clone, Default)]
pub struct SequentialIds {
    count: Arc<AtomicU64>,
}

impl Entropy for SequentialIds {
    fn next(&self) -> u64 {
        // An id has the lowest byte first, and two bits less of it.
        (self.count.fetch_add(1, Ordering::Relaxed) + 1).swap_bytes()
    }
}
