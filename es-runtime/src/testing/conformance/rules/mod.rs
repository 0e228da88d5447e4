//! The rules, by what they are about.

pub mod atomic;
pub mod bounds;
pub mod clients;
pub mod durable;
pub mod handles;
pub mod log;
pub mod model;
pub mod read;
pub mod readers;
pub mod restored;
pub mod retry;
pub mod snapshots;
pub mod version;

use crate::testing::conformance::{Broken, Kept, ensure, ensure_eq};
use crate::{Cursor, Limit, LogPage, Page, Recorded};

/// What is the same however an event was read.
pub(crate) fn ids(events: &[Recorded]) -> Vec<(String, u64, crate::Position)> {
    events.iter().map(|event| (event.stream().to_string(), event.version().get(), event.position())).collect()
}

/// Whether a reader saw the beginning of the log.
pub(crate) fn check_prefix_of_log(seen: &[Recorded], log: &[Recorded]) -> Kept {
    for (n, event) in seen.iter().enumerate() {
        let there = log.get(n);
        ensure!(
            there.is_some_and(|there| there.id() == event.id()),
            "I5: event {n} that a reader saw is {event:?}, but in the log there is {there:?} in the end"
        );
    }
    ensure_eq!(ids(seen), ids(&log[..seen.len()]), "I5: what a reader saw");
    Ok(())
}

/// Whether `got` may be the first page of `rest`, which is in reading order.
///
/// A store may make its pages smaller than asked for, but not larger by more than a commit.
fn check_prefix(got: &[Recorded], rest: &[Recorded], limit: Limit) -> Kept {
    ensure!(got.len() <= rest.len(), "a page of {} events, but there are only {}", got.len(), rest.len());
    ensure_eq!(ids(got), ids(&rest[..got.len()]), "a page");
    let commit_of = |n: usize| rest.get(n).map(Recorded::commit);
    if let Some(last) = got.len().checked_sub(1) {
        ensure!(commit_of(last) != commit_of(last + 1), "a page ends inside a commit, after {:?}", got[last]);
        let before = got.iter().take_while(|event| Some(event.commit()) != commit_of(last));
        let (events, bytes) = before.fold((0, 0), |(n, size), e| (n + 1, size + e.event().bytes().len()));
        let is_one_commit = events == 0;
        ensure!(
            is_one_commit || !limit.is_reached(events, bytes),
            "a page is larger than {limit:?} by more than a commit: {} events",
            got.len()
        );
    }
    Ok(())
}

/// Whether `page` is what a stream with `rest` to be read may answer.
pub(crate) fn check_page(page: &Page, rest: &[Recorded], limit: Limit) -> Kept {
    check_prefix(&page.events, rest, limit)?;
    ensure!(!page.events.is_empty() || rest.is_empty(), "an empty page, but there are {} events", rest.len());
    let next = rest.get(page.events.len()).map(Recorded::version);
    ensure_eq!(page.next, next, "where to read on after {} of {} events", page.events.len(), rest.len());
    Ok(())
}

/// Whether `page` is what a log may answer to somebody at `after` for whom it has `rest`.
pub(crate) fn check_log_page(page: &LogPage, after: &Cursor, rest: &[Recorded], limit: Limit) -> Kept {
    check_prefix(&page.events, rest, limit)?;
    let left = &rest[page.events.len()..];
    ensure!(!page.is_end || left.is_empty(), "it is not the end: {} events are left", left.len());
    ensure!(page.is_end || page.next != *after, "a page that is not the last must get further");
    let passed = page.events.iter().find(|event| !page.next.covers(event.position()));
    ensure!(passed.is_none(), "the cursor does not cover {passed:?}, which is in its page");
    let missed = left.iter().find(|event| page.next.covers(event.position()));
    ensure!(missed.is_none(), "the cursor covers {missed:?}, which is not in its page");
    Ok(())
}

/// Joins tasks that say whether a promise was kept.
pub(crate) async fn all(tasks: impl IntoIterator<Item = tokio::task::JoinHandle<Kept>>) -> Kept {
    for task in tasks {
        task.await.map_err(Broken::from)??;
    }
    Ok(())
}
