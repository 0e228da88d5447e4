//! The end of the log, as those who follow it in this process share it: the newest events, and who reads them.
//!
//! Everything is decided by comparing cursors. The ring can lose what is old and can be started anew at any place:
//! whoever is not within it reads from the store until it is.

use super::tailer;
use crate::adapter::LogPage;
use crate::error::ReadError;
use crate::position::Cursor;
use crate::recorded::Recorded;
use crate::store::Store;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How many events are kept for those who are a little behind.
const RING_EVENTS: usize = 8 * 1024;

/// How many bytes of payload and metadata are kept for them.
const RING_BYTES: usize = 16 << 20;

/// How many chunks are handed out under one lock.
const AT_ONCE: usize = 64;

/// The one tailer of a store, while there is one, and what it has read.
pub(crate) struct Tail {
    state: Mutex<State>,
    /// Tells the subscribers to look again.
    changed: watch::Sender<()>,
}

struct State {
    ring: Ring,
    /// How many subscribers wait at the end of the log.
    live: usize,
    /// Which tailer may write here: one that was replaced finds another number.
    term: u64,
    is_running: bool,
    task: Option<AbortHandle>,
    /// When the tailer should have been heard of. It is on the runtime of whoever started it, which may be gone
    /// or at a standstill.
    due: Instant,
    /// The last thing that the tailer tried failed, and how many failures there were in all.
    error: Option<ReadError>,
    errors: u64,
}

/// Chunks of the log, each of which begins where the one before ends.
#[derive(Default)]
struct Ring {
    start: Cursor,
    chunks: VecDeque<Arc<Chunk>>,
    events: usize,
    bytes: usize,
    /// Whether the log had no more when it was read last.
    is_end: bool,
}

/// What the tailer read at once.
pub(super) struct Chunk {
    pub(super) events: Vec<Recorded>,
    pub(super) next: Cursor,
    bytes: usize,
}

impl Ring {
    /// Of a log that ends here.
    fn at(start: Cursor) -> Self {
        Self { start, is_end: true, ..Self::default() }
    }

    fn end(&self) -> &Cursor {
        self.chunks.back().map_or(&self.start, |chunk| &chunk.next)
    }

    fn push(&mut self, chunk: Chunk) {
        self.events += chunk.events.len();
        self.bytes += chunk.bytes;
        self.chunks.push_back(Arc::new(chunk));
        while (self.events > RING_EVENTS || self.bytes > RING_BYTES) && self.chunks.len() > 1 {
            let Some(oldest) = self.chunks.pop_front() else { return };
            self.events -= oldest.events.len();
            self.bytes -= oldest.bytes;
            self.start = oldest.next.clone();
        }
    }
}

/// What there is for a subscriber at the end of the log.
pub(super) enum News {
    /// Chunks that its cursor does not cover, and whether the log ends with them.
    Chunks(Vec<Arc<Chunk>>, bool),
    /// Nothing, and whether the log ends here.
    Nothing(bool),
    /// It was too slow: what it needs is not kept any more.
    Missed,
}

impl Tail {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins those who wait at the end of the log, at `cursor`. Not where the tailer has left it behind, unless
    /// the reader `is_stuck`: it finds no more in the store, so it is the tailer that is not where the log ends.
    pub(super) fn join(store: &Store, cursor: &Cursor, is_stuck: bool) -> Option<Live> {
        let tail = store.tail();
        let mut state = tail.lock();
        let is_within = cursor.reaches(&state.ring.start);
        if state.is_running && !is_within && !is_stuck {
            return None;
        }
        state.live += 1;
        let live = Live { store: store.clone(), changed: tail.changed.subscribe(), errors: state.errors };
        if !state.is_running || !is_within {
            state.ring = Ring::at(cursor.clone());
            tail.start(state, store);
        }
        Some(live)
    }

    /// Lets a new tailer go on where the ring ends. The old one, if any, writes no more.
    fn start(&self, mut state: MutexGuard<'_, State>, store: &Store) {
        state.term += 1;
        state.is_running = true;
        state.due = Instant::now() + tailer::PATIENCE;
        let (term, old) = (state.term, state.task.take());
        // A runtime that shuts down drops the task here and now, which takes the lock.
        drop(state);
        if let Some(old) = old {
            old.abort();
        }
        let task =
            tokio::spawn(tailer::run(store.clone(), Term { store: store.clone(), term })).abort_handle();
        let mut state = self.lock();
        if state.term == term {
            state.task = Some(task);
        } else {
            drop(state);
            task.abort();
        }
    }
}

/// The tailer's right to write, until it is dropped or another one has it.
pub(super) struct Term {
    store: Store,
    term: u64,
}

impl Term {
    fn lock(&self) -> Option<MutexGuard<'_, State>> {
        let state = self.store.tail().lock();
        (state.term == self.term).then_some(state)
    }

    /// Where to read on, or nothing for a tailer that was replaced. It will be heard of within `patience`.
    pub(super) fn read_on(&self, patience: Duration) -> Option<Cursor> {
        let mut state = self.lock()?;
        state.due = Instant::now() + patience;
        Some(state.ring.end().clone())
    }

    /// Shares what was read.
    pub(super) fn share(&self, page: LogPage) {
        let Some(mut state) = self.lock() else { return };
        state.error = None;
        let LogPage { events, next, is_end } = page;
        let is_new = next != *state.ring.end() || is_end != state.ring.is_end;
        state.ring.is_end = is_end;
        if next != *state.ring.end() {
            let size = |event: &Recorded| event.event().bytes().len() + event.metadata().size();
            let bytes = events.iter().map(size).sum();
            state.ring.push(Chunk { events, next, bytes });
        }
        drop(state);
        if is_new {
            self.store.tail().changed.send_replace(());
        }
    }

    /// Shares that it cannot read.
    pub(super) fn fail(&self, error: ReadError) {
        let Some(mut state) = self.lock() else { return };
        state.error = Some(error);
        state.errors += 1;
        drop(state);
        self.store.tail().changed.send_replace(());
    }
}

/// A runtime that ends takes its tasks with it, and the subscribers of another need to know.
impl Drop for Term {
    fn drop(&mut self) {
        let Some(mut state) = self.lock() else { return };
        state.is_running = false;
        drop(state);
        self.store.tail().changed.send_replace(());
    }
}

/// A subscriber that waits at the end of the log. With the last of them the tailer ends.
pub(super) struct Live {
    store: Store,
    changed: watch::Receiver<()>,
    errors: u64,
}

impl Live {
    /// What there is beyond `cursor`.
    ///
    /// # Errors
    ///
    /// When there is nothing and the tailer cannot read. Each failure is answered once.
    pub(super) fn news(&mut self, cursor: &Cursor) -> Result<News, ReadError> {
        // Before the look, so that what comes after it is not taken for seen.
        self.changed.borrow_and_update();
        let tail = self.store.tail();
        let state = tail.lock();
        if !cursor.reaches(&state.ring.start) {
            return Ok(News::Missed);
        }
        let chunks = &state.ring.chunks;
        let first = chunks.partition_point(|chunk| cursor.reaches(&chunk.next));
        if first < chunks.len() {
            let some = chunks.range(first..).take(AT_ONCE).cloned().collect();
            let is_all = chunks.len() - first <= AT_ONCE;
            return Ok(News::Chunks(some, is_all && state.ring.is_end));
        }
        if !state.is_running || state.due <= Instant::now() {
            let is_end = state.ring.is_end;
            tail.start(state, &self.store);
            return Ok(News::Nothing(is_end));
        }
        match &state.error {
            Some(error) if self.errors != state.errors => {
                self.errors = state.errors;
                Err(error.clone())
            }
            _ => Ok(News::Nothing(state.ring.is_end)),
        }
    }

    /// Waits until it is worth a look, or until `deadline`.
    pub(super) async fn changed(&mut self, deadline: Option<Instant>) {
        let due = self.store.tail().lock().due;
        let until = deadline.map_or(due, |deadline| deadline.min(due));
        // The sender is in the store, and lives as long as this.
        let _ = tokio::time::timeout_at(until, self.changed.changed()).await;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let mut state = self.store.tail().lock();
        state.live -= 1;
        if state.live > 0 {
            return;
        }
        state.term += 1;
        state.is_running = false;
        state.ring = Ring::default();
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.abort();
        }
    }
}

impl Default for Tail {
    fn default() -> Self {
        let state = State {
            ring: Ring::default(),
            live: 0,
            term: 0,
            is_running: false,
            task: None,
            due: Instant::now(),
            error: None,
            errors: 0,
        };
        Self { state: Mutex::new(state), changed: watch::Sender::new(()) }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}
