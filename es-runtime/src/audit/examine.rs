//! One stream: its events decoded and folded, and its snapshot compared with the fold.

use super::finding::{Fault, Finding};
use super::states::{StreamState, is_same};
use crate::adapter::Limit;
use crate::aggregate::{Aggregate, replay};
use crate::error::ReadError;
use crate::following::panic_text;
use crate::format::Cause;
use crate::name::StreamName;
use crate::position::{Cursor, Version};
use crate::recorded::Recorded;
use crate::snapshot::Snapshot;
use crate::store::Store;
use serde::Serialize;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

/// The most findings of a stream that are told one by one.
const MOST: usize = 100;

/// What is to be found out about a stream.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) stream: StreamName,
    /// Events behind it are not looked at.
    pub(super) end: Cursor,
    pub(super) expected: Option<StreamState>,
    pub(super) shows_state: bool,
}

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) events: u64,
    pub(super) findings: Vec<Finding>,
    /// How many more there are.
    pub(super) more: u64,
    pub(super) snapshot: SnapshotSeen,
    pub(super) state: Option<StreamState>,
    pub(super) is_compared: bool,
    /// Whether the stream could not be read to its end.
    pub(super) is_corrupt: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum SnapshotSeen {
    #[default]
    None,
    /// It was compared.
    Own,
    /// A load would throw it away.
    Other,
}

type Examining<'a> = Pin<Box<dyn Future<Output = Result<Examined, ReadError>> + Send + 'a>>;

/// What is asked of an aggregate without knowing its type.
pub(super) trait Examine: Send + Sync {
    fn examine<'a>(&'a self, store: &'a Store, question: Question) -> Examining<'a>;
}

/// An aggregate, and how its state is written.
pub(super) struct Examiner<A> {
    write: fn(&A) -> Option<Result<Value, Cause>>,
}

impl<A: Aggregate> Examiner<A> {
    pub(super) const fn of_snapshots() -> Self {
        Self { write: by_plan::<A> }
    }
}

impl<A: Aggregate + Serialize> Examiner<A> {
    pub(super) const fn of_states() -> Self {
        Self { write: |state| Some(serde_json::to_value(state).map_err(Cause::new)) }
    }
}

fn by_plan<A: Aggregate>(state: &A) -> Option<Result<Value, Cause>> {
    let plan = const { &A::SNAPSHOT }.as_ref()?;
    Some(plan.to_json(state))
}

impl<A: Aggregate> Examine for Examiner<A> {
    fn examine<'a>(&'a self, store: &'a Store, question: Question) -> Examining<'a> {
        Box::pin(self.stream(store, question))
    }
}

impl<A: Aggregate> Examiner<A> {
    async fn stream(&self, store: &Store, question: Question) -> Result<Examined, ReadError> {
        let mut folding = Folding::<A>::default();
        let Question { stream, end, expected, shows_state } = question;
        let snapshot = snapshot_of::<A>(store, &stream, &mut folding.examined).await?;
        let mut next = Some(Version::new(1));
        'pages: while let Some(from) = next {
            let page = match store.read_stream(&stream, from, Limit::default()).await {
                Ok(page) => page,
                Err(error @ ReadError::Corrupt { .. }) => {
                    let fault = Fault::Corrupt(error.to_string());
                    folding.examined.is_corrupt = true;
                    folding.find(Finding::of_stream(&stream, fault));
                    break;
                }
                Err(error) => return Err(error),
            };
            for event in &page.events {
                if !end.covers(event.position()) {
                    break 'pages;
                }
                folding.take(event);
                if let Some(snapshot) = snapshot.as_ref().filter(|it| it.version == event.version()) {
                    folding.compare_snapshot(event, snapshot);
                }
                if let Some(expected) = expected.as_ref().filter(|it| it.version == event.version()) {
                    self.compare_state(&mut folding, event, expected);
                }
            }
            next = page.next;
        }
        if let Some(expected) = expected
            && expected.version.get() > folding.examined.events
            && !folding.examined.is_corrupt
        {
            let fault = Fault::Shorter { events: folding.examined.events };
            let finding = Finding { version: Some(expected.version), ..Finding::of_stream(&stream, fault) };
            folding.find(finding);
        }
        if shows_state
            && !folding.examined.is_corrupt
            && let Some(state) = &folding.state
        {
            match (self.write)(state) {
                Some(Ok(state)) => {
                    let version = Version::new(folding.examined.events);
                    folding.examined.state = Some(StreamState { stream, version, state });
                }
                Some(Err(error)) => {
                    let fault = Fault::UnwritableState(error.to_string());
                    folding.find(Finding::of_stream(&stream, fault));
                }
                None => {}
            }
        }
        Ok(folding.examined)
    }

    fn compare_state(&self, folding: &mut Folding<A>, event: &Recorded, expected: &StreamState) {
        // Behind an event that could not be folded there is none, and that was said.
        let Some(written) = folding.state.as_ref().and_then(|state| (self.write)(state)) else { return };
        folding.examined.is_compared = true;
        let fault = match written {
            Ok(now) if is_same(&expected.state, &now) => return,
            Ok(now) => Fault::State { before: expected.state.clone(), now },
            Err(error) => Fault::UnwritableState(error.to_string()),
        };
        folding.find(Finding::at(event, fault));
    }
}

/// The snapshot of a stream, if it is one that this program would start from.
async fn snapshot_of<A: Aggregate>(
    store: &Store,
    stream: &StreamName,
    examined: &mut Examined,
) -> Result<Option<Snapshot>, ReadError> {
    let (Some(_), Some(snapshots)) = (const { &A::SNAPSHOT }, store.snapshots()) else { return Ok(None) };
    match snapshots.load_snapshot(stream).await {
        Ok(Some(snapshot)) => {
            examined.snapshot = SnapshotSeen::Other;
            Ok(Some(snapshot).filter(|it| it.fingerprint == store.fingerprints().of::<A>()))
        }
        Ok(None) => Ok(None),
        Err(error @ ReadError::Corrupt { .. }) => {
            let fault = Fault::UnreadableSnapshot(error.to_string());
            examined.findings.push(Finding::of_stream(stream, fault));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

struct Folding<A> {
    /// Nothing behind an event that could not be folded.
    state: Option<A>,
    examined: Examined,
}

impl<A: Aggregate> Default for Folding<A> {
    fn default() -> Self {
        Self { state: Some(A::default()), examined: Examined::default() }
    }
}

impl<A: Aggregate> Folding<A> {
    fn find(&mut self, finding: Finding) {
        if self.examined.findings.len() < MOST {
            self.examined.findings.push(finding);
        } else {
            self.examined.more += 1;
        }
    }

    fn take(&mut self, event: &Recorded) {
        self.examined.events += 1;
        let name = || event.name().to_owned();
        let whole = self.state.take();
        let is_whole = whole.is_some();
        let mut state = whole.unwrap_or_default();
        let replayed = catch_unwind(AssertUnwindSafe(|| {
            replay(&mut state, event.name(), event.schema_version(), event.event().as_payload())
        }));
        let fault = match replayed {
            Ok(Some(Ok(()))) => {
                self.state = is_whole.then_some(state);
                None
            }
            Ok(Some(Err(error))) => Some(Fault::Unreadable { name: name(), error: error.to_string() }),
            Ok(None) => Some(Fault::UnknownEvent { name: name() }),
            // From a state that is none, a handler may well fail at what it does not expect.
            Err(_) if !is_whole => None,
            Err(panic) => Some(Fault::Panicked { name: name(), text: panic_text(&*panic) }),
        };
        if let Some(fault) = fault {
            self.find(Finding::at(event, fault));
        }
    }

    fn compare_snapshot(&mut self, event: &Recorded, snapshot: &Snapshot) {
        let (Some(state), Some(plan)) = (&self.state, const { &A::SNAPSHOT }) else { return };
        // A load looks at the commit too, and does not start from a snapshot of another history.
        if event.commit() != snapshot.commit {
            return;
        }
        self.examined.snapshot = SnapshotSeen::Own;
        let kept = plan.decode(&snapshot.state).and_then(|kept| plan.to_json(&kept));
        let fault = match (kept, plan.to_json(state)) {
            (Ok(kept), Ok(folded)) if is_same(&kept, &folded) => return,
            (Ok(kept), Ok(folded)) => Fault::Snapshot { kept, folded },
            (Err(error), _) => Fault::UnreadableSnapshot(error.to_string()),
            // None was ever taken of such a state.
            (Ok(_), Err(error)) => Fault::UnreadableSnapshot(error.to_string()),
        };
        self.find(Finding::at(event, fault));
    }
}
