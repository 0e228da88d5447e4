//! I5, I6, I9 and I10: who follows the log sees all of it once, wherever it begins.

use crate::testing::conformance::clients::{Clients, Dice};
use crate::testing::conformance::compare::Shown;
use crate::testing::conformance::{Ability, Broken, Evidence, Follower, Kept, Subject, ensure, ensure_eq};
use crate::{Adapter, Cursor, EventId, Filter, Limit, Recorded};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::spawn;

/// Many streams, large commits beside small ones, conflicts, and appends that are given up: commits that take
/// different times to be stored, so that a later one is often there first.
const DISORDER: Clients = Clients {
    clients: 8,
    calls: 40,
    streams: 12,
    events: 30,
    appends: 6,
    batches: 2,
    given_up: 4,
    repetitions: 1,
    reads: 0,
    searches: 0,
    guards: true,
};

/// Lets clients write through the handles in `writers`, and followers read meanwhile through `reader`.
pub(super) async fn follow_disorder<A: Adapter>(
    writers: &[Subject<A>],
    reader: &Subject<A>,
) -> Result<(Evidence, Vec<Follower>), Broken> {
    let total = Arc::new(AtomicUsize::new(usize::MAX));
    let followers = [1, 7, 1000].map(|events| {
        let (store, total) = (reader.clone(), total.clone());
        spawn(async move {
            let mut follower = Follower::new(Filter::all(), Limit::events(events));
            follower.follow(&*store, &total).await?;
            Ok::<_, Broken>(follower)
        })
    });
    let evidence = DISORDER.through(writers).await?;
    total.store(evidence.log().len(), Ordering::SeqCst);
    let mut done = Vec::new();
    for follower in followers {
        done.push(follower.await??);
    }
    Ok((evidence, done))
}

/// Nothing ever turns up behind a reader: who follows the log while many write is shown exactly what is there
/// in the end, in that order. Commits of many events, conflicts, batches and appends that are given up come
/// in between.
///
/// A store that gives out positions before a commit can be seen lets a reader pass a gap that is filled later.
/// A projection misses such an event for ever, and nobody is told.
///
/// Holds I5, T6.
pub async fn i5_what_a_reader_has_passed_stays<A: Adapter>(store: Subject<A>) -> Kept {
    let (evidence, followers) = follow_disorder(std::slice::from_ref(&store), &store).await?;
    followers.iter().try_for_each(|follower| follower.check(evidence.log()))
}

/// The log has the events of a stream in the order of their versions, each once, however many write to few
/// streams at once.
///
/// A log in the order of transactions that began, and not of those that came first, shows an order paid before
/// it was placed.
///
/// Holds I6, T6.
pub async fn i6_streams_keep_their_order_in_the_log<A: Adapter>(store: Subject<A>) -> Kept {
    let clients = Clients { clients: 8, calls: 40, streams: 2, appends: 8, reads: 0, ..Clients::default() };
    clients.on(&store).await?.i6_streams_keep_their_order_in_the_log()
}

/// From any cursor that the store ever gave to anybody, at whatever moment, exactly the rest of the log
/// follows; in a log with a single order also from the position of any event.
///
/// A consumer that was restarted has nothing but its cursor. One that covers an event which was not shown
/// loses it, one that covers less shows it twice.
///
/// Holds I9, T6.
pub async fn i9_from_any_cursor_the_rest_of_the_log_follows<A: Adapter>(store: Subject<A>) -> Kept {
    let (evidence, followers) = follow_disorder(std::slice::from_ref(&store), &store).await?;
    let log = evidence.log();
    for follower in followers {
        follower.check_cursors(&*store, log, 40).await?;
    }
    if store.can(Ability::TotalOrder)? {
        for (n, event) in log.iter().enumerate().step_by(1 + log.len() / 40) {
            let shown = Shown(event);
            let rest = store.rest(Cursor::at(event.position()), &Filter::all(), Limit::default()).await?;
            let place = |events: &[Recorded]| events.first().map(Recorded::id);
            ensure_eq!(place(&rest), place(&log[n + 1..]), "I9: what follows {shown:?}");
            ensure_eq!(rest.len(), log.len() - n - 1, "I9: how much follows {shown:?}");
        }
    }
    Ok(())
}

/// A consumer that keeps its cursor together with its effect counts each event once, though it is stopped while
/// it reads, before and after it keeps them, and though the store is closed and opened again (where that
/// outlives the process).
///
/// A read model that was killed and started again would be wrong for ever, and nobody would know since when.
///
/// Holds I10, T3, T6.
pub async fn i10_a_consumer_that_is_stopped_anywhere_counts_each_event_once<A: Adapter>(
    mut store: Subject<A>,
) -> Kept {
    let mut kept = Counted::default();
    let clients = Clients { clients: 4, calls: 20, events: 8, streams: 4, given_up: 3, ..Clients::default() };
    let total = Arc::new(AtomicUsize::new(usize::MAX));
    let consumer = spawn({
        let (store, total, kept) = (store.clone(), total.clone(), kept.clone());
        async move { kept.consume(&*store, &total).await }
    });
    total.store(clients.on(&store).await?.log().len(), Ordering::SeqCst);
    kept = consumer.await??;
    if store.can(Ability::Durability)? {
        store = store.again().await;
    }
    // The same commits again: those are new that met a conflict before.
    clients.on(&store).await?;
    let log = store.rest(Cursor::start(), &Filter::all(), Limit::default()).await?;
    total.store(log.len(), Ordering::SeqCst);
    let counted = kept.consume(&*store, &total).await?;
    for event in &log {
        let times = counted.times.get(&event.id()).copied().unwrap_or_default();
        ensure_eq!(times, 1, "I10: how often {:?} was counted", Shown(event));
    }
    ensure_eq!(counted.times.len(), log.len(), "I10: events that were counted");
    Ok(())
}

/// What a consumer has kept: all of it at once.
#[derive(Debug, Clone, Default)]
struct Counted {
    cursor: Vec<u8>,
    times: HashMap<EventId, usize>,
}

impl Counted {
    /// Counts until there are `total` events, and is stopped at every step.
    async fn consume<A: Adapter>(self, store: &A, total: &AtomicUsize) -> Result<Self, Broken> {
        let (mut kept, mut dice, mut silent) = (self, Dice::new(1, 2), 0);
        while kept.times.len() < total.load(Ordering::SeqCst) && silent < 220 {
            let mut now = kept.clone();
            let cursor = Cursor::from_bytes(&now.cursor);
            ensure!(cursor.is_some(), "I10: a cursor cannot be read from its bytes");
            let (cursor, filter) = (cursor.unwrap_or_default(), Filter::all());
            let reading = store.read_all(&cursor, &filter, Limit::events(1 + dice.roll(20) as usize));
            if dice.roll(4) == 0 {
                // It is stopped while it reads.
                let _ = tokio::time::timeout(Duration::from_micros(100 * dice.roll(3)), reading).await;
                continue;
            }
            let page = reading.await?;
            silent = if page.events.is_empty() { silent + 1 } else { 0 };
            for event in &page.events {
                let times = now.times.entry(event.id()).or_default();
                *times += 1;
                ensure!(
                    *times == 1,
                    "I10: {:?} is counted again, after a cursor that was kept with its count",
                    Shown(event)
                );
            }
            now.cursor = page.next.to_bytes();
            if dice.roll(4) != 0 {
                kept = now;
            }
            if page.events.is_empty() {
                tokio::time::sleep(Duration::from_millis(if silent > 20 { 10 } else { 1 })).await;
            }
        }
        Ok(kept)
    }
}
