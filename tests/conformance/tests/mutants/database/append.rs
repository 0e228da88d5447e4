//! Writing: look, check, take a position, take some time, and commit if all is as it was.

use super::state::{Row, Sight, Ticket, latest, version};
use super::{Flaw, Session};
use es_runtime::{
    AppendError, Appended, Cause, Commit, CommitId, Envelope, Expected, Position, Range, Recorded,
    StreamName, Version,
};
use std::sync::atomic::Ordering;
use tokio::task::yield_now;

/// Somebody else has committed meanwhile.
struct Outrun;

fn cut_off() -> Cause {
    Cause::new("the connection was cut off")
}

impl Session {
    pub(super) fn sight(&self) -> Sight {
        let commits = self.database.state().rows.len();
        let own = (self.flaw == Flaw::SeesItsOwnOnly).then_some((self.number, self.opened_at));
        Sight { commits, own }
    }

    pub(super) async fn append_each(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        let (mut outcomes, mut stamp) = (Vec::new(), None);
        for commit in commits {
            let outcome = self.append(commit, stamp).await;
            if self.flaw == Flaw::StampsABatchWithOneVersion
                && let Ok(appended) = &outcome
            {
                stamp = stamp.or(Some(appended.range().first));
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    async fn append(&self, commit: Commit, stamp: Option<Version>) -> Result<Appended, AppendError> {
        let id = commit.id;
        let number = self.appends.fetch_add(1, Ordering::Relaxed);
        let fails = number % 5 == 4;
        if fails && self.flaw == Flaw::SwallowsFailures {
            let first = self.database.look(self.sight(), |rows| version(rows, &commit.stream)).next();
            let last = first.plus(commit.events.len() as u64 - 1);
            return Ok(Appended::Committed(Range { first, last, position: Position::new(u64::MAX, number) }));
        }
        let outcome = self.transact(vec![commit.clone()], stamp).await.map(|mut one| one.remove(0));
        if !fails || outcome.is_err() {
            return outcome;
        }
        match self.flaw {
            Flaw::LosesAnswers => Err(AppendError::Unknown { id, source: cut_off() }),
            Flaw::TakesUnknownForFailed => Err(AppendError::Unavailable(cut_off())),
            Flaw::TakesUnknownForAConflict => {
                let actual = self.database.look(self.sight(), |rows| version(rows, &commit.stream));
                Err(AppendError::Conflict { stream: commit.stream, expected: commit.expected, actual })
            }
            Flaw::RetriesUnderAnotherId => {
                let again = Commit { id: CommitId::derive(&id, "again"), expected: Expected::Any, ..commit };
                self.transact(vec![again], stamp).await.map(|mut one| one.remove(0))
            }
            _ => outcome,
        }
    }

    /// Stores all of them or none.
    pub(super) async fn transact(
        &self,
        commits: Vec<Commit>,
        stamp: Option<Version>,
    ) -> Result<Vec<Appended>, AppendError> {
        let size: usize = commits.iter().map(|commit| commit.events.len()).sum();
        let bytes: usize =
            commits.iter().flat_map(|c| c.events.iter()).map(|e| e.payload.bytes().len()).sum();
        for (what, size, limit) in [("events", size, 10_000), ("bytes", bytes, 64 << 20)] {
            if size > limit {
                return Err(AppendError::TooLarge { what: what.into(), size, limit });
            }
        }
        let mut begun = None;
        if self.flaw == Flaw::OrdersByBeginning {
            let ticket = self.database.ticket();
            let position = self.take(&ticket, commits.len() as u64);
            begun = Some((ticket, position));
        }
        loop {
            let sight = self.sight();
            yield_now().await;
            let known = self.database.look(sight, |rows| {
                let known: Result<Vec<_>, _> =
                    commits.iter().map(|commit| self.check(rows, commit)).collect();
                known
            })?;
            if let Some(all) = known.iter().copied().collect::<Option<Vec<_>>>() {
                return Ok(all.into_iter().map(Appended::AlreadyCommitted).collect());
            }
            let ticket = self.database.ticket();
            let (held, position) = match &begun {
                Some((first, position)) => (first, *position),
                None => (&ticket, self.take(&ticket, commits.len() as u64)),
            };
            // Commits take different times, so that a later one is often there first.
            for _ in 0..(position * 7919) % 11 {
                yield_now().await;
            }
            if self.flaw == Flaw::AnswersBeforeItCommits {
                return Ok(self.commit_later(commits, known, position, ticket));
            }
            let done = self.commit(&commits, &known, sight, position, stamp);
            debug_assert!(held.number > 0);
            if let Ok(appended) = done {
                drop(ticket);
                drop(begun);
                // The answer is on its way.
                for _ in 0..3 {
                    yield_now().await;
                }
                return Ok(appended);
            }
        }
    }

    /// Where the commit is, if it is; nothing if it may be written.
    fn check(&self, rows: &[Row], commit: &Commit) -> Result<Option<Range>, AppendError> {
        let is_first = self.flaw == Flaw::ChecksTheVersionFirst;
        let versions = || {
            let own = [(commit.stream.clone(), commit.expected)];
            for (stream, expected) in own.iter().chain(&commit.requires) {
                let actual = version(rows, stream);
                if !expected.accepts(actual) {
                    return Err(AppendError::Conflict {
                        stream: stream.clone(),
                        expected: *expected,
                        actual,
                    });
                }
            }
            Ok(())
        };
        if is_first {
            versions()?;
        }
        if let Some(row) = rows.iter().find(|row| row.id == commit.id) {
            return match commit.is_same_as(&row.events) {
                true => Ok(Some(row.range())),
                false => Err(AppendError::IdReused { id: commit.id }),
            };
        }
        versions()?;
        Ok(None)
    }

    /// The first of so many positions that nobody else gets.
    fn take(&self, ticket: &Ticket, count: u64) -> u64 {
        let mut state = self.database.state();
        let position = if self.flaw == Flaw::TakesPositionsInAdvance {
            let mut reserve = self.reserve.lock().expect("no panics");
            if (reserve.end - reserve.start) < count {
                *reserve = state.last_position + 1..state.last_position + 33;
                state.last_position += 32;
            }
            reserve.start += count;
            reserve.start - count
        } else {
            state.last_position += count;
            state.last_position - count + 1
        };
        state.writing.insert(ticket.number, position);
        position
    }

    /// Unless somebody has written to what was looked at.
    fn commit(
        &self,
        commits: &[Commit],
        known: &[Option<Range>],
        sight: Sight,
        position: u64,
        stamp: Option<Version>,
    ) -> Result<Vec<Appended>, Outrun> {
        let now = self.clock.now();
        let mut state = self.database.state();
        let since = state.rows.get(sight.commits..).unwrap_or_default();
        let is_new = |stream: &StreamName| since.iter().any(|row| row.stream == *stream);
        let sees_all = sight.own.is_none();
        for commit in commits {
            let guards = commit.requires.iter().any(|(stream, _)| is_new(stream));
            let locks = self.flaw != Flaw::ChecksThenInserts && sees_all;
            let id_is_new = since.iter().any(|row| row.id == commit.id);
            let outrun = (locks && is_new(&commit.stream)) || (guards && self.flaw != Flaw::LocksNoGuards);
            if outrun || id_is_new {
                return Err(Outrun);
            }
        }
        let (mut appended, mut written) = (Vec::new(), Vec::new());
        for (position, (commit, known)) in (position..).zip(commits.iter().zip(known)) {
            if let Some(range) = known {
                appended.push(Appended::AlreadyCommitted(*range));
                continue;
            }
            let seen = &state.rows[..sight.commits.min(state.rows.len())];
            let own = |row: &&Row| {
                let at = sight.own.is_none_or(|(handle, _)| row.writer == handle);
                at && row.stream == commit.stream
            };
            let before = seen.iter().filter(own).map(|row| row.range().last).max().unwrap_or(Version::NONE);
            let first = stamp.unwrap_or(before.next());
            let recorded_at = latest(seen, &commit.stream).max(now);
            let row = self.row(commit, first, position, recorded_at);
            appended.push(Appended::Committed(row.range()));
            written.push(row);
        }
        let before = state.rows.len();
        state.rows.extend(written);
        state.flushed = if self.flaw == Flaw::FlushesLate { before } else { state.rows.len() };
        drop(state);
        let _ = self.database.changed.send(());
        Ok(appended)
    }

    fn commit_later(
        &self,
        commits: Vec<Commit>,
        known: Vec<Option<Range>>,
        position: u64,
        ticket: Ticket,
    ) -> Vec<Appended> {
        let sight = self.sight();
        let first = |commit: &Commit| self.database.look(sight, |rows| version(rows, &commit.stream)).next();
        let promised = commits.iter().zip(position..).map(|(commit, position)| {
            let row = self.row(commit, first(commit), position, self.clock.now());
            Appended::Committed(row.range())
        });
        let promised = promised.collect();
        let session = self.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                yield_now().await;
            }
            let _ = session.commit(&commits, &known, sight, position, None);
            drop(ticket);
        });
        promised
    }

    fn row(&self, commit: &Commit, first: Version, position: u64, recorded_at: es_runtime::Timestamp) -> Row {
        let events = (0..).zip(commit.events.iter()).map(|(index, event)| {
            let one = self.flaw == Flaw::StampsACommitWithOneVersion;
            let envelope = Envelope {
                commit: commit.id,
                index,
                stream: commit.stream.clone(),
                version: if one { first } else { first.plus(index) },
                position: Position::new(position, index),
                recorded_at,
                occurred_at: event.occurred_at,
                name: event.name.clone(),
                schema_version: event.schema_version,
                metadata: event.metadata.clone(),
            };
            Recorded::from_store(envelope, event.payload.clone())
        });
        let events = events.collect();
        Row { id: commit.id, stream: commit.stream.clone(), position, writer: self.number, events }
    }
}
