//! Time, and what to make of many short rounds of it.

use crate::Failure;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// How long something took.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// Of the clock on the wall.
    pub wall: Duration,
    /// Of every thread of this process.
    pub cpu: Duration,
}

/// Measures `work`, but not what it takes to drop its result.
///
/// # Errors
///
/// Those of `work`.
pub fn time<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<Time, Failure> {
    let (wall, cpu) = (Instant::now(), cpu());
    let result = work()?;
    let time = Time { wall: wall.elapsed(), cpu: self::cpu() - cpu };
    drop(result);
    Ok(time)
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What one round took on either side.
#[derive(Debug, Clone, Copy)]
pub struct Round<T = Time> {
    /// By the framework.
    pub ours: T,
    /// By hand.
    pub by_hand: T,
}

/// Lets both sides measure themselves in turn, and who goes first in turn too. The first round warms up.
///
/// # Errors
///
/// Those of either side.
pub fn rounds<T>(
    count: usize,
    mut ours: impl FnMut(usize) -> Result<T, Failure>,
    mut by_hand: impl FnMut(usize) -> Result<T, Failure>,
) -> Result<Vec<Round<T>>, Failure> {
    let mut rounds = Vec::with_capacity(count);
    for n in 0..=count {
        let round = if n % 2 == 0 {
            let ours = ours(n)?;
            Round { ours, by_hand: by_hand(n)? }
        } else {
            let by_hand = by_hand(n)?;
            Round { ours: ours(n)?, by_hand }
        };
        if n > 0 {
            rounds.push(round);
        }
    }
    Ok(rounds)
}

/// The median of something about each round.
pub fn median<R>(rounds: &[R], about: impl Fn(&R) -> f64) -> f64 {
    let mut values: Vec<_> = rounds.iter().map(about).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Nanoseconds for each of `count`.
pub fn nanos(time: Duration, count: usize) -> f64 {
    time.as_nanos() as f64 / count as f64
}
