//! The tasks that read the log and call the listeners.

use super::Shared;
use super::catching::{catch, catch_async};
use super::listener::{InTask, InTurn};
use crate::adapter::Filter;
use crate::error::ReadError;
use crate::position::Cursor;
use crate::recorded::Recorded;
use crate::subscription::{Batch, Subscription};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::sleep;

/// How long it waits before it reads again what could not be read.
const PAUSE: Duration = Duration::from_millis(500);

/// Tells the synchronous listeners of every event, and then lets the others pass. `_task` is dropped with it.
pub(super) async fn to_sync(shared: Arc<Shared>, after: Cursor, _task: watch::Receiver<()>) {
    let mut asked = shared.asked.listen();
    let mut subscription = subscription(&shared, Filter::all(), after);
    while let Some(batch) = next(&mut subscription, &mut asked).await {
        for recorded in &batch.events {
            let (listeners, begun) = shared.begin(recorded);
            if tell_all(&shared, &listeners, recorded) {
                if !shared.asked.is_wanted() {
                    return;
                }
                // They may take their time, and nobody is to wait for those of other events.
                shared.passed.send_replace(begun);
                yield_now().await;
            }
        }
        if !shared.asked.is_wanted() {
            return;
        }
        shared.lock().begun = batch.cursor.clone();
        shared.passed.send_replace(batch.cursor);
    }
}

/// Whether there was anybody to tell.
fn tell_all(shared: &Shared, listeners: &[Arc<InTurn>], recorded: &Recorded) -> bool {
    let mut calls = listeners.iter().filter(|listener| (listener.is_for)(recorded)).peekable();
    let is_any = calls.peek().is_some();
    calls.for_each(|listener| tell(shared, listener, recorded));
    is_any
}

fn tell(shared: &Shared, listener: &InTurn, recorded: &Recorded) {
    let counts = &listener.counts;
    if !counts.asked.is_wanted() {
        return;
    }
    match catch(|| (listener.call)(recorded)) {
        Ok(Err(error)) => return counts.could_not_read(recorded, &error),
        Ok(Ok(())) => {}
        Err(panicked) => counts.panicked(recorded, &panicked.0),
    }
    counts.heard();
    if listener.is_once {
        counts.asked.withdraw();
        shared.remove(counts);
    }
}

/// Tells one listener of its events, each when the synchronous ones have been told of it.
pub(super) async fn to_one(
    shared: Arc<Shared>,
    mut listener: InTask,
    after: Cursor,
    _task: watch::Receiver<()>,
) {
    let counts = Arc::clone(&listener.counts);
    let mut asked = counts.asked.listen();
    let mut passed = shared.passed.subscribe();
    let mut subscription = subscription(&shared, listener.filter.clone(), after);
    'listening: while let Some(batch) = next(&mut subscription, &mut asked).await {
        for recorded in &batch.events {
            let is_turn = passed.wait_for(|passed| passed.covers(recorded.position()));
            // The bus may end before that, and with it what is waited for.
            match or_withdrawn(&mut asked, is_turn).await {
                Some(Ok(_)) if counts.asked.is_wanted() => {}
                _ => break 'listening,
            }
            let was_called = hear(&mut listener, recorded).await;
            if was_called && listener.is_once {
                counts.asked.withdraw();
                break 'listening;
            }
            counts.pass(counts.passed().unwrap_or_default().past(recorded.position()));
        }
        counts.pass(batch.cursor);
    }
    // Where the bus has ended, it is still asked how far everybody has come.
    if shared.asked.is_wanted() {
        shared.remove(&counts);
    }
}

/// Whether it was called.
async fn hear(listener: &mut InTask, recorded: &Recorded) -> bool {
    let counts = Arc::clone(&listener.counts);
    let heard = match catch(|| (listener.call)(recorded)) {
        Ok(Ok(hearing)) => catch_async(hearing).await,
        Ok(Err(error)) => {
            counts.could_not_read(recorded, &error);
            return false;
        }
        Err(panicked) => Err(panicked),
    };
    if let Err(panicked) = heard {
        counts.panicked(recorded, &panicked.0);
    }
    counts.heard();
    true
}

fn subscription(shared: &Shared, filter: Filter, after: Cursor) -> Subscription {
    shared.store.subscribe(filter).begin(after)
}

/// The next batch, or nothing once it is not wanted any more.
async fn next(subscription: &mut Subscription, asked: &mut watch::Receiver<bool>) -> Option<Batch> {
    loop {
        match or_withdrawn(asked, subscription.next_batch()).await? {
            Ok(batch) => return Some(batch),
            Err(error) => {
                report(&error);
                or_withdrawn(asked, sleep(PAUSE)).await?;
            }
        }
    }
}

fn report(error: &ReadError) {
    tracing::error!(%error, "the bus cannot read the log, and tries again");
}

/// What `future` answers, or nothing where it is withdrawn before.
async fn or_withdrawn<T>(asked: &mut watch::Receiver<bool>, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut withdrawn) = (pin!(future), pin!(asked.wait_for(|is_wanted| !is_wanted)));
    poll_fn(|context| {
        if withdrawn.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}

impl Shared {
    /// Who is to be told of `recorded`, and what is behind it. Who is added later hears what comes later.
    fn begin(&self, recorded: &Recorded) -> (Arc<[Arc<InTurn>]>, Cursor) {
        let mut state = self.lock();
        state.begun = state.begun.past(recorded.position());
        (Arc::clone(&state.sync), state.begun.clone())
    }
}
