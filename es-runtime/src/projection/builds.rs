//! The builds of a projection: which there are, which one readers see, and how one takes another's place.

use crate::error::ReadError;
use crate::following::{Checkpoint, FollowError, NO_REGISTERS, Part, PartState, decode, encode};
use crate::position::Cursor;
use crate::register::Write;
use crate::store::Store;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A projection as it was built once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Build {
    /// 1 for the first, and one more for each that was begun after it.
    pub number: u32,
    /// The version of the projection that it was built for.
    pub version: u32,
    /// Into how many parts it is divided.
    pub partitions: u32,
    /// What it is there for.
    pub state: BuildState,
    /// Its tables, if it has any, under their whole names.
    pub tables: Vec<String>,
}

/// What a build is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildState {
    /// It is being built, and nobody sees it yet.
    Building,
    /// It is the one that readers see.
    Active,
    /// Another has taken its place. Kept until it is dropped.
    Retired,
}

/// What the register of a projection holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Builds {
    pub(crate) builds: Vec<Build>,
}

impl Builds {
    pub(crate) fn active(&self) -> Option<&Build> {
        self.builds.iter().find(|build| build.state == BuildState::Active)
    }

    pub(crate) fn building(&self) -> Option<&Build> {
        self.builds.iter().find(|build| build.state == BuildState::Building)
    }

    /// The builds that a program with `version` of the projection works on.
    pub(crate) fn of_version(&self, version: u32) -> impl Iterator<Item = &Build> {
        let is_alive = |build: &&Build| build.state != BuildState::Retired;
        self.builds.iter().filter(is_alive).filter(move |build| build.version == version)
    }

    /// Adds a build, and answers with it. What was being built for an older version is given up.
    pub(crate) fn begin(&mut self, version: u32, partitions: u32) -> Build {
        for build in &mut self.builds {
            if build.state == BuildState::Building {
                build.state = BuildState::Retired;
            }
        }
        let number = self.builds.iter().map(|build| build.number).max().unwrap_or_default() + 1;
        let is_first = self.active().is_none();
        let state = if is_first { BuildState::Active } else { BuildState::Building };
        let build = Build { number, version, partitions, state, tables: Vec::new() };
        self.builds.push(build.clone());
        build
    }
}

impl Build {
    pub(crate) fn parts(&self, follower: &'static str) -> Vec<Part> {
        let part = |number| Part { follower, build: self.number, number, of: self.partitions };
        (0..self.partitions).map(part).collect()
    }

    /// The registers of its parts, as they are made: at `cursor`.
    pub(crate) fn part_writes(&self, follower: &'static str, store: &Store, cursor: &Cursor) -> Vec<Write> {
        let begin = |part: Part| part.begin(store.identity(), cursor.clone());
        self.parts(follower).into_iter().map(begin).collect()
    }
}

/// The register of a projection's builds.
pub(crate) fn key(projection: &str) -> String {
    format!("follower/{projection}")
}

/// What goes before the names of a build's tables.
pub(crate) fn prefix(projection: &str, build: u32) -> String {
    format!("{}_{build}_", projection.replace(['-', '.'], "_"))
}

/// The builds of a projection, and the revision of their register.
pub(crate) async fn read(store: &Store, projection: &str) -> Result<(u64, Builds), ReadError> {
    let registers = store.registers().ok_or(NO_REGISTERS)?;
    let key = key(projection);
    match registers.read(&key).await? {
        Some(register) => Ok((register.revision, decode(&key, &register)?)),
        None => Ok((0, Builds::default())),
    }
}

/// Where the parts of a build are.
pub(crate) async fn part_states(store: &Store, parts: &[Part]) -> Result<Vec<(u64, PartState)>, ReadError> {
    let registers = store.registers().ok_or(NO_REGISTERS)?;
    let mut states = Vec::new();
    for part in parts {
        let key = part.key();
        // It is not there where the build was dropped a moment ago.
        if let Some(register) = registers.read(&key).await? {
            states.push((register.revision, decode(&key, &register)?));
        }
    }
    Ok(states)
}

/// Lets the build that is being built take the place of the one that readers see, if it has come as far. Answers
/// whether it did.
///
/// What a reader has seen of the old one it sees in the new one. So the old one is halted, its parts are taken from
/// their owners, until the new one has caught up and is the one to be seen: some milliseconds.
pub(crate) async fn switch(
    store: &Store,
    projection: &'static str,
    version: u32,
    name: &str,
    patience: Duration,
) -> Result<bool, FollowError> {
    let registers = store.registers().ok_or(NO_REGISTERS)?;
    let (revision, builds) = read(store, projection).await?;
    let Some(new) = builds.building().filter(|build| build.version == version) else { return Ok(false) };
    let Some(old) = builds.active() else { return Ok(false) };
    let (new_parts, old_parts) = (new.parts(projection), old.parts(projection));
    if !has_caught_up(store, &new_parts, &part_states(store, &old_parts).await?).await? {
        return Ok(false);
    }
    let mut halted = Vec::new();
    for part in &old_parts {
        halted.push(halt(store, part, name).await?);
    }
    let halted: Vec<(u64, PartState)> = halted.into_iter().flatten().collect();
    let deadline = Instant::now() + patience;
    let mut has_caught = has_caught_up(store, &new_parts, &halted).await?;
    while !has_caught && Instant::now() < deadline {
        sleep(Duration::from_millis(2)).await;
        has_caught = has_caught_up(store, &new_parts, &halted).await?;
    }
    let mut after = builds.clone();
    for build in &mut after.builds {
        match build.state {
            BuildState::Active => build.state = BuildState::Retired,
            BuildState::Building => build.state = BuildState::Active,
            BuildState::Retired => {}
        }
    }
    // The old parts go with it, or else their workers would go on until they hear of it, and tell readers how far
    // they have come. If it fails they are given back.
    let mut writes: Vec<Write> = old_parts
        .iter()
        .zip(&halted)
        .map(|(part, (revision, state))| {
            let state = PartState { owner: None, ..state.clone() };
            let value = (!has_caught).then(|| encode(&state));
            Write { key: part.key(), expected: *revision, value }
        })
        .collect();
    if has_caught {
        writes.push(Write { key: key(projection), expected: revision, value: Some(encode(&after)) });
    }
    Ok(registers.write(writes).await? && has_caught)
}

/// Whether the parts of the new build have reached the end of the log once, and passed what the old ones have.
async fn has_caught_up(store: &Store, new: &[Part], old: &[(u64, PartState)]) -> Result<bool, ReadError> {
    let states = part_states(store, new).await?;
    let head = store.head().await?;
    let is_past = |new: &Checkpoint, old: &Checkpoint| {
        // A store that was restored has lost what is behind its end, and nobody comes there.
        old.reached().is_none_or(|position| new.covers(position) || !head.covers(position))
    };
    let has = states.iter().all(|(_, new)| {
        new.checkpoint.is_live && old.iter().all(|(_, old)| is_past(&new.checkpoint, &old.checkpoint))
    });
    Ok(has && states.len() == new.len())
}

/// Takes a part from whoever owns it.
async fn halt(store: &Store, part: &Part, name: &str) -> Result<Option<(u64, PartState)>, ReadError> {
    let registers = store.registers().ok_or(NO_REGISTERS)?;
    let key = part.key();
    while let Some(register) = registers.read(&key).await? {
        let state: PartState = decode(&key, &register)?;
        let state = PartState { owner: Some(name.to_owned()), token: state.token + 1, ..state };
        let write = Write { key: key.clone(), expected: register.revision, value: Some(encode(&state)) };
        if registers.write(vec![write]).await? {
            return Ok(Some((register.revision + 1, state)));
        }
    }
    Ok(None)
}
