//! Commits that are stored together, of which one may be in the way.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn names_and_metadata_are_stored_as_they_are() {
    let place = Place::new();
    let store = place.open().await;
    let hostile = "o'brien\"; DROP TABLE es.es_event; -- \\ \u{7f} {schema} $1 заказ";
    let mut odd = commit(1, "order/1", Expected::NoStream, 1);
    odd.stream = StreamName::new("order", hostile.replace('\u{7f}', "")).expect("a key");
    let metadata = Metadata::new().with_tenant(hostile).with_actor("\0").with_header(hostile, "a\0b");
    let name: Arc<str> = hostile.into();
    let new = NewEvent { name: name.into(), metadata: Arc::new(metadata.clone()), ..event("", b"\0'\"") };
    odd.events = NonEmpty::new(vec![new]).expect("one");
    append(&store, odd.clone()).await.expect("stored");
    assert!(matches!(append(&store, odd.clone()).await, Ok(Appended::AlreadyCommitted(_))));
    let (events, _) = log_after(&store, Cursor::start(), &Filter::all().category("order")).await;
    assert_eq!(whole(&store, odd.stream.as_str()).await, events);
    assert_eq!((events[0].name(), events[0].metadata()), (hostile, &metadata));
    assert_eq!((events[0].stream(), events[0].event().bytes()), (&odd.stream, &b"\0'\""[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_text_can_hold_is_refused_alone() {
    let place = Place::new();
    let store = place.open().await;
    let mut bad = commit(1, "order/1", Expected::NoStream, 1);
    bad.events = NonEmpty::new(vec![event("order\0placed", b"1")]).expect("one");
    let batch = vec![
        commit(2, "order/2", Expected::NoStream, 1),
        bad.clone(),
        commit(3, "order/3", Expected::Any, 1),
    ];
    let outcomes = store.append_batch(batch).await;
    assert!(matches!(outcomes[..], [Ok(_), Err(AppendError::Invalid(_)), Ok(_)]), "{outcomes:?}");
    let error = store.append_all(vec![bad.clone(), commit(4, "order/4", Expected::Any, 1)]).await;
    assert!(matches!(error, Err(AppendError::Invalid(_))), "{error:?}");
    let mut client = place.client().await;
    let mut transaction = client.transaction().await.expect("a transaction");
    let error = store.append_in(&mut transaction, bad).await;
    assert!(matches!(error, Err(AppendError::Invalid(_))), "{error:?}");
    transaction.commit().await.expect("nothing was sent");
    assert_eq!(place.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_somebody_added_refuses_the_commit_that_breaks_it_alone() {
    let place = Place::new();
    let store = place.open().await;
    place.sql("ALTER TABLE es.es_event ADD CHECK (stream <> 'order/2')");
    let batch = (1..=5).map(|n| commit(n, &format!("order/{n}"), Expected::NoStream, 1)).collect();
    let outcomes = store.append_batch(batch).await;
    for (n, outcome) in (1..).zip(&outcomes) {
        match outcome {
            Ok(Appended::Committed(_)) => assert_ne!(n, 2),
            Err(AppendError::Invalid(_)) => assert_eq!(n, 2),
            other => panic!("{n}: {other:?}"),
        }
    }
    assert_eq!(place.count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_commits_of_a_batch_that_write_to_one_stream_or_share_an_id_get_their_own_answers() {
    let place = Place::new();
    let store = place.open().await;
    let batch = vec![
        commit(1, "order/2", Expected::NoStream, 1),
        commit(2, "order/1", Expected::NoStream, 1),
        commit(3, "order/2", exactly(1), 1),
        commit(2, "order/3", Expected::NoStream, 1),
        commit(1, "order/2", Expected::NoStream, 1),
    ];
    let outcomes = store.append_batch(batch).await;
    assert!(
        matches!(
            outcomes[..],
            [
                Ok(Appended::Committed(_)),
                Ok(Appended::Committed(_)),
                Ok(Appended::Committed(_)),
                Err(AppendError::IdReused { .. }),
                Ok(Appended::AlreadyCommitted(_))
            ]
        ),
        "{outcomes:?}"
    );
    assert_eq!(place.count(), 3);
}

/// A user's transaction stands in the way of one commit out of many.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_somebody_holds_holds_up_no_other_stream_for_long() {
    let place = Place::new();
    let store = place.options().lock_timeout(Duration::from_millis(100)).open().await.expect("a store");
    let mut client = place.client().await;
    let mut transaction = client.transaction().await.expect("a transaction");
    for n in [7, 100] {
        let held = commit(1000 + n, &format!("order/{n}"), Expected::NoStream, 1);
        store.append_in(&mut transaction, held).await.expect("stored");
    }
    let batch = (0..200).map(|n| commit(n + 1, &format!("order/{n}"), Expected::NoStream, 1)).collect();
    let outcomes = soon(store.append_batch(batch)).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(Appended::Committed(_)) => assert!(![7, 100].contains(&n)),
            Err(AppendError::Unavailable(why)) => {
                assert!([7, 100].contains(&n), "{n}: {why}");
                assert!(why.to_string().contains("lock timeout"), "{why}");
            }
            other => panic!("{n}: {other:?}"),
        }
    }
    transaction.commit().await.expect("committed");
    assert_eq!(place.count(), 200);
    append(&store, commit(500, "order/7", exactly(1), 1)).await.expect("nobody is in the way any more");
}

/// Two programs write to the same streams, each in its own order.
#[tokio::test(flavor = "multi_thread")]
async fn batches_of_two_programs_do_not_wait_for_each_other_in_a_circle() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let batch = |round: u128, program: u128, is_reversed: bool| {
        let mut batch: Vec<_> = (0..64)
            .map(|n| commit(round * 1000 + program * 100 + n + 1, &format!("order/{n}"), Expected::Any, 1))
            .collect();
        if is_reversed {
            batch.reverse();
        }
        batch
    };
    for round in 0..30 {
        let (a, b) = tokio::join!(
            soon(one.append_batch(batch(round, 0, false))),
            soon(two.append_batch(batch(round, 1, true)))
        );
        assert!(a.iter().chain(&b).all(Result::is_ok), "{a:?} {b:?}");
    }
    assert_eq!(place.count(), 30 * 2 * 64);
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(place.sql(deadlocks), [["0"]]);
}
