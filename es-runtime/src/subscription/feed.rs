//! Batches of the log for one subscriber: from the store while it is behind, from the ring once it is not.

use super::Batch;
use super::reading::Ahead;
use super::tail::{Chunk, Live, News, Tail};
use crate::adapter::{Filter, Limit};
use crate::error::ReadError;
use crate::position::Cursor;
use crate::recorded::Recorded;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How far a subscriber has come and where it gets its events from. Changes between two awaits only, so that a
/// dropped future loses nothing.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) store: Store,
    pub(super) filter: Filter,
    pub(super) limit: Limit,
    /// How long the log may go on without anything for this subscriber before it is told.
    pub(super) progress: Duration,
    cursor: Cursor,
    /// The next page, while the subscriber works on the one before.
    ahead: Option<Ahead>,
    /// Nothing while it is behind.
    live: Option<Live>,
    told: Told,
}

/// What the subscriber was told last.
#[derive(Debug)]
struct Told {
    at: Instant,
    was_end: bool,
    /// Whether the cursor has moved since.
    is_past: bool,
}

impl Feed {
    pub(super) fn new(
        store: Store,
        filter: Filter,
        limit: Limit,
        progress: Duration,
        cursor: Cursor,
    ) -> Self {
        let told = Told { at: Instant::now(), was_end: false, is_past: false };
        Self { store, filter, limit, progress, cursor, ahead: None, live: None, told }
    }

    /// How far it has read, whether there was anything for the subscriber or not.
    pub(super) const fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    pub(super) async fn next(&mut self) -> Result<Batch, ReadError> {
        loop {
            let batch = match &mut self.live {
                None => self.read_store().await?,
                Some(live) => match live.news(&self.cursor)? {
                    News::Chunks(chunks, is_end) => self.take_from(&chunks, is_end),
                    News::Missed => {
                        self.live = None;
                        continue;
                    }
                    News::Nothing(is_end) => {
                        let deadline = self.told.is_past.then(|| self.told.at + self.progress);
                        let is_time = deadline.is_some_and(|deadline| deadline <= Instant::now());
                        if !is_time && (self.told.was_end || !is_end) {
                            live.changed(deadline).await;
                            continue;
                        }
                        Batch { events: Vec::new(), cursor: self.cursor.clone(), is_end }
                    }
                },
            };
            if let Some(batch) = self.worth_telling(batch) {
                return Ok(batch);
            }
        }
    }

    async fn read_store(&mut self) -> Result<Batch, ReadError> {
        let page = loop {
            let read = || Ahead::read(&self.store, &self.cursor, &self.filter, self.limit);
            let page = self.ahead.get_or_insert_with(read).page().await;
            self.ahead = None;
            if let Some(page) = page {
                break page?;
            }
        };
        let has_moved = self.pass(page.next.clone());
        if page.is_end {
            self.live = Tail::join(&self.store, &self.cursor, !has_moved);
        } else {
            self.ahead = Some(Ahead::read(&self.store, &self.cursor, &self.filter, self.limit));
        }
        Ok(Batch { events: page.events, cursor: page.next, is_end: page.is_end })
    }

    /// Whole commits, until the batch is full. With the last of the chunks the log ends or not.
    fn take_from(&mut self, chunks: &[Arc<Chunk>], is_end: bool) -> Batch {
        let (mut events, mut bytes) = (Vec::<Recorded>::new(), 0);
        for chunk in chunks {
            let mut passed = None;
            for event in chunk.events.iter().filter(|event| !self.cursor.covers(event.position())) {
                let is_full = !events.is_empty() && self.limit.is_reached(events.len(), bytes);
                if is_full && event.index() == 0 {
                    if let Some(position) = passed {
                        self.pass(self.cursor.past(position));
                    }
                    return Batch { events, cursor: self.cursor.clone(), is_end: false };
                }
                passed = Some(event.position());
                if self.filter.matches(event.stream().category(), event.name()) {
                    bytes += event.event().bytes().len();
                    events.push(event.clone());
                }
            }
            self.pass(self.cursor.clone().join(chunk.next.clone()));
        }
        Batch { events, cursor: self.cursor.clone(), is_end }
    }

    fn pass(&mut self, cursor: Cursor) -> bool {
        let has_moved = cursor != self.cursor;
        self.told.is_past |= has_moved;
        self.cursor = cursor;
        has_moved
    }

    /// Nobody is woken by a batch without events, but to hear that the end is reached, and now and then so that
    /// a cursor that is kept does not stay behind.
    fn worth_telling(&mut self, batch: Batch) -> Option<Batch> {
        let is_news = batch.is_end && !self.told.was_end;
        let is_time = self.told.is_past && self.told.at.elapsed() >= self.progress;
        if batch.events.is_empty() && !is_news && !is_time {
            return None;
        }
        self.told = Told { at: Instant::now(), was_end: batch.is_end, is_past: false };
        Some(batch)
    }
}
