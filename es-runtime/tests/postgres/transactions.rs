//! Events in a transaction of the user's own.

use super::*;
use tokio_postgres::IsolationLevel;

async fn with_invoices() -> (Place, Postgres) {
    let place = Place::new();
    let store = place.options().lock_timeout(Duration::from_millis(100)).open().await.expect("a store");
    place.sql("CREATE TABLE invoice (number int PRIMARY KEY)");
    (place, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_rows_are_there_together_or_not_at_all() {
    let (place, store) = with_invoices().await;
    let mut client = place.client().await;
    for (number, commits) in [(1, false), (2, true)] {
        let mut transaction = client.transaction().await.expect("a transaction");
        transaction.execute("INSERT INTO invoice VALUES ($1)", &[&number]).await.expect("a row");
        let new = commit(number as u128, "order/1", Expected::NoStream, 2);
        let stored = store.append_in(&mut transaction, new).await;
        assert!(matches!(stored, Ok(Appended::Committed(_))), "{stored:?}");
        let ended = if commits { transaction.commit().await } else { transaction.rollback().await };
        ended.expect("ended");
    }
    assert_eq!(place.sql("SELECT number FROM invoice"), [["2"]]);
    assert_eq!(streams(&log(&store).await), ["order/1", "order/1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_leaves_the_transaction_as_it_was() {
    let (place, store) = with_invoices().await;
    append(&store, commit(1, "order/1", Expected::NoStream, 2)).await.expect("stored");
    let mut client = place.client().await;
    let mut transaction = client.transaction().await.expect("a transaction");
    let late = store.append_in(&mut transaction, commit(2, "order/1", exactly(1), 1)).await;
    assert!(matches!(late, Err(AppendError::Conflict { actual, .. }) if actual == Version::new(2)));
    let mut guarded = commit(3, "order/2", Expected::NoStream, 1);
    guarded.requires.push((stream("order/1"), exactly(1)));
    let broken = store.append_in(&mut transaction, guarded.clone()).await;
    assert!(matches!(broken, Err(AppendError::Conflict { stream, .. }) if stream.as_str() == "order/1"));
    guarded.requires[0].1 = exactly(2);
    store.append_in(&mut transaction, guarded.clone()).await.expect("it holds");
    let again = store.append_in(&mut transaction, guarded.clone()).await;
    assert!(matches!(again, Ok(Appended::AlreadyCommitted(_))), "{again:?}");
    let reused = store.append_in(&mut transaction, commit(3, "order/3", Expected::Any, 1)).await;
    assert!(matches!(reused, Err(AppendError::IdReused { .. })), "{reused:?}");
    // What the transaction stored counts for what it stores next.
    store.append_in(&mut transaction, commit(4, "order/2", exactly(1), 1)).await.expect("stored");
    transaction.commit().await.expect("committed");
    assert_eq!(streams(&log(&store).await), ["order/1", "order/1", "order/2", "order/2"]);
    assert!(matches!(append(&store, guarded).await, Ok(Appended::AlreadyCommitted(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_another_isolation_level_nothing_is_stored() {
    let (place, store) = with_invoices().await;
    let mut client = place.client().await;
    for level in [IsolationLevel::RepeatableRead, IsolationLevel::Serializable] {
        let builder = client.build_transaction().isolation_level(level);
        let mut transaction = builder.start().await.expect("a transaction");
        let error = store.append_in(&mut transaction, commit(1, "order/1", Expected::Any, 1)).await;
        let error = error.expect_err("statements would not see what was committed meanwhile");
        assert!(matches!(&error, AppendError::Invalid(why) if why.contains("read committed")), "{error:?}");
        transaction.rollback().await.expect("rolled back");
    }
    assert_eq!(place.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_log_is_woken_when_the_user_says_so() {
    let (place, store) = with_invoices().await;
    let mut changes = store.changes();
    let mut client = place.client().await;
    let mut transaction = client.transaction().await.expect("a transaction");
    store.append_in(&mut transaction, commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
    transaction.commit().await.expect("committed");
    // Who looks for what others store may have told it before.
    changes.mark_unchanged();
    store.committed();
    assert!(changes.has_changed().expect("the store is there"), "it was not told at once");
    assert_eq!(log(&store).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_transactions_that_write_to_one_stream_the_second_is_told_to_decide_again() {
    let (place, store) = with_invoices().await;
    let (mut one, mut two) = (place.client().await, place.client().await);
    let mut first = one.transaction().await.expect("a transaction");
    store.append_in(&mut first, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    let other = store.clone();
    let waiting = tokio::spawn(async move {
        let mut second = two.transaction().await.expect("a transaction");
        other.append_in(&mut second, commit(2, "order/1", Expected::NoStream, 1)).await
    });
    let blocked =
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    soon(async {
        while place.sql(blocked).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    first.commit().await.expect("committed");
    let error = soon(waiting).await.expect("no panic").expect_err("too late");
    assert!(
        matches!(&error, AppendError::Unavailable(why) if why.to_string().contains("roll back and decide again")),
        "{error:?}"
    );
    assert_eq!(place.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_transactions_that_wait_for_each_other_one_is_told_to_try_again() {
    let (place, store) = with_invoices().await;
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let mut waiting = Vec::new();
    for (number, streams) in [(10, ["order/1", "order/2"]), (20, ["order/2", "order/1"])] {
        let (mut client, store, both) = (place.client().await, store.clone(), both.clone());
        waiting.push(tokio::spawn(async move {
            let mut transaction = client.transaction().await.expect("a transaction");
            let first = commit(number, streams[0], Expected::NoStream, 1);
            store.append_in(&mut transaction, first).await.expect("nobody was there before");
            both.wait().await;
            let second = commit(number + 1, streams[1], Expected::Any, 1);
            let outcome = store.append_in(&mut transaction, second).await;
            let ended =
                if outcome.is_ok() { transaction.commit().await } else { transaction.rollback().await };
            ended.expect("ended");
            outcome
        }));
    }
    let mut lost = 0;
    for outcome in waiting {
        match soon(outcome).await.expect("no panic") {
            Ok(_) => {}
            Err(AppendError::Unavailable(why)) => {
                assert!(why.to_string().contains("roll back and"), "{why}");
                lost += 1;
            }
            // It went on when the other had gone, and had seen the stream before.
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(lost >= 1);
    assert_eq!(place.count(), 2 * (2 - lost));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_in_the_users_database_is_an_error() {
    let (place, elsewhere) = (Place::new(), Place::new());
    let store = place.open().await;
    let mut client = elsewhere.client().await;
    let mut transaction = client.transaction().await.expect("a transaction");
    let error = store.append_in(&mut transaction, commit(1, "order/1", Expected::Any, 1)).await;
    assert!(matches!(error, Err(AppendError::Fatal(_))), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_in_one_database_do_not_see_each_other_nor_wait() {
    let place = Place::new();
    let one = place.options().schema("one").open().await.expect("a store");
    let two = place.options().schema("two").open().await.expect("a store");
    assert_ne!(one.identity(), two.identity());
    let mut client = place.client().await;
    let mut transaction = client.transaction().await.expect("a transaction");
    let mut guarded = commit(1, "order/1", Expected::NoStream, 1);
    guarded.requires.push((stream("order/2"), Expected::NoStream));
    one.append_in(&mut transaction, guarded.clone()).await.expect("stored");
    // The same ids, streams and locks.
    soon(append(&two, guarded)).await.expect("stored");
    soon(append(&two, commit(2, "order/2", Expected::NoStream, 1))).await.expect("stored");
    assert_eq!(streams(&soon(log(&two)).await), ["order/1", "order/2"]);
    transaction.rollback().await.expect("rolled back");
    assert!(log(&one).await.is_empty());
}
