//! Somebody who follows the log and remembers what it was shown.

use super::compare::{Shown, same_events};
use super::{Broken, Kept, ensure, ensure_eq};
use crate::{Adapter, Cursor, Filter, Limit, Recorded};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Follows the log while others write, and remembers each event it was shown and each cursor it was given.
#[derive(Debug, Clone)]
pub struct Follower {
    filter: Filter,
    limit: Limit,
    cursor: Cursor,
    seen: Vec<Recorded>,
    checkpoints: Vec<(Cursor, usize)>,
}

impl Follower {
    /// From the start, with this filter, in pages of this size.
    pub fn new(filter: Filter, limit: Limit) -> Self {
        let cursor = Cursor::start();
        Self { filter, limit, cursor: cursor.clone(), seen: Vec::new(), checkpoints: vec![(cursor, 0)] }
    }

    /// What it was shown, in that order.
    pub fn seen(&self) -> &[Recorded] {
        &self.seen
    }

    /// Reads the next page, and answers with how many events it had.
    ///
    /// # Errors
    ///
    /// When the log cannot be read, or shows something that the cursor had passed.
    pub async fn step<A: Adapter>(&mut self, store: &A) -> Result<usize, Broken> {
        let page = store.read_all(&self.cursor, &self.filter, self.limit).await?;
        let again = page.events.iter().find(|event| self.cursor.covers(event.position()));
        let again = again.map(Shown);
        ensure!(again.is_none(), "I5: the cursor had passed {again:?}");
        let passed = page.events.iter().find(|event| !page.next.covers(event.position()));
        let passed = passed.map(Shown);
        ensure!(passed.is_none(), "I5: the cursor does not cover {passed:?}, which is in its page");
        let count = page.events.len();
        self.seen.extend(page.events);
        self.cursor = page.next;
        self.checkpoints.push((self.cursor.clone(), self.seen.len()));
        Ok(count)
    }

    /// Follows until it has seen as many events as `total` says, which may not be known yet
    /// ([`usize::MAX`]). Once it is known, the log may be silent for 2 s at most.
    ///
    /// # Errors
    ///
    /// As those of [`step`](Self::step).
    pub async fn follow<A: Adapter>(&mut self, store: &A, total: &AtomicUsize) -> Kept {
        let mut silent = 0;
        while self.seen.len() < total.load(Ordering::SeqCst) && silent < 220 {
            if self.step(store).await? > 0 {
                silent = 0;
                tokio::task::yield_now().await;
            } else {
                let is_known = total.load(Ordering::SeqCst) != usize::MAX;
                silent += usize::from(is_known);
                tokio::time::sleep(Duration::from_millis(if silent > 20 { 10 } else { 1 })).await;
            }
        }
        Ok(())
    }

    /// I5: whether it was shown exactly `log`, which is what the filter lets through of the log in the end.
    ///
    /// # Errors
    ///
    /// When something is missing, or stood elsewhere.
    pub fn check(&self, log: &[Recorded]) -> Kept {
        same_events(&self.seen, log, "I5: what a reader saw who followed the log")
    }

    /// I9: whether the rest of `log` follows from each cursor that it was given, at least from `samples` of
    /// them.
    ///
    /// # Errors
    ///
    /// When something is missing, or comes again.
    pub async fn check_cursors<A: Adapter>(&self, store: &A, log: &[Recorded], samples: usize) -> Kept {
        let step = (self.checkpoints.len() / samples.max(1)).max(1);
        let last = self.checkpoints.last();
        for (cursor, seen) in self.checkpoints.iter().step_by(step).chain(last) {
            let kept = Cursor::from_bytes(&cursor.to_bytes());
            ensure_eq!(kept.as_ref(), Some(cursor), "I9: a cursor that was kept as bytes");
            let mut resumed = Self::new(self.filter.clone(), Limit::default());
            resumed.cursor = cursor.clone();
            let rest = &log[(*seen).min(log.len())..];
            while resumed.seen.len() < rest.len() && resumed.step(store).await? > 0 {}
            same_events(
                &resumed.seen,
                rest,
                format_args!("I9: what follows the cursor after {seen} events"),
            )?;
        }
        Ok(())
    }
}
