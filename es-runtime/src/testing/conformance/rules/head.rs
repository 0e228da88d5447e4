//! T6: where the log ends.

use super::all;
use crate::testing::conformance::draft::{commit, id, stream};
use crate::testing::conformance::{Broken, Kept, Subject, ensure, ensure_eq};
use crate::{Adapter, Appended, CommitId, Cursor, Expected, Filter, Limit};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The head covers what was acknowledged, and nothing that comes later: a reader from there begins with the next
/// append.
///
/// Who wants to follow from now on, as mail does that is not to be sent for years gone by, would get old events or
/// miss new ones. And whoever has read to the end has come to the head: who waits for that would wait for ever.
///
/// Holds T6, I9.
pub async fn t6_the_head_is_where_the_log_ends<A: Adapter>(store: Subject<A>) -> Kept {
    let mut heads = vec![store.head().await?];
    for n in 0..6 {
        let order = stream(n % 2);
        let size = n % 3 + 1;
        let position = match store.append(commit(n, &order, Expected::Any, size)).await? {
            Appended::Committed(range) | Appended::AlreadyCommitted(range) => range.position,
        };
        let head = store.head().await?;
        ensure!(head.covers(position), "the head {head:?} does not cover {position:?}, which is stored");
        let before = &heads[n];
        ensure!(!before.covers(position), "the head {before:?} covers {position:?}, which came later");
        for filter in [Filter::all(), Filter::all().event("never.happened")] {
            let end = end(&store, &filter).await?;
            ensure!(
                end.reaches(&head),
                "who has read to the end is at {end:?}, and not at the head {head:?}"
            );
        }
        heads.push(head);
    }
    let whole = store.log(1 + 2 + 3 + 1 + 2 + 3).await?;
    for (n, head) in heads.into_iter().enumerate() {
        let rest = store.rest(head, &Filter::all(), Limit::default()).await?;
        let found: Vec<_> = rest.iter().map(|event| event.position()).collect();
        let wanted = whole.iter().skip_while(|event| (0..n).any(|before| id(before) == event.commit()));
        let wanted: Vec<_> = wanted.map(|event| event.position()).collect();
        ensure_eq!(found, wanted, "what follows the head after {n} appends");
    }
    ensure!(!Cursor::start().covers(whole[0].position()), "the start covers an event");
    Ok(())
}

/// Where a reader is that has read to the end.
async fn end<A: Adapter>(store: &Subject<A>, filter: &Filter) -> Result<Cursor, Broken> {
    let mut cursor = Cursor::start();
    loop {
        let page = store.read_all(&cursor, filter, Limit::default()).await?;
        cursor = page.next;
        if page.is_end {
            return Ok(cursor);
        }
    }
}

/// What happened around a head that was taken while others wrote.
struct Taken {
    head: Cursor,
    /// What was acknowledged before it was asked for.
    before: HashSet<CommitId>,
    /// What was begun before it was known.
    begun: HashSet<CommitId>,
}

#[derive(Default)]
struct Seen {
    begun: HashSet<CommitId>,
    acknowledged: HashSet<CommitId>,
}

/// The head parts what was acknowledged before from what comes later, while many write.
///
/// A store that answers with the newest position it has given out lets a reader begin behind an event that is not
/// there yet.
///
/// Holds T6, I5, I9.
pub async fn t6_the_head_parts_before_from_after_among_writers<A: Adapter>(store: Subject<A>) -> Kept {
    const WRITERS: usize = 4;
    const EACH: usize = 25;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let with = |seen: &Mutex<Seen>, note: &mut dyn FnMut(&mut Seen)| {
        note(&mut seen.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, seen) = (store.clone(), seen.clone());
            tokio::spawn(async move {
                for n in 0..EACH {
                    let name = format!("{writer} {n}");
                    let id = id(&name);
                    with(&seen, &mut |seen| {
                        seen.begun.insert(id);
                    });
                    store.append(commit(&name, &stream(writer), Expected::Any, 1 + n % 2)).await?;
                    with(&seen, &mut |seen| {
                        seen.acknowledged.insert(id);
                    });
                    // So that heads are taken in between, however fast the store is.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Ok::<_, Broken>(())
            })
        })
        .collect();
    let mut heads = Vec::new();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let (mut before, mut begun) = (HashSet::new(), HashSet::new());
        with(&seen, &mut |seen| before.clone_from(&seen.acknowledged));
        let head = store.head().await?;
        with(&seen, &mut |seen| begun.clone_from(&seen.begun));
        heads.push(Taken { head, before, begun });
        tokio::task::yield_now().await;
    }
    all(writers).await?;
    let whole = store.log(WRITERS * (EACH + EACH / 2)).await?;
    for Taken { head, before, begun } in heads {
        let rest = store.rest(head.clone(), &Filter::all(), Limit::default()).await?;
        let rest: HashSet<_> = rest.iter().map(|event| event.commit()).collect();
        let late = rest.intersection(&before).next();
        ensure!(late.is_none(), "{late:?} was acknowledged before the head {head:?}, and follows it");
        let missed =
            whole.iter().map(|event| event.commit()).find(|id| !begun.contains(id) && !rest.contains(id));
        ensure!(missed.is_none(), "{missed:?} was stored after the head {head:?}, and does not follow it");
    }
    Ok(())
}
