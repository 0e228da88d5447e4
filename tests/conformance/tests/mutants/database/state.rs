//! What is stored, and who is writing.

use es_runtime::memory::Memory;
use es_runtime::{CommitId, Range, Recorded, StoreId, StreamName, Timestamp, Version};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

pub(crate) struct Database {
    pub(crate) identity: StoreId,
    pub(crate) changed: watch::Sender<()>,
    /// Keeps the snapshots, which are not the subject here.
    pub(crate) cache: Memory,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// In the order in which they were committed.
    pub(crate) rows: Vec<Row>,
    /// How many of them are on the disk.
    pub(crate) flushed: usize,
    /// Given out once, whatever becomes of the transaction.
    pub(crate) last_position: u64,
    pub(crate) last_ticket: u64,
    /// Who is writing, and at which position if it has one.
    pub(crate) writing: BTreeMap<u64, u64>,
    pub(crate) handles: usize,
}

/// A commit.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) id: CommitId,
    pub(crate) stream: StreamName,
    pub(crate) position: u64,
    /// Which handle wrote it.
    pub(crate) writer: u64,
    pub(crate) events: Vec<Recorded>,
}

impl Row {
    pub(crate) fn range(&self) -> Range {
        let (first, last) = (&self.events[0], &self.events[self.events.len() - 1]);
        Range { first: first.version(), last: last.version(), position: last.position() }
    }
}

/// What a transaction sees: so many commits, and of which handle.
#[derive(Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) commits: usize,
    pub(crate) own: Option<(u64, usize)>,
}

/// Somebody is writing, until this is dropped: by then it is there, or never will be.
pub(crate) struct Ticket {
    database: Arc<Database>,
    pub(crate) number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.database.state().writing.remove(&self.number);
    }
}

impl Database {
    pub(crate) fn new(name: &str) -> Self {
        let identity = (*CommitId::derive(&CommitId::ROOT, name).as_uuid()).into();
        let (changed, cache) = (watch::Sender::new(()), Memory::new());
        Self { identity, changed, cache, state: Mutex::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a handle. What nobody has in memory any more is what is on the disk.
    pub(crate) fn open(&self) -> usize {
        let mut state = self.state();
        if state.handles == 0 {
            let flushed = state.flushed;
            state.rows.truncate(flushed);
        }
        state.handles += 1;
        state.rows.len()
    }

    pub(crate) fn close(&self) {
        self.state().handles -= 1;
    }

    pub(crate) fn ticket(self: &Arc<Self>) -> Ticket {
        let mut state = self.state();
        state.last_ticket += 1;
        let number = state.last_ticket;
        state.writing.insert(number, u64::MAX);
        Ticket { database: self.clone(), number }
    }

    /// What a transaction that begins now sees.
    pub(crate) fn look<T>(&self, sight: Sight, with: impl FnOnce(&[Row]) -> T) -> T {
        let state = self.state();
        let rows = &state.rows[..sight.commits.min(state.rows.len())];
        match sight.own {
            None => with(rows),
            Some((handle, opened_at)) => {
                let visible = |(n, row): &(usize, &Row)| *n < opened_at || row.writer == handle;
                let own: Vec<_> =
                    rows.iter().enumerate().filter(visible).map(|(_, row)| row.clone()).collect();
                with(&own)
            }
        }
    }
}

/// The version of a stream in what is seen.
pub(crate) fn version(rows: &[Row], stream: &StreamName) -> Version {
    let of_stream = rows.iter().filter(|row| row.stream == *stream);
    of_stream.map(|row| row.range().last).max().unwrap_or(Version::NONE)
}

/// The latest time in a stream.
pub(crate) fn latest(rows: &[Row], stream: &StreamName) -> Timestamp {
    let of_stream = rows.iter().filter(|row| row.stream == *stream);
    of_stream.map(|row| row.events[0].recorded_at()).max().unwrap_or(Timestamp::EPOCH)
}
