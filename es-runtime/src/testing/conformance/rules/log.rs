//! T6: the log shows everything once, in an order that stays.

use crate::testing::conformance::compare::Shown;
use crate::testing::conformance::draft::{commit, event, stream, with_events};
use crate::testing::conformance::rules::check_log_page;
use crate::testing::conformance::{Ability, Kept, Subject, ensure, ensure_eq};
use crate::{Adapter, Cursor, Expected, Filter, Limit, Recorded, StreamName};
use std::time::Duration;

/// From the position of any event, and from a cursor that was kept as bytes, the rest follows.
///
/// A consumer that was restarted has nothing but its cursor.
///
/// Holds T6, I9.
pub async fn t6_a_cursor_reads_on_where_it_stood<A: Adapter>(store: Subject<A>) -> Kept {
    let start = store.read_all(&Cursor::start(), &Filter::all(), Limit::default()).await?;
    ensure!(start.events.is_empty() && start.is_end, "an empty log has {:?}", start.events);
    for n in 0..12 {
        store.append(commit(n, &stream(n % 4), Expected::Any, 1 + n % 4)).await?;
    }
    let log = store.log(30).await?;
    for limit in [Limit::events(1), Limit::events(4), Limit::default()] {
        let (mut cursor, mut at) = (Cursor::start(), 0);
        while at < log.len() {
            let page = store.read_all(&cursor, &Filter::all(), limit).await?;
            check_log_page(&page, &cursor, &log[at..], limit)?;
            at += page.events.len();
            let kept = Cursor::from_bytes(&page.next.to_bytes());
            ensure_eq!(kept.as_ref(), Some(&page.next), "a cursor that was kept as bytes");
            cursor = page.next;
        }
        let end = store.read_all(&cursor, &Filter::all(), limit).await?;
        ensure!(end.is_end && end.events.is_empty(), "after the end come {:?}", end.events);
    }
    if store.can(Ability::TotalOrder)? {
        for (n, event) in log.iter().enumerate() {
            let after = Cursor::at(event.position());
            let page = store.read_all(&after, &Filter::all(), Limit::default()).await?;
            check_log_page(&page, &after, &log[n + 1..], Limit::default())?;
            ensure_eq!(page.events.len(), log.len() - n - 1, "events after event {n} of the log");
        }
    }
    Ok(())
}

/// Who has read to the end sees what is stored later, and only that.
///
/// A cursor that covers what is not there yet loses it when it comes.
///
/// Holds T6, I5, I9.
pub async fn t6_a_cursor_at_the_end_sees_what_comes_later<A: Adapter>(store: Subject<A>) -> Kept {
    let mut cursor = store.read_all(&Cursor::start(), &Filter::all(), Limit::default()).await?.next;
    for n in 0..5 {
        let range = store.append(commit(n, &stream(n % 2), Expected::Any, 2)).await?.range();
        store.log(2 * (n + 1)).await?;
        ensure!(!cursor.covers(range.position), "the cursor covers commit {n}, which came after it");
        let page = store.read_all(&cursor, &Filter::all(), Limit::default()).await?;
        let positions: Vec<_> = page.events.iter().map(Recorded::position).collect();
        ensure_eq!(positions.len(), 2, "new events");
        ensure_eq!(positions.last(), Some(&range.position), "the last of them");
        ensure!(page.next.covers(range.position), "the cursor after commit {n} does not cover it");
        cursor = page.next;
    }
    Ok(())
}

/// By category, by name, by both and by several: however small the pages, they are the log without the rest.
///
/// A filter that is applied to a page after it was counted ends early, and the projection stands still.
///
/// Holds T6, I9.
pub async fn t6_a_filter_loses_nothing<A: Adapter>(store: Subject<A>) -> Kept {
    let mut count = 0;
    for n in 0..40 {
        let category = ["order", "invoice", "cart"][n % 3];
        let order = StreamName::new(category, n % 4)?;
        let name = |i: usize| ["placed", "paid", "shipped", "order"][i % 4];
        let events: Vec<_> = (0..1 + n % 3).map(|i| event(name(n + i), n)).collect();
        count += events.len();
        store.append(with_events(n, &order, Expected::Any, events)).await?;
    }
    let log = store.log(count).await?;
    for filter in [
        Filter::all(),
        Filter::all().category("order"),
        Filter::all().category("invoice").category("cart"),
        Filter::all().event("paid"),
        Filter::all().event("order").event("shipped"),
        Filter::all().category("order").event("order"),
        Filter::all().category("cart").category("order").event("placed").event("paid"),
        Filter::all().category("customer"),
        Filter::all().event("refunded"),
        Filter::all().category("cart").event("refunded"),
    ] {
        let wanted: Vec<_> =
            log.iter().filter(|e| filter.matches(e.stream().category(), e.name())).cloned().collect();
        for limit in [Limit::events(1), Limit::events(3), Limit { events: 1000, bytes: 40 }, Limit::default()]
        {
            let (mut cursor, mut rest, mut is_end) = (Cursor::start(), &wanted[..], false);
            while !is_end {
                let page = store.read_all(&cursor, &filter, limit).await?;
                check_log_page(&page, &cursor, rest, limit)?;
                rest = &rest[page.events.len()..];
                (cursor, is_end) = (page.next, page.is_end);
            }
            ensure!(rest.is_empty(), "{filter:?} with {limit:?} lost {} events", rest.len());
        }
    }
    Ok(())
}

/// A category or a name in a filter is no prefix and no pattern, and has a case.
///
/// A projection would get events of another aggregate, or miss its own.
///
/// Holds T6.
pub async fn t6_a_filter_takes_names_as_they_are<A: Adapter>(store: Subject<A>) -> Kept {
    let categories = ["a_c", "abc", "a-c", "a", "A", "a.c", "abcd", "a_C"];
    let names = ["x_y", "xzy", "x%", "x", "X", "x.y", "x*", "o'x", "x\""];
    for (n, (category, name)) in
        categories.iter().flat_map(|c| names.iter().map(move |name| (*c, *name))).enumerate()
    {
        let order = StreamName::new(category, "a/b")?;
        store.append(with_events(n, &order, Expected::Any, vec![event(name, n)])).await?;
    }
    store.log(categories.len() * names.len()).await?;
    for category in categories {
        let events = store.rest(Cursor::start(), &Filter::all().category(category), Limit::default()).await?;
        let others = events.iter().find(|event| event.stream().category() != category);
        let others = others.map(Shown);
        ensure!(others.is_none(), "the category {category} has {others:?}");
        ensure_eq!(events.len(), names.len(), "events in the category {category}");
    }
    for name in names {
        let events = store.rest(Cursor::start(), &Filter::all().event(name), Limit::default()).await?;
        let others = events.iter().find(|event| event.name() != name);
        let others = others.map(Shown);
        ensure!(others.is_none(), "the name {name} has {others:?}");
        ensure_eq!(events.len(), categories.len(), "events called {name}");
    }
    Ok(())
}

/// Who waits for changes is woken by an append through the same store.
///
/// Without it everything that follows the log is as late as it asks seldom.
///
/// Holds T6.
pub async fn t6_a_change_is_told<A: Adapter>(store: Subject<A>) -> Kept {
    let mut changes = store.changes();
    for n in 0..3 {
        changes.mark_unchanged();
        store.append(commit(n, &stream("1"), Expected::Any, 1)).await?;
        let told = tokio::time::timeout(Duration::from_secs(5), changes.changed()).await;
        ensure!(matches!(told, Ok(Ok(()))), "no change was told after append {n}");
    }
    Ok(())
}
