//! Mutants that write wrongly.

use super::{Bug, Mutant, folded};
use es_runtime::testing::conformance::draft::payload;
use es_runtime::{
    Adapter, AppendError, Appended, Commit, CommitId, Expected, Metadata, NewEvent, NonEmpty, Range,
    StreamName, Version,
};
use std::sync::Arc;
use tokio::task::yield_now;

impl Mutant {
    async fn append(&self, mut commit: Commit) -> Result<Appended, AppendError> {
        let (id, expected) = (commit.id, commit.expected);
        let conflict =
            |stream: &StreamName, actual| AppendError::Conflict { stream: stream.clone(), expected, actual };
        match self.bug {
            Bug::ChecksTheVersionBeforeTheId => {
                let actual = self.version(&commit.stream).await;
                if !expected.accepts(actual) {
                    return Err(conflict(&commit.stream, actual));
                }
            }
            Bug::OverlooksConflicts => commit.expected = Expected::Any,
            Bug::StoresInSpiteOfAConflict => {
                let outcome = self.store(commit.clone()).await;
                if let Err(AppendError::Conflict { .. }) = outcome {
                    commit.expected = Expected::Any;
                    let _ = self.store(commit).await;
                }
                return outcome;
            }
            Bug::ReportsTheExpectedVersion => {
                return self.store(commit).await.map_err(|error| match error {
                    AppendError::Conflict { stream, expected, actual: _ } => {
                        AppendError::Conflict { stream, expected, actual: Version::new(1) }
                    }
                    error => error,
                });
            }
            Bug::ChecksThenWrites | Bug::ReadsThenCreates if self.is_known(id).await.is_none() => {
                let actual = self.version(&commit.stream).await;
                if !expected.accepts(actual) {
                    return Err(conflict(&commit.stream, actual));
                }
                yield_now().await;
                if self.bug == Bug::ChecksThenWrites || actual == Version::NONE {
                    commit.expected = Expected::Any;
                }
            }
            Bug::WritesEventByEvent if self.is_known(id).await.is_none() => {
                let mut ranges = Vec::new();
                for (n, event) in commit.events.iter().enumerate() {
                    let part = Commit {
                        id: if n + 1 == commit.events.len() {
                            id
                        } else {
                            CommitId::derive(&id, &n.to_string())
                        },
                        expected: if n == 0 { expected } else { Expected::Any },
                        events: NonEmpty::new(vec![event.clone()]).expect("one"),
                        ..commit.clone()
                    };
                    ranges.push(self.store(part).await?.range());
                    yield_now().await;
                }
                let last = *ranges.last().expect("one");
                return Ok(Appended::Committed(Range { first: ranges[0].first, ..last }));
            }
            Bug::IgnoresGuards => commit.requires.clear(),
            Bug::ChecksGuardsThenWrites if self.is_known(id).await.is_none() => {
                self.check_guards(&commit).await?;
                yield_now().await;
                commit.requires.clear();
            }
            Bug::RemembersTheLastIdOnly => {
                let last = self.known(|known| known.last.replace(id));
                if last != Some(id) && self.is_known(id).await.is_some() {
                    commit.id = CommitId::derive(&id, "again");
                }
            }
            Bug::TrustsIds => {
                if let Some(found) = self.is_known(id).await {
                    return Ok(Appended::AlreadyCommitted(found.range));
                }
            }
            Bug::ComparesMetadata => {
                let stored = self.stored(id).await;
                if stored.iter().zip(commit.events.iter()).any(|(old, new)| *old.metadata() != *new.metadata)
                {
                    return Err(AppendError::IdReused { id });
                }
            }
            Bug::UsesUpIdsThatWereRefused => {
                if self.known(|known| known.refused.contains(&id)) {
                    return Err(AppendError::IdReused { id });
                }
                let outcome = self.store(commit).await;
                if outcome.is_err() {
                    self.known(|known| known.refused.insert(id));
                }
                return outcome;
            }
            Bug::StoresTwiceAtOnce => {
                let is_known = self.is_known(id).await.is_some();
                yield_now().await;
                return match self.store(commit).await? {
                    Appended::AlreadyCommitted(range) if !is_known => Ok(Appended::Committed(range)),
                    appended => Ok(appended),
                };
            }
            Bug::LosesMetadata => {
                let without = |e: &NewEvent| NewEvent { metadata: Arc::new(Metadata::new()), ..e.clone() };
                commit.events = NonEmpty::new(commit.events.iter().map(without).collect()).expect("some");
            }
            Bug::SaysStoredEachTime => return Ok(Appended::Committed(self.store(commit).await?.range())),
            Bug::WritesToGuardedStreams => {
                for (guarded, expected) in commit.requires.clone() {
                    let id = CommitId::derive(&id, &guarded.to_string());
                    self.store(Commit {
                        id,
                        stream: guarded,
                        expected,
                        requires: Vec::new(),
                        ..commit.clone()
                    })
                    .await?;
                }
                commit.requires.clear();
            }
            Bug::LosesEmptyPayloads => {
                let kept = |e: &NewEvent| match e.payload.bytes().is_empty() {
                    true => NewEvent { payload: payload(*b"null"), ..e.clone() },
                    false => e.clone(),
                };
                commit.events = NonEmpty::new(commit.events.iter().map(kept).collect()).expect("some");
            }
            Bug::FoldsCase => {
                commit.stream = folded(&commit.stream);
            }
            Bug::GoesBackInTime => {
                let now = self.clock.now();
                self.known(|known| known.times.insert(id, now));
            }
            Bug::ShowsCommitsLate => {
                self.known(|known| known.hidden.insert(id));
                let outcome = self.store(commit).await;
                for _ in 0..id.as_uuid().as_bytes()[15] % 8 {
                    yield_now().await;
                }
                self.known(|known| known.hidden.remove(&id));
                return outcome;
            }
            _ => {}
        }
        self.store(commit).await
    }

    pub(super) async fn append_each(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        if self.bug == Bug::FailsBatchesAsOne && commits.len() > 1 {
            let count = commits.len();
            return match self.memory.append_all(commits).await {
                Ok(appended) => appended.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error); count],
            };
        }
        let mut outcomes = Vec::new();
        for commit in commits {
            outcomes.push(self.append(commit).await);
        }
        outcomes
    }

    pub(super) async fn append_together(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        if self.bug == Bug::ForgetsIdsOfSeveralStreams {
            let (mut fresh, first) = (commits.clone(), commits.first().map(|commit| commit.id));
            if let Some(id) = first.filter(|id| !self.known(|known| known.shown.insert(*id))) {
                fresh.iter_mut().for_each(|commit| {
                    commit.id = CommitId::derive(&id, &commit.id.to_string());
                    commit.expected = Expected::Any;
                });
            }
            return self.memory.append_all(fresh).await;
        }
        let one_by_one = match self.bug {
            Bug::WritesStreamByStream => true,
            Bug::TakesOneStreamTwice => {
                commits.iter().any(|c| c.stream != commits[0].stream) || commits.len() == 2
            }
            _ => false,
        };
        if !one_by_one {
            return self.memory.append_all(commits).await;
        }
        let mut appended = Vec::new();
        for commit in commits {
            appended.push(self.store(commit).await?);
            yield_now().await;
        }
        Ok(appended)
    }
}
