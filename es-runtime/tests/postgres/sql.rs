//! Transactions of projections: what keeps them apart from the store, and what values become.

use super::*;
use es_runtime::postgres::grants;
use std::future::pending;
use std::time::Instant;

async fn write(store: &Postgres, work: Work) -> Result<bool, SqlError> {
    soon(store.transactions().expect("SQL").write(work)).await
}

async fn read(store: &Postgres, work: Work) -> Result<(), SqlError> {
    soon(store.transactions().expect("SQL").read(work)).await
}

/// A store with a table `sold`, and works that may take so many milliseconds.
async fn with_table(timeout: u64) -> (Place, Postgres) {
    let place = Place::new();
    let store = place.options().work_timeout(Duration::from_millis(timeout)).open().await.expect("a store");
    place.sql("CREATE TABLE es.sold (article text PRIMARY KEY, pieces int)");
    (place, store)
}

fn rows(place: &Place) -> String {
    place.sql("SELECT count(*) FROM es.sold")[0][0].clone()
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

#[tokio::test(flavor = "multi_thread")]
async fn values_of_every_type_go_there_and_come_back() {
    let (_place, store) = with_table(30_000).await;
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            sql.batch(
                "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0); \
                 CREATE TABLE every (n int, a bool, b smallint, c int, d bigint, e real, f double precision, \
                     g numeric(12, 2), h text, i varchar(9), j char(3), k name, l bytea, m uuid, o json, p jsonb, \
                     q timestamptz, r timestamp, s mood, t cents, u date)",
            )
            .await
            .expect("tables");
            let (id, bytes) = (id(7), vec![0_u8, 255]);
            let insert = "INSERT INTO every (u, t, s, r, q, p, o, m, l, k, j, i, h, g, f, e, d, c, b, a, n) \
                          VALUES ($21, $20, $19, $18, $17, $16, $15, $14, $13, $12, $11, $10, $9, $8, $7, $6, $5, \
                                  $4, $3, $2, $1)";
            let at = Timestamp::from_micros(1_700_000_000_123_456).expect("a time");
            let parameters: [&(dyn ToSql + Sync); 21] = [
                &1_i64,
                &true,
                &-2_i16,
                &3_i32,
                &i64::MIN,
                &0.5,
                &0.1,
                &12_i64,
                &"für",
                &"v",
                &"abc",
                &"n",
                &bytes,
                &id,
                &"{\"a\": 1}",
                &"{\"a\": 1}",
                &at,
                &at,
                &"glad",
                &5_i64,
                &"2026-01-31",
            ];
            assert_eq!(sql.execute(insert, &parameters).await.expect("a row"), 1);
            let nothing: [&(dyn ToSql + Sync); 21] = [&None::<i64>; 21];
            sql.execute(insert, &nothing).await.expect("a row of nothing");

            let row = sql.query("SELECT *, u::text AS day FROM every WHERE n = $1", &[&1_i64]).await;
            // A type that is not known is said so, and the transaction goes on.
            assert!(
                matches!(&row, Err(SqlError::Value(why)) if why.contains("`u`") && why.contains("`u::text`")),
                "{row:?}"
            );
            let columns = "a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u::text";
            let row = sql.query(&format!("SELECT {columns} FROM every WHERE n = $1"), &[&1_i64]).await;
            let row = row.expect("a row").remove(0);
            assert!(row.get::<bool>(0).expect("a"));
            for (column, number) in [(1, -2), (2, 3), (3, i64::MIN), (6, 12), (18, 5)] {
                assert_eq!(row.get::<i64>(column).expect("a number"), number, "{column}");
            }
            assert_eq!((row.get::<f64>(4).expect("e"), row.get::<f64>(5).expect("f")), (0.5, 0.1));
            for (column, text) in [
                (7, "für"),
                (8, "v"),
                (9, "abc"),
                (10, "n"),
                (12, &*id.to_string()),
                (13, "{\"a\": 1}"),
                (14, "{\"a\": 1}"),
                (17, "glad"),
                (19, "2026-01-31"),
            ] {
                assert_eq!(row.get::<String>(column).expect("text"), text, "{column}");
            }
            assert_eq!(row.get::<Vec<u8>>(11).expect("l"), bytes);
            assert_eq!(row.get::<Timestamp>(15).expect("q"), at);
            assert_eq!(row.get::<Timestamp>(16).expect("r"), at);
            let row = sql.query(&format!("SELECT {columns} FROM every WHERE n IS NULL"), &[]).await;
            let row = row.expect("a row").remove(0);
            assert!((0..20).all(|column| row.get::<Option<i64>>(column).expect("nothing").is_none()));

            let sums =
                "SELECT sum(d), count(*), avg(c), sum(g), sum(c) * 1e30, 'infinity'::timestamptz FROM every";
            let row = sql.query(sums, &[]).await;
            assert!(matches!(&row, Err(SqlError::Value(_))), "{row:?}");
            let row = sql.query(&sums.replace(", 'infinity'::timestamptz", ""), &[]).await;
            let row = row.expect("sums").remove(0);
            assert_eq!(row.get::<i64>(0).expect("a sum"), i64::MIN);
            assert_eq!(row.get::<i64>(1).expect("a count"), 2);
            assert_eq!(row.get::<i64>(2).expect("3.000"), 3);
            assert_eq!(row.get::<i64>(3).expect("12.00"), 12);
            assert_eq!(row.get::<String>(4).expect("large"), format!("3{}", "0".repeat(30)));
            true
        })
    });
    assert!(write(&store, work).await.expect("no statement failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_does_not_fit_is_named_before_it_is_sent() {
    let (place, store) = with_table(30_000).await;
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            let insert = "INSERT INTO sold VALUES ($2, $1)";
            for (pieces, article, says) in [
                (&i64::MAX as &(dyn ToSql + Sync), &"tea" as &(dyn ToSql + Sync), "the parameter `$1`"),
                (&1_i64, &"a\0b", "`$2` is text with a zero byte"),
                (&1_i64, &7_i64, "`$2` is a whole number 7, which does not fit the type `text`"),
                (&0.5, &"tea", "the parameter `$1`"),
            ] {
                let refused = sql.execute(insert, &[pieces, article]).await.expect_err(says);
                assert!(matches!(&refused, SqlError::Value(why) if why.contains(says)), "{refused:?}");
            }
            let refused =
                sql.query("SELECT $1::int, $2::int, $3::int", &[&1_i64]).await.expect_err("too few");
            assert!(
                matches!(&refused, SqlError::Value(why) if why.contains("3 parameters, and 1 are given"))
            );
            sql.execute(insert, &[&3_i64, &"tea"]).await.expect("the transaction goes on");
            true
        })
    });
    assert!(write(&store, work).await.expect("committed"));
    assert_eq!(rows(&place), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_that_takes_too_long_is_ended_with_the_reason() {
    let (place, store) = with_table(200).await;
    let endless = "SELECT count(*) FROM generate_series(1, 1000000000000)";
    let works: [Work; 2] = [
        insert_and(pending()),
        Box::new(move |sql| Box::pin(async move { sql.query(endless, &[]).await.is_ok() })),
    ];
    for work in works {
        let refused = write(&store, work).await;
        let Err(SqlError::Refused(why)) = &refused else { panic!("{refused:?}") };
        assert!(why.to_string().contains("`work_timeout`"), "{why}");
    }
    assert!(write(&store, insert_and(async { true })).await.expect("its locks are gone"));
    assert_eq!(rows(&place), "1");
    // The server does not go on either with what nobody waits for.
    let active = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series(1, 10000%' \
                  AND state = 'active' AND pid <> pg_backend_pid()";
    let begin = Instant::now();
    while place.sql(active)[0][0] != "0" {
        assert!(begin.elapsed() < Duration::from_secs(20), "the statement runs on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_takes_the_work_and_its_locks_along() {
    let (place, store) = with_table(30_000).await;
    let (began, begun) = tokio::sync::oneshot::channel();
    let other = store.clone();
    let never = insert_and(async move {
        began.send(()).expect("listened to");
        pending().await
    });
    let task = tokio::spawn(async move { write(&other, never).await });
    begun.await.expect("it begins");
    task.abort();
    // The same key, for which this waits until the other transaction has ended.
    assert!(write(&store, insert_and(async { true })).await.expect("committed"));
    let other = store.clone();
    let panics = tokio::spawn(async move { write(&other, Box::new(|_| panic!("a bug"))).await });
    assert!(panics.await.expect_err("a panic").is_panic());
    assert_eq!(rows(&place), "1");
    assert!(write(&store, Box::new(|_| Box::pin(async { true }))).await.expect("committed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn works_keep_nobody_from_commands() {
    let place = Place::new();
    let store = place.options().connections(1).open().await.expect("a store");
    place.sql("CREATE TABLE es.sold (article text, pieces int)");
    let (release, released) = tokio::sync::watch::channel(false);
    let mut works = Vec::new();
    for _ in 0..10 {
        let (store, mut released) = (store.clone(), released.clone());
        let waits = insert_and(async move { released.wait_for(|released| *released).await.is_ok() });
        works.push(tokio::spawn(async move { write(&store, waits).await }));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    append(&store, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored meanwhile");
    release.send(true).expect("listened to");
    for work in works {
        assert!(work.await.expect("no panic").expect("committed"));
    }
    assert_eq!(rows(&place), "10");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_apart() {
    let (place, store) = with_table(30_000).await;
    for (statement, code) in [("INSERT INTO sold VALUES (NULL, 1)", "23502"), ("SELEC 1", "42601")] {
        let work: Work = Box::new(move |sql| {
            Box::pin(async move {
                let refused = sql.execute(statement, &[]).await;
                assert!(matches!(&refused, Err(SqlError::Refused(why)) if why.to_string().contains(code)));
                // Whatever follows: it is spoilt.
                assert!(sql.query("SELECT 1", &[]).await.is_err());
                true
            })
        });
        let refused = write(&store, work).await;
        assert!(matches!(&refused, Err(SqlError::Refused(_))), "{refused:?}");
    }
    // What the driver itself was told, we cannot see before the end.
    for spoils in ["SELECT 1 / 0", "COMMIT", "COMMIT; BEGIN"] {
        let work: Work = Box::new(move |sql| {
            Box::pin(async move {
                let client: &mut tokio_postgres::Client = sql.driver().expect("the driver's client");
                let _ = client.batch_execute(spoils).await;
                true
            })
        });
        let refused = write(&store, work).await;
        assert!(matches!(&refused, Err(SqlError::Refused(_))), "{spoils}: {refused:?}");
    }
    // What is checked at the end.
    place.sql("CREATE TABLE es.of (article text REFERENCES es.sold DEFERRABLE INITIALLY DEFERRED)");
    let work: Work = Box::new(|sql| {
        Box::pin(async move { sql.execute("INSERT INTO \"of\" VALUES ('none')", &[]).await.is_ok() })
    });
    let refused = write(&store, work).await;
    assert!(
        matches!(&refused, Err(SqlError::Refused(why)) if why.to_string().contains("23503")),
        "{refused:?}"
    );
    // The connection goes away.
    let work: Work = Box::new(|sql| {
        Box::pin(
            async move { sql.query("SELECT pg_terminate_backend(pg_backend_pid())", &[]).await.is_err() },
        )
    });
    let gone = write(&store, work).await;
    assert!(matches!(&gone, Err(SqlError::Unavailable(_))), "{gone:?}");
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            let refused = sql.execute("INSERT INTO sold VALUES ('tea', 1)", &[]).await;
            assert!(matches!(&refused, Err(SqlError::Refused(why)) if why.to_string().contains("25006")));
            true
        })
    });
    read(&store, work).await.expect("read");
    assert!(write(&store, insert_and(async { true })).await.expect("committed"));
    assert_eq!(rows(&place), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_the_commit_that_is_lost_leaves_it_unknown() {
    let (place, store) = with_table(30_000).await;
    place.sql(
        "CREATE FUNCTION es.dies() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON es.sold DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION es.dies()",
    );
    let unknown = write(&store, insert_and(async { true })).await;
    assert!(matches!(&unknown, Err(SqlError::Unknown(_))), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_changes_is_read_as_it_is_then() {
    let (place, store) = with_table(30_000).await;
    let all = || -> Work {
        Box::new(|sql| Box::pin(async move { sql.query("SELECT * FROM sold", &[]).await.is_ok() }))
    };
    assert!(write(&store, all()).await.expect("committed"));
    place.sql("ALTER TABLE es.sold ADD COLUMN price int");
    let changed = write(&store, all()).await;
    assert!(!changed.expect("rolled back"), "the server refuses the plan it had");
    assert!(write(&store, all()).await.expect("committed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_change_the_past_has_tables_in_a_schema_of_its_own() {
    let place = Place::new();
    drop(place.open().await);
    let role = format!("{}_app", place.name());
    place.sql(&format!("CREATE ROLE \"{role}\" LOGIN; CREATE SCHEMA shop_read AUTHORIZATION \"{role}\""));
    place.sql(&grants("es", &role).expect("a good schema"));
    let url = format!("{}?tables=shop_read", place.url.replace("postgres@", &format!("{role}@")));
    let store = Postgres::options(&url).expect("a URL").open().await.expect("the rights are enough");
    let registers = store.registers().expect("registers");
    let new = Write { key: "part/sold/1/0".into(), expected: 0, value: Some(b"0".to_vec()) };
    assert!(registers.write_registers(vec![new]).await.expect("written"));
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            let table = sql.table("sold");
            assert_eq!(table, "\"shop_read\".\"sold\"");
            sql.batch(&format!("CREATE TABLE {table} (article text)")).await.expect("a table");
            sql.execute("INSERT INTO sold VALUES ($1)", &[&"tea"]).await.expect("found without its schema");
            let moved = "UPDATE es.es_register SET revision = revision + 1, value = $1 WHERE key = $2 AND revision = $3";
            sql.execute(moved, &[&b"1".to_vec(), &"part/sold/1/0", &1_i64]).await.expect("a row") == 1
        })
    });
    assert!(write(&store, work).await.expect("committed"));
    assert_eq!(place.sql("SELECT count(*) FROM shop_read.sold"), [["1"]]);
    let found = registers.read_register("part/sold/1/0").await.expect("readable");
    assert_eq!(found, Some(Register { revision: 2, value: b"1".to_vec() }));
    for forbidden in ["DELETE FROM es.es_event", "UPDATE es.es_meta SET value = ''"] {
        let work: Work = Box::new(move |sql| {
            Box::pin(async move {
                let refused = sql.execute(forbidden, &[]).await;
                assert!(matches!(&refused, Err(SqlError::Refused(why)) if why.to_string().contains("42501")));
                false
            })
        });
        assert!(!write(&store, work).await.expect("rolled back"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_for_the_store_is_not_set_for_works() {
    let place = Place::new();
    place.sql(&format!("ALTER DATABASE \"{}\" SET statement_timeout = '1ms'", place.name()));
    let store = place.open().await;
    let work: Work = Box::new(|sql| {
        Box::pin(async move {
            for (name, value) in [
                ("enable_nestloop", "on"),
                ("enable_seqscan", "on"),
                ("plan_cache_mode", "auto"),
                ("search_path", "es, public"),
                ("statement_timeout", "31s"),
                ("idle_in_transaction_session_timeout", "31s"),
                ("transaction_isolation", "read committed"),
            ] {
                let row = sql.query("SELECT current_setting($1)", &[&name]).await.expect(name).remove(0);
                assert_eq!(row.get::<String>(0).expect("text").replace('"', ""), value, "{name}");
            }
            true
        })
    });
    assert!(write(&store, work).await.expect("committed"));
}

/// What a statement costs. `cargo test --test postgres -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, and asserts nothing"]
async fn what_a_statement_costs() {
    let (_place, store) = with_table(30_000).await;
    for statements in [0_u32, 1, 100] {
        let begin = Instant::now();
        for n in 0..50_u32 {
            let work: Work = Box::new(move |sql| {
                Box::pin(async move {
                    for m in 0..statements {
                        let key = format!("{n}/{m}/{statements}");
                        sql.execute("INSERT INTO sold VALUES ($1, $2)", &[&key, &m]).await.expect("a row");
                    }
                    true
                })
            });
            write(&store, work).await.expect("committed");
        }
        let each = begin.elapsed() / 50;
        let out = format!("a transaction of {statements} statements: {each:?}\n");
        std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes()).expect("said");
    }
}
