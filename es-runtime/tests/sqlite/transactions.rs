//! Transactions of projections: what keeps one of them from stopping the store.

use super::*;
use es_runtime::sqlite::SqliteOptions;
use std::future::pending;
use std::sync::Mutex;
use std::time::{Duration, Instant};

async fn write(store: &Sqlite, work: Work) -> Result<bool, SqlError> {
    store.transactions().expect("SQL").write(work).await
}

/// How many rows the table `sold` has.
async fn count(store: &Sqlite) -> i64 {
    let found = Arc::new(Mutex::new(None));
    let kept = found.clone();
    let work: Work = Box::new(move |sql| {
        Box::pin(async move {
            let rows = sql.query("SELECT count(*) FROM sold", &[]).await.expect("rows");
            *kept.lock().expect("ours") = Some(rows[0].get(0).expect("a number"));
            true
        })
    });
    store.transactions().expect("SQL").read(work).await.expect("read");
    let count = found.lock().expect("ours").take();
    count.expect("the work was done")
}

async fn with_table(store: &Sqlite) {
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            sql.batch("CREATE TABLE sold (article TEXT PRIMARY KEY, pieces INTEGER) STRICT").await.is_ok()
        })
    });
    assert!(write(store, work).await.expect("a table"));
}

/// A row, and then something else.
fn insert_and(then: impl Future<Output = bool> + Send + 'static) -> Work {
    Box::new(move |sql| {
        Box::pin(async move {
            sql.execute("INSERT INTO sold VALUES ('tea', 3)", &[]).await.expect("a row");
            then.await
        })
    })
}

async fn still_works(store: &Sqlite, number: u128) {
    append(store, commit(number, "order/1", Expected::Any, 1)).await.expect("the writer goes on");
}

fn impatient(timeout: u64) -> SqliteOptions {
    Sqlite::options().durability(Durability::ProcessCrash).work_timeout(Duration::from_millis(timeout))
}

#[tokio::test]
async fn a_work_that_waits_for_its_own_store_is_ended_with_the_reason() {
    let place = Place::new();
    let store = impatient(200).open(place.path()).await.expect("a store");
    with_table(&store).await;
    let other = store.clone();
    let waits_for_itself = insert_and(async move {
        append(&other, commit(1, "order/1", Expected::NoStream, 1)).await.expect("never");
        true
    });
    let refused = write(&store, waits_for_itself).await.expect_err("a refusal");
    assert!(matches!(&refused, SqlError::Refused(_)), "{refused:?}");
    let says = refused.to_string();
    assert!(says.contains("must not wait for the store it writes to") && says.contains("200ms"), "{says}");
    assert_eq!(count(&store).await, 0);
    still_works(&store, 2).await;
}

#[tokio::test]
async fn a_statement_without_an_end_is_ended_too() {
    const ENDLESS: &str =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let place = Place::new();
    let store = impatient(200).open(place.path()).await.expect("a store");
    let endless =
        || -> Work { Box::new(|sql| Box::pin(async move { sql.query(ENDLESS, &[]).await.is_ok() })) };
    for refused in
        [write(&store, endless()).await.map(drop), store.transactions().expect("SQL").read(endless()).await]
    {
        let Err(SqlError::Refused(reason)) = &refused else { panic!("{refused:?}") };
        assert!(reason.to_string().contains("work_timeout"), "{reason}");
    }
    still_works(&store, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_a_test_moves_ends_no_work() {
    let place = Place::new();
    let store = place.open_fast().await;
    with_table(&store).await;
    let slow = insert_and(async {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        true
    });
    assert!(write(&store, slow).await.expect("committed"));
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn who_leaves_takes_the_work_along() {
    let place = Place::new();
    let store = place.open_fast().await;
    with_table(&store).await;
    let (began, begun) = tokio::sync::oneshot::channel();
    let never = insert_and(async move {
        began.send(()).expect("listened to");
        pending().await
    });
    let other = store.clone();
    let task = tokio::spawn(async move { write(&other, never).await });
    begun.await.expect("it begins");
    task.abort();
    let before = Instant::now();
    still_works(&store, 1).await;
    assert!(before.elapsed() < Duration::from_secs(10), "the work went on without its caller");
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn a_panic_is_its_callers_and_leaves_nothing() {
    let place = Place::new();
    let store = place.open_fast().await;
    with_table(&store).await;
    let other = store.clone();
    let panics = insert_and(async { panic!("a bug in a projection") });
    let caller = tokio::spawn(async move { write(&other, panics).await });
    assert!(caller.await.expect_err("a panic").is_panic());
    let other = store.clone();
    let panics: Work = Box::new(|_| panic!("a bug in a query"));
    let caller = tokio::spawn(async move { other.transactions().expect("SQL").read(panics).await });
    assert!(caller.await.expect_err("a panic").is_panic());
    assert_eq!(count(&store).await, 0);
    still_works(&store, 1).await;
}

#[tokio::test]
async fn a_work_cannot_end_its_transaction() {
    for ends in ["COMMIT", "ROLLBACK", "COMMIT; BEGIN", "ROLLBACK; BEGIN IMMEDIATE"] {
        let place = Place::new();
        let store = place.open_fast().await;
        with_table(&store).await;
        let work: Work = Box::new(move |sql| {
            Box::pin(async move {
                sql.execute("INSERT INTO sold VALUES ('tea', 3)", &[]).await.expect("a row");
                let _ = sql.driver::<rusqlite::Connection>().expect("SQLite").execute_batch(ends);
                let _ = sql.execute("INSERT INTO sold VALUES ('milk', 1)", &[]).await;
                true
            })
        });
        let refused = write(&store, work).await;
        assert!(matches!(&refused, Err(SqlError::Refused(_))), "{ends}: {refused:?}");
        still_works(&store, 1).await;
        assert_eq!(count(&store).await, 0, "{ends}");
    }
}

#[tokio::test]
async fn a_statement_that_failed_is_not_committed_over() {
    let place = Place::new();
    let store = place.open_fast().await;
    with_table(&store).await;
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            sql.execute("INSERT INTO sold VALUES ('tea', 3)", &[]).await.expect("a row");
            let twice = sql.execute("INSERT INTO sold VALUES ('tea', 4)", &[]).await;
            let said = twice.expect_err("a key that is taken").to_string();
            assert!(said.contains("UNIQUE constraint failed: sold.article"), "{said}");
            true
        })
    });
    let refused = write(&store, work).await;
    assert!(matches!(&refused, Err(SqlError::Refused(_))), "{refused:?}");
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn what_is_checked_at_the_end_is_refused_and_no_mystery() {
    let place = Place::new();
    let store = place.open_fast().await;
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            let tables = "CREATE TABLE a (id INTEGER PRIMARY KEY); \
                          CREATE TABLE b (a INTEGER REFERENCES a DEFERRABLE INITIALLY DEFERRED)";
            sql.batch(tables).await.expect("tables");
            sql.execute("INSERT INTO b VALUES (7)", &[]).await.expect("not checked yet");
            true
        })
    });
    let refused = write(&store, work).await;
    assert!(
        matches!(&refused, Err(SqlError::Refused(why)) if why.to_string().contains("FOREIGN KEY")),
        "{refused:?}"
    );
    still_works(&store, 1).await;
}

#[tokio::test]
async fn parameters_stand_where_their_numbers_say() {
    let place = Place::new();
    let store = place.open_fast().await;
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            let row = sql.query("SELECT $2, $1, $2 || '$9', $3 -- $8", &[&1_u32, &"b", &None::<i64>]).await;
            let row = row.expect("a row").remove(0);
            assert_eq!(row.get::<String>(0).expect("text"), "b");
            assert_eq!(row.get::<i64>(1).expect("a number"), 1);
            assert_eq!(row.get::<String>(2).expect("text"), "b$9");
            assert_eq!(row.get::<Option<i64>>(3).expect("nothing"), None);
            for (query, says) in [
                ("SELECT $1", "has 1 parameters, and 2 are given"),
                ("SELECT $1, $2, $3", "has 3 parameters, and 2 are given"),
                ("SELECT $1, $3", "the parameter `$3`"),
                ("SELECT $1, ?2", "the parameter `?2`"),
                ("SELECT $1, $01", "the parameter `$01`"),
                ("SELECT $1, :name", "the parameter `:name`"),
            ] {
                let refused = sql.query(query, &[&1_i64, &2_i64]).await.expect_err(query);
                assert!(
                    matches!(&refused, SqlError::Value(why) if why.contains(says)),
                    "{query}: {refused:?}"
                );
            }
            true
        })
    });
    assert!(write(&store, work).await.expect("no statement failed"));
}

#[tokio::test]
async fn only_rows_that_a_statement_changed_are_counted() {
    let place = Place::new();
    let store = place.open_fast().await;
    with_table(&store).await;
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            for (statement, rows) in [
                ("INSERT INTO sold VALUES ('tea', 1), ('milk', 2), ('salt', 3)", 3),
                ("CREATE TABLE other (id INTEGER) STRICT", 0),
                ("UPDATE sold SET pieces = 0 WHERE pieces > 1", 2),
                ("UPDATE sold SET pieces = 0 WHERE pieces > 1", 0),
                ("SELECT * FROM sold", 0),
                ("DELETE FROM sold WHERE article = 'tea' RETURNING pieces", 1),
            ] {
                assert_eq!(sql.execute(statement, &[]).await.expect(statement), rows, "{statement}");
            }
            let two = sql.execute("DELETE FROM sold; DELETE FROM other", &[]).await;
            assert!(matches!(two, Err(SqlError::Refused(_))), "{two:?}");
            false
        })
    });
    assert!(!write(&store, work).await.expect("rolled back"));
}

#[tokio::test]
async fn who_reads_cannot_write() {
    let place = Place::new();
    let store = place.open_fast().await;
    with_table(&store).await;
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            let refused = sql.execute("INSERT INTO sold VALUES ('tea', 3)", &[]).await;
            assert!(matches!(&refused, Err(SqlError::Refused(why)) if why.to_string().contains("readonly")));
            true
        })
    });
    store.transactions().expect("SQL").read(work).await.expect("read");
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn a_process_that_writes_is_waited_for_and_named() {
    let place = Place::new();
    let options = Sqlite::options().busy_timeout(Duration::from_millis(50));
    let store = options.open(place.path()).await.expect("a store");
    let other = rusqlite::Connection::open(place.path()).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let refused = write(&store, Box::new(|_| Box::pin(async { true }))).await;
    let Err(SqlError::Unavailable(why)) = &refused else { panic!("{refused:?}") };
    assert!(why.to_string().contains("another process"), "{why}");
    drop(other);
    assert!(write(&store, Box::new(|_| Box::pin(async { true }))).await.expect("committed"));
}

#[tokio::test]
async fn the_last_handle_may_end_with_a_work_that_nobody_waits_for() {
    let place = Place::new();
    let store = place.open_fast().await;
    let kept = store.clone();
    let work: Work = Box::new(move |_| {
        let kept = kept;
        Box::pin(async move {
            pending::<()>().await;
            drop(kept);
            true
        })
    });
    let left =
        tokio::time::timeout(Duration::from_millis(50), async move { write(&store, work).await }).await;
    assert!(left.is_err());
    // Closed by then or not, the file is as it should be.
    still_works(&place.open_fast().await, 1).await;
}
