//! The task that reads the end of the log, once for everybody in this process.

use super::reading;
use super::tail::Term;
use crate::adapter::{FIRST_PAGE, Filter, Limit};
use crate::store::Store;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long it relies on being told that there is something new. A hint may be missed.
const FALLBACK: Duration = Duration::from_secs(1);

/// The least time from one read to the next: those who write many commits at once are read some at a time.
const PACE: Duration = Duration::from_millis(1);

/// A tailer that waits and is not heard of for so long is at a standstill.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// So is one that reads. Longer, as the store may be slow, and another tailer would not make it any faster.
const PATIENCE_TO_READ: Duration = Duration::from_secs(60);

/// Reads what is new, again and again, until another has taken over or the task is aborted.
pub(super) async fn run(store: Store, term: Term) {
    let mut changes = store.changes();
    let mut limit = Limit::events(FIRST_PAGE);
    loop {
        // Before the read, so that what comes after it is not taken for seen.
        changes.borrow_and_update();
        let Some(after) = term.read_on(PATIENCE_TO_READ) else { return };
        let began = Instant::now();
        match reading::page(&store, &after, &Filter::all(), limit).await {
            Ok(page) if !page.is_end => {
                limit = Limit::default();
                term.share(page);
                // A store in memory never makes it wait, and others are to have their turn.
                yield_now().await;
            }
            Ok(page) => {
                limit = Limit::events(FIRST_PAGE);
                term.share(page);
                if term.read_on(PATIENCE).is_none() {
                    return;
                }
                if let Ok(Err(_)) = timeout(FALLBACK, changes.changed()).await {
                    sleep(FALLBACK).await;
                }
                sleep_until(began + PACE).await;
            }
            Err(error) => {
                term.fail(error);
                sleep(FALLBACK).await;
            }
        }
    }
}
