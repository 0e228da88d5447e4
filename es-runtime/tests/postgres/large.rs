//! Large commits, large events and long streams.

use super::*;
use servers::Proxy;

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_commit_is_stored_and_read_whole_and_a_larger_one_is_refused() {
    let place = Place::new();
    let store = place.open().await;
    let most = store.capabilities().max_commit_events;
    let largest = commit(1, "order/1", Expected::NoStream, most as u64);
    append(&store, largest.clone()).await.expect("stored");
    let error = append(&store, commit(2, "order/2", Expected::NoStream, most as u64 + 1)).await;
    assert!(matches!(error, Err(AppendError::TooLarge { .. })), "{error:?}");
    // A page is never less than a commit.
    let page = store.read_all(&Cursor::start(), &Filter::all(), Limit::events(10)).await.expect("a page");
    assert_eq!((page.events.len(), page.is_end), (most, true));
    assert_eq!(whole(&store, "order/1").await.len(), most);
    assert!(matches!(append(&store, largest).await, Ok(Appended::AlreadyCommitted(_))));
}

/// The events of one append have positions between those of two numbers, of which there are 2^20.
#[tokio::test(flavor = "multi_thread")]
async fn more_at_once_than_one_append_has_positions_for_is_refused_whole() {
    let place = Place::new();
    let store = place.open().await;
    let (limit, each) = (1 << 20, store.capabilities().max_commit_events);
    let part = |n: usize, events: usize| {
        let events = NonEmpty::new(vec![event("order.placed", b"1"); events]).expect("some");
        Commit { events, ..commit(n as u128, &format!("order/{n}"), Expected::NoStream, 1) }
    };
    let mut commits: Vec<_> = (0..limit / each).map(|n| part(n, each)).collect();
    commits.push(part(commits.len(), limit % each + 1));
    match store.append_all(commits.clone()).await {
        Err(error @ AppendError::TooLarge { size, limit: told, .. }) => {
            assert_eq!((size, told), (limit + 1, limit));
            assert!(error.to_string().contains("several streams, in events, has 1048577"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.find_commit(commits[0].id).await.expect("an answer"), None);
    assert_eq!(place.count(), 0, "something is stored");
    // One that is refused leaves the store as able as it was.
    let few = vec![part(1, 1), part(2, 2)];
    store.append_all(few).await.expect("stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_large_events_end_by_their_bytes_and_cost_little_more_than_they_hold() {
    let place = Place::new();
    let writer = place.open().await;
    let payload = vec![b'7'; 1 << 20];
    for n in 0..120u64 {
        let events = NonEmpty::new(vec![event("order.placed", &payload)]).expect("one");
        let next = Commit { events, ..commit(u128::from(n) + 1, "order/1", Expected::Any, 1) };
        append(&writer, next).await.expect("stored");
    }
    let proxy = Proxy::new(Server::shared().port());
    let url = Server::shared().url_at(proxy.port(), place.name());
    let store = Postgres::options(&url).expect("a URL").connections(1).open().await.expect("a store");
    let all = Filter::all();
    let (mut cursor, mut seen) = (Cursor::start(), 0);
    loop {
        let page = store.read_all(&cursor, &all, Limit::default()).await.expect("a page");
        assert!(page.events.len() <= 4, "a page holds {} MiB", page.events.len());
        seen += page.events.len();
        cursor = page.next;
        if page.is_end {
            break;
        }
    }
    assert_eq!(seen, 120);
    let of = stream("order/1");
    for (direction, first) in [(Direction::Forward, 1), (Direction::Backward, 120)] {
        let (mut from, mut seen) = (Some(Version::new(first)), 0);
        while let Some(version) = from {
            let page = store.read_stream(&of, version, direction, Limit::default(), Freshness::Latest).await;
            let page = page.expect("a page");
            assert!(page.events.len() <= 4, "a page holds {} MiB", page.events.len());
            seen += page.events.len();
            from = page.next;
        }
        assert_eq!(seen, 120);
    }
    // Whatever is asked for and not wanted travels all the same: three times the whole, and some more each time.
    let mebibytes = proxy.counts().answered >> 20;
    assert!(mebibytes < 5 * 3 * 120, "{mebibytes} MiB for {} that are stored", 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_is_read_in_pages_of_any_size_both_ways() {
    let place = Place::new();
    let store = place.open().await;
    for n in 0..50u64 {
        append(&store, commit(u128::from(n) + 1, "order/1", exactly(n * 7), 7)).await.expect("stored");
    }
    let of = stream("order/1");
    for size in [1, 7, 10, 100, 10_000] {
        for (direction, first) in [(Direction::Forward, 1), (Direction::Backward, u64::MAX)] {
            let (mut from, mut seen) = (Some(Version::new(first)), Vec::new());
            while let Some(version) = from {
                let limit = Limit::events(size);
                let page = store.read_stream(&of, version, direction, limit, Freshness::Latest).await;
                let page = page.expect("a page");
                seen.extend(page.events.iter().map(|event| event.version().get()));
                from = page.next;
            }
            if direction == Direction::Backward {
                seen.reverse();
            }
            assert!(seen.into_iter().eq(1..=350), "{size} {direction:?}");
        }
    }
}
