//! What an owner does about events that it has parked.

use super::super::engine::{Delivered, Engine, Failure, Portion};
use super::super::error::EventPlace;
use super::super::parked::{Mark, ParkedState, ParkedStream, list_parked};
use super::super::part::Checkpoint;
use super::super::policy::OnUnknown;
use super::Interrupt;
use super::owner::{Owner, Step};
use crate::adapter::Limit;
use crate::follow::Follower;
use crate::metrics;
use crate::name::StreamName;
use crate::position::Version;
use crate::recorded::Recorded;
use crate::register::Write;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often an owner looks at what it has parked: somebody may have asked for it.
const PARKED_LOOK: Duration = Duration::from_secs(1);

/// The most events of a parked stream that are handled at once.
const MOST: usize = 500;

impl<F: Follower, E: Engine<F>> Owner<'_, F, E> {
    pub(super) async fn look_at_parked(&mut self) -> Step<()> {
        let found = list_parked(&self.worker.store, &self.lease.part.parked()).await?;
        self.parked = found.into_iter().map(|parked| (parked.state.stream.clone(), parked)).collect();
        self.look_at = Instant::now() + PARKED_LOOK;
        self.name_parked();
        Ok(())
    }

    pub(super) fn name_parked(&mut self) {
        self.passed = Arc::new(self.parked.keys().cloned().collect());
        metrics::level_of(metrics::PARKED_STREAMS, F::NAME, self.parked.len() as f64);
    }

    /// Does what somebody has asked for about parked events.
    pub(super) async fn settle_parked(&mut self) -> Step<()> {
        self.look_at_parked().await?;
        let asked: Vec<ParkedStream> =
            self.parked.values().filter(|parked| parked.state.mark.is_some()).cloned().collect();
        for parked in asked {
            self.settle(parked).await?;
        }
        self.report(true);
        Ok(())
    }

    /// Handles what is parked of a stream and what waits behind it, up to where the part has come.
    async fn settle(&mut self, mut parked: ParkedStream) -> Step<()> {
        let worker = self.worker;
        let stream = parked.state.stream.clone();
        let skips = parked.state.mark == Some(Mark::Skip);
        let mut from = if skips { parked.state.version.next() } else { parked.state.version };
        let mut attempt = if skips { 1 } else { parked.state.attempts + 1 };
        let mut most = worker.settings.batch.min(MOST);
        loop {
            let page = worker.store.read_stream(&stream, from, Limit::events(most)).await?;
            let mut events = page.events;
            let found = events.len();
            events.retain(|event| self.checkpoint.covers(event.position()));
            let until = events.len().min(most);
            let is_last = until == events.len() && (page.next.is_none() || events.len() < found);
            let batch = Waiting { events: Arc::new(events), is_last, attempt };
            let (failed, failure) = match self.deliver_parked(&parked, &batch, 0..until).await? {
                Delivered::Failed { at, kept, failure } => {
                    if at > 0 && kept.is_none() {
                        self.redo_parked(&parked, &batch, at).await?;
                    }
                    (at, failure)
                }
                Delivered::Refused(_) if until > 1 => {
                    most = 1;
                    continue;
                }
                Delivered::Refused(cause) => (0, Failure::Handler(cause)),
                Delivered::Done { .. } | Delivered::Stale if is_last => {
                    self.parked.remove(&stream);
                    self.name_parked();
                    return Ok(());
                }
                Delivered::Done { .. } | Delivered::Stale => {
                    from = batch.after(until);
                    attempt = 1;
                    parked = self.reread(&stream).await?;
                    continue;
                }
            };
            let attempts = if failed == 0 { attempt } else { 1 };
            return self.park_again(&stream, &batch.events[failed], attempts, &failure).await;
        }
    }

    async fn redo_parked(&mut self, parked: &ParkedStream, batch: &Waiting, at: usize) -> Step<()> {
        let first = Waiting { events: Arc::clone(&batch.events), is_last: false, attempt: batch.attempt };
        match self.deliver_parked(parked, &first, 0..at).await? {
            Delivered::Done { .. } => Ok(()),
            _ => Err(Interrupt::Again),
        }
    }

    async fn reread(&mut self, stream: &StreamName) -> Step<ParkedStream> {
        self.look_at_parked().await?;
        self.parked.get(stream).cloned().ok_or(Interrupt::Again)
    }

    async fn park_again(
        &mut self,
        stream: &StreamName,
        event: &Recorded,
        attempts: u32,
        failure: &Failure,
    ) -> Step<()> {
        let parked = self.reread(stream).await?;
        let (place, now) = (EventPlace::of(event), self.worker.store.now());
        tracing::error!(event = %place, attempts, error = %failure.cause(), "an event stays parked");
        let state = ParkedState::new(place, failure.cause().to_string(), attempts, now);
        let write = state.write(parked.key, parked.revision);
        self.save(self.checkpoint.clone(), vec![write]).await?;
        self.look_at_parked().await
    }

    /// Hands on what was parked. The checkpoint stays where it is, but its register is written all the same: that
    /// is what keeps others out.
    async fn deliver_parked(
        &mut self,
        parked: &ParkedStream,
        batch: &Waiting,
        range: Range<usize>,
    ) -> Step<Delivered> {
        let worker = self.worker;
        let portion = Portion {
            events: Arc::clone(&batch.events),
            range: range.clone(),
            parked: Arc::default(),
            skips_unknown: worker.settings.on_unknown == OnUnknown::Skip,
            budget: Duration::MAX,
            attempt: batch.attempt,
        };
        let (base, events, is_last) = (self.checkpoint.clone(), Arc::clone(&batch.events), batch.is_last);
        let after = move |at: usize| {
            let handled = base.handled + at as u64;
            Checkpoint { handled, ..base.clone() }
        };
        let parked = parked.clone();
        let note = {
            let after = after.clone();
            self.lease.note(move |at| {
                let rest = match events.get(at) {
                    Some(event) => Some((event.version(), event.position())),
                    None if is_last => None,
                    None => events.last().map(|event| (event.version().next(), event.position())),
                };
                let value = rest.map(|(version, position)| ParkedState {
                    version,
                    position,
                    mark: Some(Mark::Retry),
                    ..parked.state.clone()
                });
                let (key, expected) = (parked.key.clone(), parked.revision);
                let write = match value {
                    Some(state) => state.write(key, expected),
                    None => Write { key, expected, value: None },
                };
                (after(at), vec![write])
            })
        };
        let delivered = self.lease.hold(worker.engine.deliver(&worker.follower, portion, note)).await??;
        match &delivered {
            Delivered::Done { until, revision } => self.moved(*revision, after(*until)),
            Delivered::Failed { at, kept, failure } => {
                if let Some(revision) = kept {
                    self.moved(*revision, after(*at));
                }
                self.blame(failure).await?;
            }
            Delivered::Refused(_) => {}
            Delivered::Stale => return Err(Interrupt::Again),
        }
        Ok(delivered)
    }
}

/// Events of a parked stream.
struct Waiting {
    events: Arc<Vec<Recorded>>,
    /// Whether the part has not come further in this stream.
    is_last: bool,
    attempt: u32,
}

impl Waiting {
    /// The version that follows the first `events`.
    fn after(&self, events: usize) -> Version {
        let last = events.checked_sub(1).and_then(|at| self.events.get(at));
        last.map_or(Version::new(1), |event| event.version().next())
    }
}
