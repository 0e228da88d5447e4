//! Goes through the log, finds the streams in it, and lets each be examined.

use super::examine::{Examine, Examined, Question, SnapshotSeen};
use super::finding::{Fault, Finding};
use super::states::StreamState;
use super::{Audit, read_model};
use crate::adapter::{Filter, Limit};
use crate::error::ReadError;
use crate::following::FollowError;
use crate::position::{Cursor, Position, Version};
use crate::recorded::Recorded;
use crate::store::Store;
use std::collections::HashSet;
use std::iter::Peekable;
use std::panic::resume_unwind;
use std::sync::Arc;
use tokio::task::JoinSet;

/// How many streams are folded at a time: stores read several at once.
const AT_ONCE: usize = 8;

/// What an audit tells while it runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Seen {
    /// How far it has come.
    Progress(Progress),
    /// Something is not as it should be.
    Finding(Finding),
    /// The state of a stream, where that was [asked for](Audit::show_states).
    State(StreamState),
}

/// How far an audit has come with a part of its work.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// With which part: nothing while it goes through the log, and then the name of the projection.
    pub projection: Option<&'static str>,
    /// How many events were looked at.
    pub events: u64,
    /// How much of the log was passed, from 0 to 1: an estimate by positions.
    pub fraction: f64,
}

/// What an audit has looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditSummary {
    /// How many events there are.
    pub events: u64,
    /// In how many streams.
    pub streams: u64,
    /// How many findings were told.
    pub findings: u64,
    /// How many snapshots were compared with a fold.
    pub snapshots: u64,
    /// How many are of another program or another history. A load throws them away, and they are made anew.
    pub other_snapshots: u64,
    /// How many states were compared with those of another program.
    pub compared: u64,
    /// How many streams that program had not seen, where one was given.
    pub new_streams: u64,
    /// The read models that were compared.
    pub read_models: Vec<&'static str>,
    /// Those that were not, and why.
    pub skipped: Vec<(&'static str, &'static str)>,
}

/// An audit could not be carried out.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The tables of a projection could not be made or filled beside the old ones.
    #[error("the read model of `{projection}` could not be compared: {error}")]
    ReadModel {
        /// The projection.
        projection: &'static str,
        /// Why.
        error: FollowError,
    },
}

impl Audit {
    /// Runs it, and tells `seen` of everything on the way.
    ///
    /// # Errors
    ///
    /// See [`AuditError`]. What is wrong with what is stored is no error, but a [`Finding`].
    pub async fn run(mut self, seen: impl FnMut(Seen) + Send) -> Result<AuditSummary, AuditError> {
        let is_against = self.expected.is_some();
        let expected = self.expected.take().unwrap_or_else(|| Box::new(std::iter::empty()));
        let mut run = Run {
            end: self.store.head().await?,
            expected: expected.peekable(),
            is_against,
            strangers: HashSet::new(),
            summary: AuditSummary::default(),
            audit: self,
            seen,
        };
        run.log().await?;
        run.read_models().await?;
        Ok(run.summary)
    }
}

/// What is to be asked of a stream, and the aggregate that answers.
type Asked = (Arc<dyn Examine>, Question);

struct Run<S> {
    audit: Audit,
    /// Where the log ended when the audit began.
    end: Cursor,
    expected: Peekable<Box<dyn Iterator<Item = StreamState> + Send>>,
    is_against: bool,
    /// Categories that this program does not know.
    strangers: HashSet<String>,
    summary: AuditSummary,
    seen: S,
}

impl<S: FnMut(Seen) + Send> Run<S> {
    fn find(&mut self, finding: Finding) {
        self.summary.findings += 1;
        (self.seen)(Seen::Finding(finding));
    }

    async fn log(&mut self) -> Result<(), AuditError> {
        let store = self.audit.store.clone();
        let (mut cursor, mut folded, mut is_whole) = (Cursor::start(), 0, true);
        while !cursor.reaches(&self.end) {
            let page = match store.read_all(&cursor, &Filter::all(), Limit::default()).await {
                Ok(page) => page,
                Err(error @ ReadError::Corrupt { .. }) => {
                    self.find(Finding::of_store(Fault::Corrupt(error.to_string())));
                    is_whole = false;
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let events = page.events.iter().take_while(|event| self.end.covers(event.position()));
            let events: Vec<&Recorded> = events.collect();
            self.summary.events += events.len() as u64;
            let (asked, passed) = self.questions(&events);
            folded += passed;
            for examined in examine(&store, asked).await? {
                folded += examined.events;
                is_whole &= !examined.is_corrupt;
                self.tell(examined);
            }
            self.tell_progress(&page.next);
            if page.is_end {
                break;
            }
            cursor = page.next;
        }
        if is_whole && self.summary.events > folded {
            self.find(Finding::of_store(Fault::Lost(self.summary.events - folded)));
        }
        if let Some(state) = self.expected.peek() {
            let (stream, version) = (state.stream.clone(), state.version);
            let finding =
                Finding { version: Some(version), ..Finding::of_stream(&stream, Fault::NoSuchStream) };
            self.find(finding);
        }
        Ok(())
    }

    fn tell_progress(&mut self, reached: &Cursor) {
        let end = self.end.position().map_or(0, Position::commit).max(1) as f64;
        let at = reached.position().map_or(0, Position::commit) as f64;
        let events = self.summary.events;
        (self.seen)(Seen::Progress(Progress { projection: None, events, fraction: (at / end).min(1.0) }));
    }

    /// What is to be asked of the streams that begin among these events, and how many of the events are of
    /// categories that nobody here knows.
    fn questions(&mut self, events: &[&Recorded]) -> (Vec<Asked>, u64) {
        let (mut asked, mut passed) = (Vec::new(), 0);
        for event in events {
            let stream = event.stream();
            let is_first = event.version() == Version::new(1);
            self.summary.streams += u64::from(is_first);
            let Some(aggregate) = self.audit.aggregates.get(stream.category()).cloned() else {
                passed += 1;
                if !self.strangers.contains(stream.category()) {
                    self.strangers.insert(stream.category().to_owned());
                    self.find(Finding::at(event, Fault::UnknownCategory));
                }
                continue;
            };
            if !is_first {
                continue;
            }
            let expected = self.expected.next_if(|state| state.stream == *stream);
            self.summary.new_streams += u64::from(self.is_against && expected.is_none());
            let (stream, end) = (stream.clone(), self.end.clone());
            let shows_state = self.audit.shows_states;
            asked.push((aggregate, Question { stream, end, expected, shows_state }));
        }
        (asked, passed)
    }

    fn tell(&mut self, examined: Examined) {
        let stream = examined.findings.first().and_then(|finding| finding.stream.clone());
        for finding in examined.findings {
            self.find(finding);
        }
        if let (Some(stream), more @ 1..) = (stream, examined.more) {
            self.find(Finding::of_stream(&stream, Fault::More(more)));
        }
        self.summary.compared += u64::from(examined.is_compared);
        match examined.snapshot {
            SnapshotSeen::None => {}
            SnapshotSeen::Own => self.summary.snapshots += 1,
            SnapshotSeen::Other => self.summary.other_snapshots += 1,
        }
        if let Some(state) = examined.state {
            (self.seen)(Seen::State(state));
        }
    }

    async fn read_models(&mut self) -> Result<(), AuditError> {
        for checker in std::mem::take(&mut self.audit.read_models) {
            let projection = checker.name();
            let seen = &mut self.seen;
            let mut tell = |events, fraction| {
                seen(Seen::Progress(Progress { projection: Some(projection), events, fraction }));
            };
            let checked = checker.check(&self.audit.store, &mut tell).await;
            match checked.map_err(|error| AuditError::ReadModel { projection, error })? {
                read_model::Checked::Skipped(why) => self.summary.skipped.push((projection, why)),
                read_model::Checked::Compared(findings) => {
                    self.summary.read_models.push(projection);
                    findings.into_iter().for_each(|finding| self.find(finding));
                }
            }
        }
        Ok(())
    }
}

/// The answers, in the order of the questions.
async fn examine(store: &Store, asked: Vec<Asked>) -> Result<Vec<Examined>, AuditError> {
    let mut answers: Vec<(usize, Examined)> = Vec::with_capacity(asked.len());
    let (mut asked, mut running) = (asked.into_iter().enumerate(), JoinSet::new());
    loop {
        while running.len() < AT_ONCE
            && let Some((number, (aggregate, question))) = asked.next()
        {
            let store = store.clone();
            running.spawn(async move { (number, aggregate.examine(&store, question).await) });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((number, examined))) => answers.push((number, examined?)),
            Some(Err(failed)) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // Nobody aborts them but the runtime, which goes down.
                Err(_) => break,
            },
        }
    }
    answers.sort_by_key(|(number, _)| *number);
    Ok(answers.into_iter().map(|(_, examined)| examined).collect())
}
