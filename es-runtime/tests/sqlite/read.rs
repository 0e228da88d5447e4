//! Reading: pages, filters, and readers beside writers.

use super::*;
use Direction::{Backward, Forward};
use std::time::Duration;

/// Commits of 1, 3, 2 and 1 events: versions 1, 2 to 4, 5 to 6 and 7.
async fn uneven(place: &Place) -> Sqlite {
    let store = place.open_fast().await;
    for (number, size) in [1, 3, 2, 1].into_iter().enumerate() {
        append(&store, commit(number as u128, "order/1", Expected::Any, size)).await.expect("stored");
    }
    store
}

#[tokio::test]
async fn pages_of_a_stream_end_where_commits_end() {
    let place = Place::new();
    let store = uneven(&place).await;
    for (from, limit, expected, next) in [
        (1, 1, vec![1], Some(2)),
        (1, 2, vec![1, 2, 3, 4], Some(5)),
        (0, 4, vec![1, 2, 3, 4], Some(5)),
        (3, 1, vec![3, 4], Some(5)),
        (5, 3, vec![5, 6, 7], None),
        (7, 1, vec![7], None),
        (8, 1, vec![], None),
        (u64::MAX, 1, vec![], None),
        (1, 0, vec![1], Some(2)),
    ] {
        let page = page(&store, "order/1", from, Forward, limit).await.expect("a page");
        assert_eq!(versions(&page), (expected, next), "{limit} from {from} on");
    }
    for (from, limit, expected, next) in [
        (u64::MAX, 1, vec![7], Some(6)),
        (7, 2, vec![7, 6, 5], Some(4)),
        (4, 1, vec![4, 3, 2], Some(1)),
        (3, 1, vec![3, 2], Some(1)),
        (3, 3, vec![3, 2, 1], None),
        (1, 9, vec![1], None),
        (0, 9, vec![], None),
    ] {
        let page = page(&store, "order/1", from, Backward, limit).await.expect("a page");
        assert_eq!(versions(&page), (expected, next), "{limit} from {from} down");
    }
    for direction in [Forward, Backward] {
        let nothing = page(&store, "order/2", 1, direction, 9).await.expect("a page");
        assert_eq!(versions(&nothing), (vec![], None));
    }
}

#[tokio::test]
async fn a_page_ends_when_it_has_its_bytes() {
    let place = Place::new();
    let store = uneven(&place).await;
    let limit = Limit { events: 100, bytes: 2 };
    let first = Version::new(1);
    let page = store.read_stream(&stream("order/1"), first, Forward, limit, Freshness::Any).await;
    assert_eq!(versions(&page.expect("a page")), (vec![1, 2, 3, 4], Some(5)));
    let page = store.read_all(&Cursor::start(), &Filter::all(), limit).await.expect("a page");
    assert_eq!(page.events.len(), 4);
}

#[tokio::test]
async fn pages_of_the_log_end_where_commits_end() {
    let place = Place::new();
    let store = uneven(&place).await;
    for limit in 1..8 {
        let mut cursor = Cursor::start();
        let mut ends = Vec::new();
        loop {
            let page = store.read_all(&cursor, &Filter::all(), Limit::events(limit)).await.expect("a page");
            cursor = page.next;
            ends.extend(page.events.last().map(|event| event.version().get()));
            assert!(page.events.iter().all(|event| cursor.covers(event.position())));
            if page.is_end {
                break;
            }
        }
        assert!(ends.iter().all(|end| [1, 4, 6, 7].contains(end)), "{ends:?}");
        assert_eq!(ends.last(), Some(&7));
    }
}

#[tokio::test]
async fn a_reader_from_beyond_the_end_is_at_the_end() {
    let place = Place::new();
    let store = uneven(&place).await;
    for position in
        [Position::new(1_000, 0), Position::new(u64::MAX, u64::MAX), Position::new(i64::MAX as u64, 1)]
    {
        let cursor = Cursor::at(position);
        let page = store.read_all(&cursor, &Filter::all(), Limit::default()).await.expect("a page");
        assert_eq!(page, LogPage { events: vec![], next: cursor, is_end: true });
    }
}

#[tokio::test]
async fn a_filter_lets_through_what_it_names() {
    let place = Place::new();
    let store = place.open_fast().await;
    let commits: Vec<_> = (0..60_u64)
        .map(|n| {
            let category = ["order", "invoice", "o'r\"der"][n as usize % 3].replace(['\'', '"'], "_");
            let mut commit = commit(n.into(), &format!("{category}/{n}"), Expected::Any, 1);
            let name = ["paid", "placed", "it's \"sent\"", "заказ"][n as usize % 4];
            commit.events = NonEmpty::new(vec![event(name, "1"), event("noted", "2")]).expect("two");
            commit
        })
        .collect();
    assert!(store.append_batch(commits).await.iter().all(Result::is_ok));
    let (all, _) = log(&store, &Filter::all(), Limit::default()).await.expect("a log");
    assert_eq!(all.len(), 120);
    for filter in [
        Filter::all().category("order"),
        Filter::all().category("order").category("o_r_der"),
        Filter::all().event("it's \"sent\""),
        Filter::all().event("заказ").event("paid").event("unknown"),
        Filter::all().category("invoice").event("noted"),
        Filter::all().event("unknown"),
        Filter::all().category("unknown"),
        Filter::all().category("order' OR 1=1 --"),
    ] {
        let wanted = all.iter().filter(|e| filter.matches(e.stream().category(), e.name())).cloned();
        let wanted: Vec<_> = wanted.collect();
        for limit in [1, 7, 1_000] {
            let (found, _) = log(&store, &filter, Limit::events(limit)).await.expect("a log");
            assert_eq!(found, wanted, "{filter:?} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_filter_that_lets_little_through_still_answers_soon() {
    let place = Place::new();
    let store = place.open_fast().await;
    append(&store, commit(1, "rare/1", Expected::Any, 1)).await.expect("stored");
    let commits = (2..20_002).map(|n| commit(n, &format!("order/{n}"), Expected::Any, 3)).collect();
    assert!(store.append_batch(commits).await.iter().all(Result::is_ok));
    append(&store, commit(1_000_000, "rare/1", Expected::Any, 1)).await.expect("stored");
    for (limit, most) in [(100, 1_026), (1_000, 16_386)] {
        let filter = Filter::all().category("rare");
        let (mut cursor, mut found, mut pages) = (Cursor::start(), 0, 0);
        loop {
            let from = cursor.position().map_or(0, |position| position.commit() + position.index());
            let page = store.read_all(&cursor, &filter, Limit::events(limit)).await.expect("a page");
            let to = page.next.position().map_or(0, |position| position.commit() + position.index());
            assert!(to > from && to - from <= most, "{from} to {to}");
            assert_eq!((to - 1) % 3, if page.is_end { 1 } else { 0 }, "a page ended within a commit");
            (cursor, found, pages) = (page.next, found + page.events.len(), pages + 1);
            if page.is_end {
                break;
            }
        }
        assert_eq!(found, 2);
        assert!(pages as u64 >= 60_000 / most, "{pages}");
    }
    let nobody = log(&store, &Filter::all().event("never"), Limit::default()).await.expect("a log");
    assert_eq!(nobody.0, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_beside_writers_misses_nothing() {
    let place = Place::new();
    let (store, other) = (place.open_fast().await, place.open_fast().await);
    let writers: Vec<_> = (0..4_u64)
        .map(|writer| {
            let store = if writer % 2 == 0 { store.clone() } else { other.clone() };
            tokio::spawn(async move {
                for n in 0..100_u64 {
                    let number = u128::from(writer * 1_000 + n);
                    let commit = commit(number, &format!("order/{writer}"), exactly(n * 2), 2);
                    append(&store, commit).await.expect("stored");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let (mut cursor, mut seen) = (Cursor::start(), Vec::new());
    let reading = async {
        while seen.len() < 800 {
            let page = store.read_all(&cursor, &Filter::all(), Limit::events(50)).await.expect("a page");
            assert_eq!(page.events.len() % 2, 0, "a commit was seen in part");
            seen.extend(page.events);
            cursor = page.next;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("every event in time");
    for writer in writers {
        writer.await.expect("a writer");
    }
    assert!(seen.is_sorted_by_key(Recorded::position));
    assert_eq!(log(&store, &Filter::all(), Limit::default()).await.expect("a log").0, seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_readers_than_connections_wait_for_their_turn() {
    let place = Place::new();
    let store = Sqlite::options().readers(1).open(place.path()).await.expect("a store");
    append(&store, commit(1, "order/1", Expected::Any, 1_000)).await.expect("stored");
    let readers: Vec<_> = (0..32_usize)
        .map(|n| {
            let store = store.clone();
            let limit = if n % 2 == 0 { 1_000 } else { 1 };
            tokio::spawn(async move {
                page(&store, "order/1", 1, Forward, limit).await.map(|page| page.events.len())
            })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.expect("a reader").expect("a page"), 1_000);
    }
}
