//! Faults by chance, and the seed that brings them back.

use super::script::{Fate, Faults};
use crate::id::Entropy;
use crate::testing::SeededEntropy;
use std::fmt;

/// How often what goes wrong while a store is [chaotic](Faults::chaos): each a probability, from 0 to 1.
///
/// ```
/// use es_runtime::testing::Chaos;
///
/// let only_lost_answers = Chaos { answer_lost: 0.2, ..Chaos::none() };
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chaos {
    /// That a commit is answered with `Unavailable`, and not stored.
    pub unavailable: f64,
    /// That a commit is answered with `Unknown`, and not stored.
    pub lost: f64,
    /// That a commit is stored, and answered with `Unknown`.
    pub answer_lost: f64,
    /// That a commit is refused as if somebody else had been faster.
    pub conflict: f64,
    /// That a read fails.
    pub reads: f64,
    /// That a read which may lag sees nothing new.
    pub lag: f64,
    /// That loading, saving or deleting a snapshot fails.
    pub snapshots: f64,
    /// That reading registers fails; that a change of them, or a transaction of a projection, does not arrive;
    /// and that it is made, and its answer lost.
    pub registers: f64,
}

impl Chaos {
    /// Nothing goes wrong.
    pub const fn none() -> Self {
        Self {
            unavailable: 0.0,
            lost: 0.0,
            answer_lost: 0.0,
            conflict: 0.0,
            reads: 0.0,
            lag: 0.0,
            snapshots: 0.0,
            registers: 0.0,
        }
    }
}

/// Of each kind a few in a hundred: a store that hardly works, and with which a program should.
impl Default for Chaos {
    fn default() -> Self {
        Self {
            unavailable: 0.05,
            lost: 0.05,
            answer_lost: 0.05,
            conflict: 0.05,
            reads: 0.02,
            lag: 0.05,
            snapshots: 0.05,
            registers: 0.05,
        }
    }
}

impl Chaos {
    pub(super) fn fate(&self, chance: &SeededEntropy) -> Fate {
        let each = [
            (self.unavailable, Fate::Unavailable),
            (self.lost, Fate::Lost),
            (self.answer_lost, Fate::AnswerLost),
            (self.conflict, Fate::Conflict),
        ];
        let struck = each.into_iter().find(|(probability, _)| chance.is_so(*probability));
        struck.map_or(Fate::Fine, |(_, fate)| fate)
    }
}

/// While it lives, the store is chaotic. When a test fails meanwhile, it writes the seed to the standard
/// error, where the test runner shows it.
#[must_use = "chaos ends when it is dropped"]
pub struct ChaosGuard {
    faults: Faults,
    seed: u64,
}

impl ChaosGuard {
    pub(super) const fn new(faults: Faults, seed: u64) -> Self {
        Self { faults, seed }
    }

    /// The seed, to be given again.
    pub const fn seed(&self) -> u64 {
        self.seed
    }
}

impl Drop for ChaosGuard {
    fn drop(&mut self) {
        self.faults.end_chaos();
        if std::thread::panicking() {
            eprintln!("the seed of the chaos was {}: give it again to bring the same faults back", self.seed);
        }
    }
}

impl fmt::Debug for ChaosGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosGuard").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// A seed that nobody could foresee, for runs that are to differ.
pub(super) fn fresh_seed() -> u64 {
    // Short enough to be copied by hand.
    crate::id::SystemEntropy::default().next() >> 32
}
