//! The read model while it changes: server-sent events.

use super::super::Shop;
use super::question::{Question, Summary, ask, begin};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use es_runtime::prelude::*;
use es_runtime::{Position, ReadModel};
use futures_util::stream::{StreamExt, unfold};
use order::by_day::OrdersByDay;
use order::service::{Asked, Problem};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Nobody sees more than twenty changes a second.
const PAUSE: Duration = Duration::from_millis(50);

/// A hint that something has changed may be missed.
const LONGEST: Duration = Duration::from_secs(1);

/// Tells when the read model has changed. One task asks for all who listen.
#[derive(Clone)]
pub(in crate::serve) struct Live(watch::Receiver<()>);

impl Live {
    pub(in crate::serve) fn start(store: Store, by_day: ReadModel<OrdersByDay>) -> Self {
        let (sender, receiver) = watch::channel(());
        tokio::spawn(async move {
            let (mut changes, mut seen) = (store.changes(), None);
            while !sender.is_closed() {
                // Where the store or the projection fails, they say so themselves.
                if let Ok(head) = store.head().await
                    && let Some(end) = head.position()
                    && seen != Some(end)
                    && by_day.at_least(end, LONGEST).await.is_ok()
                {
                    seen = Some(end);
                    sender.send_replace(());
                }
                sleep(PAUSE).await;
                let _ = timeout(LONGEST, changes.changed()).await;
            }
        });
        Self(receiver)
    }
}

/// The whole answer first and then what changes in it. Who names the event that came last, in `Last-Event-ID`, gets
/// what has changed since.
pub(in crate::serve) async fn live(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Asked(question): Asked<Question>,
) -> Result<impl IntoResponse, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse::<Position>().ok());
    // One that is not in this log, which may have been restored from a backup, is of no use.
    let head = shop.orders.store().head().await?;
    let last = last.filter(|last| head.covers(*last));
    let mut ticks = shop.live.0.clone();
    ticks.mark_unchanged();
    let first = begin(&shop.by_day, &question, last).await?;
    let position = first.position;
    let kind = if last.is_some() { "change" } else { "snapshot" };
    let first = (last.is_none() || !first.rows.is_empty()).then(|| event(kind, &first));

    let stopping = shop.stopping.clone();
    let changes =
        unfold((shop, question, position, ticks), |(shop, question, mut position, mut ticks)| async move {
            loop {
                ticks.changed().await.ok()?;
                match ask(&shop.by_day, &question, position).await {
                    Ok(change) if change.rows.is_empty() => {}
                    Ok(change) => {
                        position = change.position;
                        return Some((event("change", &change), (shop, question, position, ticks)));
                    }
                    // The next tick asks for all that has changed since.
                    Err(error) => tracing::warn!(%error, "a live answer waits"),
                }
            }
        });
    let events = futures_util::stream::iter(first).chain(changes);
    let events = events.take_until(stopping.told()).map(Ok::<_, Infallible>);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

fn event(kind: &str, summary: &Summary) -> Event {
    let text = serde_json::to_string(&summary.rows).unwrap_or_default();
    let event = Event::default().event(kind).data(text);
    match summary.position {
        Some(position) => event.id(position.to_string()),
        None => event,
    }
}
