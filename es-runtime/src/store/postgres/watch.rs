//! Finds out when another program stores events, as long as somebody wants to know.
//!
//! A look asks which number of the sequence is the newest. Numbers are taken before their events can be seen, and
//! whoever is told and reads then waits at the fence for those. No lock and no notification: one in the
//! transactions that store events would make those wait for each other.

use super::Shared;
use super::errors::Failure;
use super::statements::Sql;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// How long to wait before the next look: so long after something happened, and ever longer while nothing does.
const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(30);

/// How long to leave it when the server could not be asked.
const PAUSE: Duration = Duration::from_millis(500);

/// The task that looks, while somebody listens.
#[derive(Debug, Default)]
pub(super) struct Watcher(Mutex<Option<JoinHandle<()>>>);

impl Watcher {
    /// Looks from now on, in the runtime of the caller. Somebody listens already.
    pub(super) fn wake(&self, shared: &Arc<Shared>) {
        let mut task = self.task();
        // One that has ended without a word went with its runtime.
        if task.as_ref().is_none_or(JoinHandle::is_finished)
            && let Ok(runtime) = Handle::try_current()
        {
            *task = Some(runtime.spawn(look(Arc::downgrade(shared))));
        }
    }

    fn task(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody listens, in which case the next who does starts anew.
    fn is_over(&self, shared: &Shared) -> bool {
        let mut task = self.task();
        let is_over = shared.changes.receiver_count() == 0;
        if is_over {
            *task = None;
        }
        is_over
    }
}

async fn look(store: Weak<Shared>) {
    let (mut known, mut wait) = (None, SHORTEST);
    // The store ends when it is dropped, whoever listens still.
    while let Some(shared) = store.upgrade() {
        if shared.watcher.is_over(&shared) {
            return;
        }
        match newest(&shared).await {
            // The first time too: what was stored before it may have been missed.
            Ok(newest) if known.replace(newest) != Some(newest) => {
                shared.changes.send_replace(());
                wait = SHORTEST;
            }
            Ok(_) => wait = (wait * 5 / 4).min(LONGEST),
            Err(failure) => {
                tracing::debug!(?failure, "could not look whether something was stored");
                (known, wait) = (None, PAUSE);
            }
        }
        drop(shared);
        tokio::time::sleep(wait).await;
    }
}

async fn newest(shared: &Shared) -> Result<i64, Failure> {
    let mut connection = shared.pool.get().await?;
    let rows = connection.query(Sql::Newest, &[]).await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}
