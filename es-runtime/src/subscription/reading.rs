//! Reads of the log that are tried again as the store's `Retry` allows.

use crate::adapter::{Filter, Limit, LogPage};
use crate::error::ReadError;
use crate::position::Cursor;
use crate::store::Store;
use tokio::task::JoinHandle;
use tracing::Instrument;
use tracing::field::Empty;

/// A page of the log.
pub(super) async fn page(
    store: &Store,
    after: &Cursor,
    filter: &Filter,
    limit: Limit,
) -> Result<LogPage, ReadError> {
    let span = tracing::debug_span!("es.read", events = Empty, is_end = Empty);
    let page = patiently(store, || store.read_all(after, filter, limit)).instrument(span.clone()).await?;
    span.record("events", page.events.len()).record("is_end", page.is_end);
    Ok(page)
}

/// Where the log ends.
pub(crate) async fn head(store: &Store) -> Result<Cursor, ReadError> {
    patiently(store, || store.head()).await
}

async fn patiently<T, F: Future<Output = Result<T, ReadError>>>(
    store: &Store,
    mut read: impl FnMut() -> F,
) -> Result<T, ReadError> {
    let mut failures = 0;
    loop {
        match read().await {
            Err(ReadError::Unavailable(cause)) if failures < store.retry().failures => {
                tracing::debug!(%cause, failures, "reading the log again");
                store.retry().wait(failures, store.entropy()).await;
                failures += 1;
            }
            outcome => return outcome,
        }
    }
}

/// A page that is read while its reader does something else, or is not polled at all: it holds nothing of the
/// store once it is read.
#[derive(Debug)]
pub(super) struct Ahead(JoinHandle<Result<LogPage, ReadError>>);

impl Ahead {
    pub(super) fn read(store: &Store, after: &Cursor, filter: &Filter, limit: Limit) -> Self {
        let (store, after, filter) = (store.clone(), after.clone(), filter.clone());
        Self(tokio::spawn(async move { page(&store, &after, &filter, limit).await }))
    }

    /// The page, or nothing where its runtime has ended. A dropped future loses nothing.
    pub(super) async fn page(&mut self) -> Option<Result<LogPage, ReadError>> {
        match (&mut self.0).await {
            Ok(outcome) => Some(outcome),
            Err(ended) if ended.is_cancelled() => None,
            Err(panicked) => Some(Err(ReadError::Unavailable(crate::format::Cause::new(panicked)))),
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.abort();
    }
}
