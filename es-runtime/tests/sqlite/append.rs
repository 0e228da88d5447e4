//! Writing: outcomes, order, and what is refused.

use super::*;
use std::sync::Mutex;

#[tokio::test]
async fn a_commit_reads_back_as_it_was_written() {
    for durability in [Durability::Fsync, Durability::ProcessCrash] {
        let place = Place::new();
        let store = open(&place.path(), durability).await;
        let mut written = commit(1, "order/o'brien \"заказ\" 1", Expected::NoStream, 1);
        let mut other = event("order.\"paid\"; --", "{}");
        other.schema_version = u16::MAX;
        other.payload = Encoded::new(Format::Cbor, [0, 255, 0]);
        other.metadata = Arc::new(Metadata::new().with_actor("ada").with_header("a", "ü"));
        other.occurred_at = Timestamp::MAX;
        written.events = NonEmpty::new(vec![written.events[0].clone(), other]).expect("two");

        let appended = append(&store, written.clone()).await.expect("stored");
        let position = Position::new(1, 1);
        let range = Range { first: Version::new(1), last: Version::new(2), position };
        assert_eq!(appended, Appended::Committed(range));

        for store in [store, open(&place.path(), durability).await] {
            let events = whole(&store, written.stream.as_str()).await;
            assert!(written.is_same_as(&events));
            assert_eq!(events[0].metadata(), &Metadata::new());
            assert_eq!(events[1].metadata().actor(), Some("ada"));
            assert_eq!(events[1].occurred_at(), Timestamp::MAX);
            assert_eq!(events[1].position(), position);
            assert_eq!(events[1].id(), EventId::of(id(1), 1));
            assert_eq!(log(&store, &Filter::all(), Limit::default()).await.expect("a log").0, events);
            let found = store.find_commit(id(1)).await.expect("an answer");
            assert_eq!(found, Some(Found { stream: written.stream.clone(), range }));
        }
    }
}

#[tokio::test]
async fn commits_of_a_batch_succeed_and_fail_on_their_own() {
    let place = Place::new();
    let store = place.open().await;
    append(&store, commit(1, "order/1", Expected::NoStream, 2)).await.expect("stored");
    let outcomes = store
        .append_batch(vec![
            commit(2, "order/2", Expected::NoStream, 1),
            commit(3, "order/1", exactly(1), 1),
            commit(1, "order/1", Expected::NoStream, 2),
            commit(1, "order/3", Expected::NoStream, 2),
            commit(4, "order/4", Expected::Exists, 1),
            commit(5, "order/5", Expected::Any, 3),
        ])
        .await;
    let [a, b, c, d, e, f] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(matches!(a, Ok(Appended::Committed(_))), "{a:?}");
    assert!(matches!(b, Err(AppendError::Conflict { actual, .. }) if actual.get() == 2), "{b:?}");
    assert!(
        matches!(c, Ok(Appended::AlreadyCommitted(range)) if range.position == Position::new(1, 1)),
        "{c:?}"
    );
    assert!(matches!(d, Err(AppendError::IdReused { .. })), "{d:?}");
    assert!(matches!(e, Err(AppendError::Conflict { actual: Version::NONE, .. })), "{e:?}");
    assert!(matches!(f, Ok(Appended::Committed(range)) if range.last.get() == 3), "{f:?}");
    assert_eq!(whole(&store, "order/3").await, []);
}

#[tokio::test]
async fn a_guard_sees_what_the_batch_wrote_before() {
    let place = Place::new();
    let store = place.open().await;
    let guarded = |number, to, guard: &str, expected| {
        let mut commit = commit(number, to, Expected::Any, 1);
        commit.requires = vec![(stream(guard), expected)];
        commit
    };
    let outcomes = store
        .append_batch(vec![
            guarded(1, "order/1", "customer/1", Expected::NoStream),
            guarded(2, "order/2", "customer/1", Expected::Exists),
            guarded(3, "order/3", "order/1", exactly(1)),
            guarded(4, "order/4", "order/1", Expected::NoStream),
        ])
        .await;
    let stored: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(stored, [true, false, true, false], "{outcomes:?}");
    let Err(AppendError::Conflict { stream, expected, actual }) = &outcomes[3] else {
        panic!("{outcomes:?}")
    };
    assert_eq!((stream.as_str(), *expected, actual.get()), ("order/1", Expected::NoStream, 1));
}

#[tokio::test]
async fn a_group_is_stored_whole_or_not_at_all() {
    for durability in [Durability::Fsync, Durability::ProcessCrash] {
        let place = Place::new();
        let store = open(&place.path(), durability).await;
        let group = || vec![commit(1, "order/1", Expected::NoStream, 2), commit(2, "order/2", exactly(0), 1)];
        let first = store.append_all(group()).await.expect("stored");
        let again = store.append_all(group()).await.expect("answered");
        assert_eq!(again, first.iter().map(|a| Appended::AlreadyCommitted(a.range())).collect::<Vec<_>>());

        let refused = store
            .append_all(vec![
                commit(3, "order/3", Expected::NoStream, 1),
                commit(4, "order/2", exactly(7), 1),
            ])
            .await;
        assert!(
            matches!(&refused, Err(AppendError::Conflict { stream, .. }) if stream.as_str() == "order/2"),
            "{refused:?}"
        );
        assert_eq!(whole(&store, "order/3").await, []);
        assert_eq!(store.find_commit(id(3)).await.expect("an answer"), None);

        let twice = vec![commit(5, "order/5", Expected::Any, 1), commit(6, "order/5", Expected::Any, 1)];
        assert!(matches!(store.append_all(twice).await, Err(AppendError::Invalid(_))));
        let one_id = vec![commit(5, "order/5", Expected::Any, 1), commit(5, "order/6", Expected::Any, 1)];
        assert!(matches!(store.append_all(one_id).await, Err(AppendError::IdReused { .. })));
        assert_eq!(store.append_all(Vec::new()).await.expect("nothing"), []);
        assert_eq!(store.append_batch(Vec::new()).await.len(), 0);
    }
}

#[tokio::test]
async fn an_id_is_the_same_commit_only_with_the_same_events() {
    let place = Place::new();
    let store = place.open_fast().await;
    let original = commit(1, "order/1", Expected::NoStream, 2);
    append(&store, original.clone()).await.expect("stored");
    append(&store, commit(2, "order/1", exactly(2), 1)).await.expect("stored");

    let mut later = original.clone();
    let mut events = original.events.to_vec();
    events[0].occurred_at = Timestamp::MAX;
    events[1].metadata = Arc::new(Metadata::new().with_actor("ada"));
    later.events = NonEmpty::new(events).expect("two");
    let appended = append(&store, later).await.expect("answered");
    assert!(matches!(appended, Appended::AlreadyCommitted(range) if range.last.get() == 2), "{appended:?}");

    for change in [
        |events: &mut Vec<NewEvent>| events[1].name = "order.paid".into(),
        |events: &mut Vec<NewEvent>| events[1].schema_version = 2,
        |events: &mut Vec<NewEvent>| events[0].payload = Encoded::new(Format::Json, *b"7"),
        |events: &mut Vec<NewEvent>| drop(events.pop()),
    ] {
        let mut events = original.events.to_vec();
        change(&mut events);
        let other = Commit { events: NonEmpty::new(events).expect("some"), ..original.clone() };
        let refused = append(&store, other).await;
        assert!(matches!(refused, Err(AppendError::IdReused { id }) if id == original.id), "{refused:?}");
    }
}

#[tokio::test]
async fn time_never_goes_back_within_a_stream() {
    let place = Place::new();
    let now = Arc::new(Mutex::new(2_000));
    let clock = {
        let now = now.clone();
        move || Timestamp::from_micros(*now.lock().expect("a time")).expect("in range")
    };
    let store = Sqlite::options().clock(clock).open(place.path()).await.expect("a store");
    append(&store, commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
    *now.lock().expect("a time") = 1_000;
    append(&store, commit(2, "order/1", Expected::Any, 1)).await.expect("stored");
    append(&store, commit(3, "order/2", Expected::Any, 1)).await.expect("stored");
    let recorded =
        async |of| whole(&store, of).await.iter().map(|e| e.recorded_at().as_micros()).collect::<Vec<_>>();
    assert_eq!(recorded("order/1").await, [2_000, 2_000]);
    assert_eq!(recorded("order/2").await, [1_000]);
}

#[tokio::test]
async fn a_commit_that_is_too_large_is_refused_alone() {
    let place = Place::new();
    let store = place.open_fast().await;
    let mut large = commit(1, "order/1", Expected::Any, 1);
    let mut events = large.events.to_vec();
    events[0].payload = Encoded::new(Format::Json, vec![b' '; (256 << 20) + 1]);
    large.events = NonEmpty::new(events).expect("one");
    let many = commit(2, "order/2", Expected::Any, 100_001);
    let outcomes =
        store.append_batch(vec![large.clone(), commit(3, "order/3", Expected::Any, 1), many]).await;
    let [large_outcome, stored, many] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(matches!(large_outcome, Err(AppendError::TooLarge { limit, .. }) if *limit == 256 << 20));
    assert!(matches!(many, Err(AppendError::TooLarge { size: 100_001, .. })), "{many:?}");
    assert!(stored.is_ok(), "{stored:?}");
    assert!(matches!(store.append_all(vec![large]).await, Err(AppendError::TooLarge { .. })));
    assert_eq!(log(&store, &Filter::all(), Limit::default()).await.expect("a log").0.len(), 1);
}

#[tokio::test]
async fn a_large_batch_is_stored_in_order() {
    let place = Place::new();
    let store = place.open_fast().await;
    let commits = (0..3_000).map(|n| commit(n + 1, &format!("order/{n}"), Expected::NoStream, 2)).collect();
    let outcomes = store.append_batch(commits).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let (events, _) = log(&store, &Filter::all(), Limit::default()).await.expect("a log");
    let expected = (0..6_000).map(|n| Position::new(n / 2 * 2 + 1, n % 2));
    assert!(events.iter().map(Recorded::position).eq(expected));
}

#[tokio::test]
async fn a_commit_is_told_to_those_who_wait() {
    for durability in [Durability::Fsync, Durability::ProcessCrash] {
        let place = Place::new();
        let store = open(&place.path(), durability).await;
        let mut changes = store.changes();
        changes.mark_unchanged();
        append(&store, commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
        assert!(changes.has_changed().expect("a store"));
    }
}

#[tokio::test]
async fn who_waits_for_another_process_too_long_is_told_that_nothing_was_written() {
    for durability in [Durability::Fsync, Durability::ProcessCrash] {
        let place = Place::new();
        let timeout = std::time::Duration::from_millis(50);
        let store = Sqlite::options().durability(durability).busy_timeout(timeout).open(place.path()).await;
        let store = store.expect("a store");
        let other = rusqlite::Connection::open(place.path()).expect("the file");
        other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
        let refused = append(&store, commit(1, "order/1", Expected::Any, 1)).await;
        assert!(
            matches!(&refused, Err(error @ AppendError::Unavailable(_)) if error.to_string().contains("busy_timeout")),
            "{refused:?}"
        );
        other.execute_batch("ROLLBACK").expect("no lock");
        append(&store, commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
        assert_eq!(whole(&store, "order/1").await.len(), 1);
    }
}

#[tokio::test]
async fn a_caller_that_is_dropped_leaves_a_whole_commit_or_none() {
    let place = Place::new();
    let store = place.open().await;
    for number in 0..20_u64 {
        let write = append(&store, commit(number.into(), "order/1", Expected::Any, 3));
        let _ = tokio::time::timeout(std::time::Duration::from_micros(number * 100), write).await;
    }
    drop(store);
    let store = place.open().await;
    let events = whole(&store, "order/1").await;
    assert_eq!(events.len() % 3, 0);
    for number in 0..20 {
        append(&store, commit(number, "order/1", Expected::Any, 3)).await.expect("stored now or before");
    }
    assert_eq!(whole(&store, "order/1").await.len(), 60);
}

/// A clock that is asked by the caller in one case, and by the thread that writes in the other.
#[tokio::test]
async fn a_clock_that_panics_leaves_nothing_behind() {
    let place = Place::new();
    let panics = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let clock = {
        let panics = panics.clone();
        move || {
            assert!(!panics.load(std::sync::atomic::Ordering::Relaxed), "a clock that fails, on purpose");
            Timestamp::EPOCH
        }
    };
    let clock: Arc<dyn Clock> = Arc::new(clock);
    let open = async |durability| {
        let options = Sqlite::options().durability(durability).clock(clock.clone());
        options.open(place.path()).await.expect("a store")
    };
    let (inline, threaded) = (open(Durability::ProcessCrash).await, open(Durability::Fsync).await);
    panics.store(true, std::sync::atomic::Ordering::Relaxed);
    let store = inline.clone();
    let panicked = tokio::spawn(async move { append(&store, commit(1, "order/1", Expected::Any, 1)).await });
    assert!(panicked.await.expect_err("a panic").is_panic());
    let unsure = append(&threaded, commit(1, "order/1", Expected::Any, 1)).await;
    assert!(matches!(unsure, Err(AppendError::Unknown { .. })), "{unsure:?}");

    panics.store(false, std::sync::atomic::Ordering::Relaxed);
    append(&inline, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    let refused = loop {
        match append(&threaded, commit(2, "order/1", Expected::Any, 1)).await {
            // The thread is still on its way out.
            Err(AppendError::Unknown { .. }) => tokio::task::yield_now().await,
            other => break other,
        }
    };
    assert!(matches!(refused, Err(AppendError::Fatal(_))), "{refused:?}");
    assert_eq!(whole(&threaded, "order/1").await.len(), 1);
}
