//! A reader of the log passes by nothing that is stored later.

use super::*;

/// What a crash leaves behind of a transaction that took a position and was rolled back: nothing, and the
/// position is taken again.
#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_a_crash_gives_out_again_is_read() {
    let server = Server::builder().in_memory().setting("wal_writer_delay", "10s").start();
    let store = Postgres::options(&server.url("postgres")).expect("a URL").open().await.expect("a store");
    append(&store, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    server.sql("postgres", "CHECKPOINT");
    // More than the server notes down at once.
    let taken = "BEGIN; SELECT nextval('es.es_position') FROM generate_series(1, 100); ROLLBACK";
    server.sql("postgres", taken);
    let only_paid = Filter::all().event("order.paid");
    let (events, all) = log_after(&store, Cursor::start(), &Filter::all()).await;
    assert_eq!(events.len(), 1);
    let (events, paid) = log_after(&store, Cursor::start(), &only_paid).await;
    assert!(events.is_empty());

    server.kill();
    server.start_again();
    let mut next = commit(2, "order/2", Expected::NoStream, 1);
    next.events = NonEmpty::new(vec![event("order.paid", b"1")]).expect("one");
    let store = Store::new(store);
    store.append(next).await.expect("stored");
    let taken = server.sql("postgres", "SELECT max(position) >> 20 FROM es.es_event");
    let taken: u64 = taken[0][0].parse().expect("a number");
    assert!(taken < 100, "the crash did not undo anything: {taken}");
    for (cursor, filter) in [(all, Filter::all()), (paid, only_paid)] {
        let page = store.read_all(&cursor, &filter, Limit::default()).await.expect("a page");
        assert_eq!(streams(&page.events), ["order/2"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_waits_for_a_transaction_of_the_users_and_no_writer_does() {
    let place = Place::new();
    let store = place.options().connections(2).patience(Duration::from_millis(500)).open().await;
    let store = store.expect("a store");
    let mut client = place.client().await;
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.expect("a row").get(0);
    let mut transaction = client.transaction().await.expect("a transaction");
    store.append_in(&mut transaction, commit(1, "order/1", Expected::NoStream, 2)).await.expect("stored");
    // As many readers as there are connections, and more: those who write still have some.
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { log_until(&store, 3).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    soon(append(&store, commit(2, "order/2", Expected::NoStream, 1))).await.expect("it waits for nobody");
    let error = store.read_all(&Cursor::start(), &Filter::all(), Limit::default()).await;
    let error = error.expect_err("it cannot be read yet").to_string();
    assert!(error.contains(&format!("server process {pid}")), "{error}");
    transaction.commit().await.expect("committed");
    for reader in readers {
        let seen = soon(reader).await.expect("no panic");
        assert_eq!(streams(&seen), ["order/1", "order/1", "order/2"]);
    }
}

/// Reads, as often as the store says that it cannot be done yet, until there are so many events.
async fn log_until(store: &Postgres, count: usize) -> Vec<Recorded> {
    let (mut events, mut cursor) = (Vec::new(), Cursor::start());
    while events.len() < count {
        if let Ok(page) = store.read_all(&cursor, &Filter::all(), Limit::events(1)).await {
            events.extend(page.events);
            cursor = page.next;
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_prepared_is_waited_for() {
    let server = Server::builder().in_memory().setting("max_prepared_transactions", 5).start();
    let options = Postgres::options(&server.url("postgres")).expect("a URL");
    let store = options.patience(Duration::from_millis(300)).open().await.expect("a store");
    let mut user = client(&server.url("postgres")).await;
    let mut transaction = user.transaction().await.expect("a transaction");
    store.append_in(&mut transaction, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    append(&store, commit(2, "order/2", Expected::NoStream, 1)).await.expect("stored");
    let reader = {
        let store = store.clone();
        tokio::spawn(async move { log_until(&store, 2).await })
    };
    // It has looked who writes by now.
    tokio::time::sleep(Duration::from_millis(100)).await;
    transaction.batch_execute("PREPARE TRANSACTION 'p'").await.expect("prepared");
    drop(transaction);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!reader.is_finished());
    let error = store.read_all(&Cursor::start(), &Filter::all(), Limit::default()).await;
    let error = error.expect_err("it cannot be read yet").to_string();
    assert!(error.contains("pg_prepared_xacts"), "{error}");
    server.sql("postgres", "COMMIT PREPARED 'p'");
    assert_eq!(streams(&soon(reader).await.expect("no panic")), ["order/1", "order/2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_savepoint_that_is_rolled_back_leaves_a_gap_and_holds_up_nobody() {
    let place = Place::new();
    let store = place.open().await;
    let mut client = place.client().await;
    let mut transaction = client.transaction().await.expect("a transaction");
    let mut savepoint = transaction.savepoint("s").await.expect("a savepoint");
    store.append_in(&mut savepoint, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    savepoint.rollback().await.expect("rolled back");
    append(&store, commit(2, "order/2", Expected::NoStream, 1)).await.expect("stored");
    assert_eq!(streams(&soon(log(&store)).await), ["order/2"]);
    store.append_in(&mut transaction, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    transaction.commit().await.expect("committed");
    assert_eq!(streams(&log(&store).await), ["order/2", "order/1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_in_the_numbers_of_any_length_are_read_over() {
    let place = Place::new();
    let store = place.open().await;
    for n in 1..=3 {
        append(&store, commit(n, &format!("order/{n}"), Expected::NoStream, 2)).await.expect("stored");
        place.sql("SELECT setval('es.es_position', nextval('es.es_position') + 1000000)");
    }
    let order = Filter::all().category("order");
    for filter in [Filter::all(), order.clone(), order.event("order.placed")] {
        let (events, end) = log_after(&store, Cursor::start(), &filter).await;
        assert_eq!(events.len(), 6);
        assert_eq!(log_after(&store, end.clone(), &filter).await, (vec![], end));
    }
    for filter in [Filter::all().category("payment"), Filter::all().event("order.paid")] {
        assert_eq!(log_after(&store, Cursor::start(), &filter).await.0, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_in_a_commit_or_behind_the_end_is_kept() {
    let place = Place::new();
    let store = place.open().await;
    append(&store, commit(1, "order/1", Expected::NoStream, 3)).await.expect("stored");
    let first = log(&store).await[0].position();
    let (rest, end) = log_after(&store, Cursor::at(first), &Filter::all()).await;
    assert_eq!(rest.iter().map(|event| event.version().get()).collect::<Vec<_>>(), [2, 3]);
    // As after a backup was restored that is older than the reader.
    let behind = Cursor::at(Position::new(1 << 40, 0));
    let page = store.read_all(&behind, &Filter::all(), Limit::default()).await.expect("a page");
    assert_eq!((page.events.len(), page.next, page.is_end), (0, behind, true));
    append(&store, commit(2, "order/2", Expected::NoStream, 1)).await.expect("stored");
    assert_eq!(streams(&log_after(&store, end, &Filter::all()).await.0), ["order/2"]);
}
