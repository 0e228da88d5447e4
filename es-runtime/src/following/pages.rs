//! Reads the log page by page, the next one while this one is worked on, and waits at its end.

use super::race::race;
use crate::adapter::{Filter, Limit, LogPage};
use crate::error::ReadError;
use crate::format::Cause;
use crate::position::Cursor;
use crate::store::Store;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A hint of something new may be missed, so the log is looked at this often regardless.
const FALLBACK: Duration = Duration::from_secs(1);

pub(crate) struct Pages {
    store: Store,
    filter: Filter,
    limit: Limit,
    /// Where the next page begins.
    cursor: Cursor,
    changes: watch::Receiver<()>,
    is_end: bool,
    has_begun: bool,
    ahead: Option<JoinHandle<Result<LogPage, ReadError>>>,
}

impl Pages {
    pub(crate) fn new(store: Store, filter: Filter, cursor: Cursor, limit: Limit) -> Self {
        let changes = store.changes();
        Self { store, filter, limit, cursor, changes, is_end: false, has_begun: false, ahead: None }
    }

    /// The next page that leads on; at the end of the log it waits for one. It may be without events, where the
    /// filter let none through. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<LogPage, ReadError> {
        loop {
            if self.is_end {
                // It fails when the store tells of no changes any more: then there is the fallback.
                let changed = async {
                    if self.changes.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                };
                race(changed, sleep(FALLBACK)).await;
                self.is_end = false;
            }
            let page = match &mut self.ahead {
                Some(ahead) => {
                    let page = ahead.await.map_err(|error| ReadError::Unavailable(Cause::new(error)));
                    self.ahead = None;
                    page??
                }
                None => {
                    self.changes.borrow_and_update();
                    self.store.read_all(&self.cursor, &self.filter, self.limit).await?
                }
            };
            let leads_on = page.next != self.cursor;
            self.cursor = page.next.clone();
            self.is_end = page.is_end;
            if !self.is_end {
                self.read_ahead();
            }
            // The first page may be empty and the end, which is worth knowing.
            if leads_on || !std::mem::replace(&mut self.has_begun, true) {
                return Ok(page);
            }
        }
    }

    fn read_ahead(&mut self) {
        self.changes.borrow_and_update();
        let (store, cursor) = (self.store.clone(), self.cursor.clone());
        let (filter, limit) = (self.filter.clone(), self.limit);
        self.ahead = Some(tokio::spawn(async move { store.read_all(&cursor, &filter, limit).await }));
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if let Some(ahead) = &self.ahead {
            ahead.abort();
        }
    }
}
