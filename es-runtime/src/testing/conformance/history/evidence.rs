//! What a store has in the end, sorted for the check.

use super::{Call, Exchange, read_whole};
use crate::testing::conformance::{Broken, Kept, ensure};
use crate::{
    Adapter, AppendError, Appended, Commit, CommitId, Cursor, Filter, Found, Limit, Range, Recorded,
    StreamName,
};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// The calls of a [`History`](super::History), and what the store has in the end. Each check is one of the
/// invariants that the [suite](super::super) names.
#[derive(Debug)]
pub struct Evidence {
    pub(super) calls: Vec<Call>,
    pub(super) streams: BTreeMap<StreamName, Vec<Recorded>>,
    pub(super) log: Vec<Recorded>,
    pub(super) is_ordered: bool,
    /// What the store finds by the id of each commit that was sent.
    pub(super) found: HashMap<CommitId, Option<Found>>,
}

impl Evidence {
    pub(super) async fn collect<A: Adapter>(store: &A, calls: Vec<Call>) -> Result<Self, Broken> {
        let (mut streams, mut found) = (BTreeMap::new(), HashMap::new());
        for call in &calls {
            match &call.exchange {
                Exchange::Append(commit, _) => {
                    found.insert(commit.id, None);
                    streams.extend(commit.touched().map(|stream| (stream.clone(), Vec::new())));
                }
                Exchange::Read(stream, _) => {
                    streams.insert(stream.clone(), Vec::new());
                }
                Exchange::Find(id, _) => {
                    found.insert(*id, None);
                }
            }
        }
        for (stream, events) in &mut streams {
            *events = read_whole(store, stream).await?;
        }
        for (id, place) in &mut found {
            *place = store.find_commit(*id).await?;
        }
        let count = streams.values().map(Vec::len).sum();
        let log = log_of(store, count).await?;
        Ok(Self { calls, streams, log, is_ordered: store.capabilities().total_order, found })
    }

    /// The whole log.
    pub fn log(&self) -> &[Recorded] {
        &self.log
    }

    /// How many of the commits that were sent are stored.
    pub fn stored(&self) -> usize {
        self.found.values().flatten().count()
    }

    /// Whether everything that anybody was told fits together: all the invariants below.
    ///
    /// # Errors
    ///
    /// The first one that does not hold, and which calls show it.
    pub fn check(&self) -> Kept {
        self.i4_commits_are_whole()?;
        self.i1_acknowledged_commits_are_there_once()?;
        self.i2_refused_commits_are_not_there()?;
        self.i3_unknown_outcomes_are_found_out()?;
        self.i6_streams_keep_their_order_in_the_log()?;
        self.i8_repetitions_have_one_effect()?;
        self.i7_answers_fit_into_one_order()
    }

    pub(super) fn sent(&self) -> HashMap<CommitId, Vec<Sent<'_>>> {
        let mut sent: HashMap<CommitId, Vec<Sent<'_>>> = HashMap::new();
        for call in &self.calls {
            if let Exchange::Append(commit, told) = &call.exchange {
                sent.entry(commit.id).or_default().push(Sent { call, commit, told: told.as_ref() });
            }
        }
        sent
    }

    /// The commits of each stream, in the order of their versions.
    pub(super) fn stored_commits(&self) -> HashMap<CommitId, Stored<'_>> {
        let chunks =
            self.streams.values().flat_map(|events| events.chunk_by(|a, b| a.commit() == b.commit()));
        chunks.map(|events| (events[0].commit(), Stored { events })).collect()
    }
}

/// One time that a commit was sent.
#[derive(Clone, Copy)]
pub(super) struct Sent<'a> {
    pub(super) call: &'a Call,
    pub(super) commit: &'a Commit,
    pub(super) told: Option<&'a Result<Appended, AppendError>>,
}

impl Sent<'_> {
    /// Where it was told to be stored.
    pub(super) fn range(&self) -> Option<Range> {
        self.told?.as_ref().ok().map(|appended| appended.range())
    }

    /// Whether it was told to have stored something itself.
    pub(super) fn is_committed(&self) -> bool {
        matches!(self.told, Some(Ok(Appended::Committed(_))))
    }

    /// Whether it may have stored something itself, as far as it was told.
    pub(super) fn may_have_stored(&self) -> bool {
        match self.told {
            None | Some(Ok(Appended::Committed(_))) => true,
            Some(Ok(Appended::AlreadyCommitted(_))) => false,
            Some(Err(error)) => !error.is_not_stored(),
        }
    }
}

/// A commit as it is in its stream.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a> {
    pub(super) events: &'a [Recorded],
}

impl Stored<'_> {
    pub(super) fn range(&self) -> Range {
        let (first, last) = (&self.events[0], &self.events[self.events.len() - 1]);
        Range { first: first.version(), last: last.version(), position: last.position() }
    }
}

/// The log, as soon as it has as many events as the streams: nothing says how soon that is.
async fn log_of<A: Adapter>(store: &A, count: usize) -> Result<Vec<Recorded>, Broken> {
    const TRIES: usize = 500;
    let (mut log, mut cursor) = (Vec::new(), Cursor::start());
    for _ in 0..TRIES {
        loop {
            let page = store.read_all(&cursor, &Filter::all(), Limit::default()).await?;
            log.extend(page.events);
            ensure!(
                page.is_end || page.next != cursor,
                "a page of the log that is not the last must get further"
            );
            cursor = page.next;
            if page.is_end {
                break;
            }
        }
        if log.len() >= count {
            return Ok(log);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(Broken::new(format!(
        "I5: the log has shown {} events after 5 s, but the streams have {count}",
        log.len()
    )))
}
