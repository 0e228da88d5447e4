//! How a projection is doing.

use super::Build;
use crate::following::FollowError;
use std::time::Duration;

/// How a projection is doing, in all programs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// Its builds, the oldest first. At most one of them is active, and at most one is being built.
    pub builds: Vec<Progress>,
    /// Why this program works on it no more, or on one of its parts.
    pub error: Option<FollowError>,
}

/// How far a build has come.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Progress {
    /// Which build.
    pub build: Build,
    /// How many events were handled.
    pub handled: u64,
    /// Whether it has reached the end of the log once, and follows it since.
    pub is_live: bool,
    /// How many streams are parked.
    pub parked: usize,
    /// How many of its parts somebody works on, in whatever program.
    pub owned: usize,
    /// How much of the log it has passed, from 0 to 1: an estimate by positions.
    pub fraction: f64,
    /// How many events a second this program has handled of late.
    pub rate: f64,
    /// How long it takes to the end of the log, at the pace of this program so far; nothing while that is not known.
    pub left: Option<Duration>,
}

impl Status {
    /// The build that readers see.
    pub fn active(&self) -> Option<&Progress> {
        self.builds.iter().find(|progress| progress.build.state == super::BuildState::Active)
    }

    /// The build that is to take its place.
    pub fn building(&self) -> Option<&Progress> {
        self.builds.iter().find(|progress| progress.build.state == super::BuildState::Building)
    }
}
