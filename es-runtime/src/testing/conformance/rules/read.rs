//! T7 to T9: reads are fresh, come in pages, and have no gaps.

use crate::testing::conformance::compare::same_events;
use crate::testing::conformance::draft::{commit, event, id, payload, stream, with_events};
use crate::testing::conformance::rules::{check_log_page, check_page};
use crate::testing::conformance::{Kept, Subject, ensure, ensure_eq};
use crate::{
    Adapter, Bare, Cursor, Direction, Expected, Filter, Freshness, Limit, NewEvent, Recorded, Version,
};
use std::ops::ControlFlow;
use tokio::spawn;
use tokio::sync::mpsc;

/// What one task was acknowledged, another one reads at once.
///
/// A customer who has paid would be asked to pay.
///
/// Holds T7, I7.
pub async fn t7_a_read_sees_what_was_acknowledged_to_anybody<A: Adapter>(store: Subject<A>) -> Kept {
    const ROUNDS: u64 = 60;
    let order = stream("1");
    let (tell, mut told) = mpsc::channel(1);
    let (have_read, mut was_read) = mpsc::channel(1);
    let writer = spawn({
        let (store, order) = (store.clone(), order.clone());
        async move {
            for n in 0..ROUNDS {
                let range = store.append(commit(n, &order, Expected::Any, 2)).await?.range();
                // It waits, because a read that misses the newest only is not noticed behind another.
                if tell.send((n, range)).await.is_err() || was_read.recv().await.is_none() {
                    break;
                }
            }
            Ok::<(), crate::testing::conformance::Broken>(())
        }
    });
    while let Some((n, range)) = told.recv().await {
        let forward = store.page(&order, range.first, Direction::Forward, Limit::default()).await?.events;
        ensure_eq!(forward.first().map(Recorded::commit), Some(id(n)), "what is read of commit {n}");
        let last = Version::new(u64::MAX);
        let backward = store.page(&order, last, Direction::Backward, Limit::events(1)).await?.events;
        let newest = backward.first().map(Recorded::version);
        ensure!(newest >= Some(range.last), "{newest:?} is the newest, but {range:?} was acknowledged");
        let found = store.find_commit(id(n)).await?.map(|found| found.range);
        ensure_eq!(found, Some(range), "the acknowledged commit {n}");
        have_read.send(()).await?;
    }
    writer.await?
}

/// A read that may lag shows the stream as it was at some moment: from the first event on, without gaps, and in
/// whole commits.
///
/// A read model that is a little late is right about the past. One with a gap in it was never right.
///
/// Holds T1, T7, T9.
pub async fn t7_a_read_that_may_lag_has_no_gaps<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    for n in 0..20 {
        store.append(commit(n, &order, Expected::Any, 1 + n % 3)).await?;
        let (from, direction) = (Version::new(1), Direction::Forward);
        let late = store.read_stream(&order, from, direction, Limit::default(), Freshness::Any).await?.events;
        let now = store.stream(&order).await?;
        ensure!(late.len() <= now.len(), "a read that may lag saw what is not there");
        same_events(&late, &now[..late.len()], "a read that may lag")?;
        let next = now.get(late.len()).map(Recorded::commit);
        let is_whole = late.is_empty() || late.last().map(Recorded::commit) != next;
        ensure!(is_whole, "a read that may lag ended inside commit {next:?}");
    }
    Ok(())
}

const LIMITS: [Limit; 10] = [
    Limit { events: 0, bytes: 0 },
    Limit::events(1),
    Limit::events(2),
    Limit::events(3),
    Limit::events(7),
    Limit { events: 1000, bytes: 1 },
    Limit { events: 1000, bytes: 150 },
    Limit { events: 5, bytes: 400 },
    Limit::events(1000),
    Limit { events: usize::MAX, bytes: usize::MAX },
];

/// Commits of one to four events, of different sizes.
async fn fill<A: Adapter>(
    store: &Subject<A>,
    commits: usize,
) -> Result<usize, crate::testing::conformance::Broken> {
    let mut count = 0;
    for n in 0..commits {
        let sized =
            |i: usize| NewEvent { payload: payload(vec![b'7'; 10 + 37 * ((n + i) % 5)]), ..event("e", n) };
        let events: Vec<_> = (0..1 + (n * 7) % 4).map(sized).collect();
        count += events.len();
        store.append(with_events(n, &stream("1"), Expected::Any, events)).await?;
    }
    Ok(count)
}

/// A page holds at least a commit and no more than was asked for, ends where a commit ends, and says where
/// to read on, in both directions.
///
/// Streams grow for years. Without pages the oldest ones are those that cannot be loaded any more; with pages that
/// end anywhere a commit is seen in part.
///
/// Holds T1, T8.
pub async fn t8_pages_of_a_stream_end_with_commits<A: Adapter>(store: Subject<A>) -> Kept {
    let count = fill(&store, 12).await?;
    store.append(commit("other", &stream("2"), Expected::Any, 3)).await?;
    let order = stream("1");
    let mut all = store.stream(&order).await?;
    ensure_eq!(all.len(), count, "events in the stream");
    for direction in [Direction::Forward, Direction::Backward] {
        if direction == Direction::Backward {
            all.reverse();
        }
        for limit in LIMITS {
            let (mut rest, mut from) = (&all[..], Some(all[0].version()));
            while let Some(version) = from {
                let page = store.page(&order, version, direction, limit).await?;
                check_page(&page, rest, limit)?;
                rest = &rest[page.events.len()..];
                from = page.next;
            }
            ensure!(rest.is_empty(), "{} events are missing {direction:?} with {limit:?}", rest.len());
        }
    }
    Ok(())
}

/// The same of the log.
///
/// As above, for everything that follows the log.
///
/// Holds T1, T8.
pub async fn t8_pages_of_the_log_end_with_commits<A: Adapter>(store: Subject<A>) -> Kept {
    let count = fill(&store, 12).await?;
    let all = store.log(count).await?;
    for limit in LIMITS {
        let (mut rest, mut cursor, mut is_end) = (&all[..], Cursor::start(), false);
        while !is_end {
            let page = store.read_all(&cursor, &Filter::all(), limit).await?;
            check_log_page(&page, &cursor, rest, limit)?;
            rest = &rest[page.events.len()..];
            (cursor, is_end) = (page.next, page.is_end);
        }
        ensure!(rest.is_empty(), "{} events are missing with {limit:?}", rest.len());
    }
    Ok(())
}

/// From any version on: the middle of a commit, before the first, after the last, of a stream without events.
///
/// A load begins where its snapshot ends: one event too early is applied twice, one too late never.
///
/// Holds T8.
pub async fn t8_a_stream_can_be_read_from_anywhere<A: Adapter>(store: Subject<A>) -> Kept {
    for n in 0..4 {
        store.append(commit(n, &stream("1"), Expected::Any, 3)).await?;
    }
    let order = stream("1");
    let all = store.stream(&order).await?;
    for from in (0..=14).chain([i64::MAX as u64, u64::MAX]) {
        let at = from.min(12) as usize;
        for limit in LIMITS {
            let page = store.page(&order, Version::new(from), Direction::Forward, limit).await?;
            let rest = if from > 12 { &[] } else { &all[at.saturating_sub(1)..] };
            check_page(&page, rest, limit)?;
            let page = store.page(&order, Version::new(from), Direction::Backward, limit).await?;
            let rest: Vec<_> = all[..at].iter().rev().cloned().collect();
            check_page(&page, &rest, limit)?;
        }
    }
    for direction in [Direction::Forward, Direction::Backward] {
        for from in [0, 1, 5, u64::MAX] {
            let page = store.page(&stream("none"), Version::new(from), direction, Limit::default()).await?;
            check_page(&page, &[], Limit::default())?;
        }
    }
    Ok(())
}

/// A replay shows each event of a stream once, from the version asked for to the newest that was acknowledged,
/// and no more of them than the reader wants.
///
/// Aggregates are folded from it: one that misses its newest events decides on what is no longer so.
///
/// Holds T7, T8, T9.
pub async fn t8_a_replay_shows_what_the_pages_hold<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    let seen = async |from: u64, wanted: usize| {
        let mut seen = Vec::new();
        let mut reader = |event: &Bare<'_>| {
            let text = format!("{} {} {:?}", event.name, event.schema_version, event.format);
            seen.push((event.version, text, event.payload.to_vec()));
            if seen.len() < wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        store.replay(&order, Version::new(from), &mut reader).await?;
        Ok::<_, crate::testing::conformance::Broken>(seen)
    };
    ensure!(seen(1, usize::MAX).await?.is_empty(), "a stream without events shows some");
    // More than a page of any store that we know.
    for n in 0..120 {
        store.append(commit(n, &order, Expected::Any, 1 + n % 20)).await?;
    }
    let stored = store.stream(&order).await?;
    let stored = stored.iter().map(Bare::of).map(|event| {
        let text = format!("{} {} {:?}", event.name, event.schema_version, event.format);
        (event.version, text, event.payload.to_vec())
    });
    let stored: Vec<_> = stored.collect();
    for from in [0, 1, 2, 128, 129, 130, 1000, stored.len(), stored.len() + 1] {
        let rest = &stored[from.saturating_sub(1)..];
        ensure_eq!(seen(from as u64, usize::MAX).await?, rest, "a replay from version {from}");
        for wanted in [1, 2, 128, 129] {
            let part = &rest[..wanted.min(rest.len())];
            ensure_eq!(seen(from as u64, wanted).await?, part, "{wanted} events of a replay from {from}");
        }
    }
    for n in 120..150 {
        let range = store.append(commit(n, &order, Expected::Any, 2)).await?.range();
        let newest = seen(range.first.get(), usize::MAX).await?.last().map(|(version, ..)| *version);
        ensure!(newest == Some(range.last), "{newest:?} is the newest, but {range:?} was acknowledged");
    }
    Ok(())
}

/// Versions are 1, 2, 3 and so on, in every stream, with conflicts and repetitions between the commits.
///
/// A gap cannot be told from a loss.
///
/// Holds T9, I4, I6.
pub async fn t9_versions_are_dense<A: Adapter>(store: Subject<A>) -> Kept {
    for n in 0..30 {
        let order = stream(n % 3);
        store.append(commit(n, &order, Expected::Any, 1 + n % 4)).await?;
        ensure!(
            store.append(commit(format!("bad {n}"), &order, Expected::NoStream, 2)).await.is_err(),
            "a stream with events is said to have none"
        );
        store.append(commit(n, &order, Expected::Any, 1 + n % 4)).await?;
    }
    let log = store.log((0..30).map(|n| 1 + n % 4).sum()).await?;
    for key in 0..3 {
        let events = store.stream(&stream(key)).await?;
        for (n, event) in (1..).zip(&events) {
            ensure_eq!(event.version().get(), n, "the version of event {n}");
        }
        let in_log: Vec<_> = log.iter().filter(|event| *event.stream() == stream(key)).cloned().collect();
        same_events(&in_log, &events, "the stream in the log")?;
    }
    Ok(())
}
