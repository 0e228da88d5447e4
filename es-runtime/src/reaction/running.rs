//! A reaction or workflow that this program runs.

use crate::follow::Follower;
use crate::following::{Board, Crew, FollowError, Parked};
use crate::name::StreamName;
use crate::position::Position;
use crate::projection::{Progress, ReadModel};
use crate::store::Store;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Something that runs beside the loop, until it is told to stop.
pub(crate) struct Companion(Box<dyn FnOnce(Store, Board, watch::Receiver<bool>) -> Running + Send + Sync>);

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Companion {
    pub(crate) fn new<R>(run: fn(Store, Board, watch::Receiver<bool>) -> R) -> Self
    where
        R: Future<Output = ()> + Send + 'static,
    {
        Self(Box::new(move |store, board, stop| Box::pin(run(store, board, stop))))
    }
}

/// A reaction or a workflow that this program runs. When it is dropped, what is underway is finished, and then it
/// stops.
pub struct Reacting<R> {
    model: ReadModel<R>,
    crew: Crew,
    stop: watch::Sender<bool>,
    companion: Option<JoinHandle<()>>,
}

impl<R: Follower> Reacting<R> {
    pub(super) fn new(model: ReadModel<R>, crew: Crew, companion: Option<Companion>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (store, board) = (model.store().clone(), model.board().clone());
        let span = tracing::debug_span!("es.reaction", reaction = R::NAME);
        let companion =
            companion.map(|companion| tokio::spawn((companion.0)(store, board, stopped).instrument(span)));
        Self { model, crew, stop, companion }
    }

    /// Waits until the event at `position` was acted on. Events that are parked count as acted on, and so do all that
    /// are not followed.
    ///
    /// # Errors
    ///
    /// [`Timeout`](FollowError::Timeout) when that takes longer than `timeout`.
    pub async fn at_least(&self, position: Position, timeout: Duration) -> Result<(), FollowError> {
        self.model.at_least(position, timeout).await
    }

    /// How far it has come, and whether somebody acts.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn progress(&self) -> Result<Progress, FollowError> {
        let status = self.model.status().await?;
        status.active().cloned().ok_or(FollowError::NotBuilt(R::NAME))
    }

    /// Why it acts no more in this program.
    pub fn error(&self) -> Option<FollowError> {
        self.model.board().error()
    }

    /// The events that could not be acted on, by the streams that wait behind them.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn parked(&self) -> Result<Vec<Parked>, FollowError> {
        self.model.parked().await
    }

    /// Asks whoever runs it to act on the parked event of `stream`, and then on what waits behind it. Answers whether
    /// there is one. What came of it shows in [`parked`](Self::parked).
    ///
    /// # Errors
    ///
    /// When the store cannot be read or written.
    pub async fn retry(&self, stream: &StreamName) -> Result<bool, FollowError> {
        self.model.retry(stream).await
    }

    /// As [`retry`](Self::retry), but the parked event is left out.
    ///
    /// # Errors
    ///
    /// As [`retry`](Self::retry).
    pub async fn skip(&self, stream: &StreamName) -> Result<bool, FollowError> {
        self.model.skip(stream).await
    }

    /// Stops when what is underway is finished, and lets another program go on at once.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.crew.dismiss(|_| true).await;
        if let Some(companion) = self.companion.take() {
            // It ends early only where the runtime shuts down.
            let _ = companion.await;
        }
    }
}

impl<R: Follower> fmt::Debug for Reacting<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reacting").field("name", &R::NAME).finish_non_exhaustive()
    }
}
