//! Loads that are answered together, by one statement.

use super::*;
use std::ops::ControlFlow;
use tokio::task::JoinHandle;

/// The payloads of a stream, as a load shows them.
async fn load(store: &Postgres, of: &str) -> Result<Vec<String>, ReadError> {
    let mut events = Vec::new();
    let mut reader = |event: &Bare<'_>| {
        assert_eq!(event.version.get(), events.len() as u64 + 1);
        events.push(String::from_utf8_lossy(event.payload).into_owned());
        ControlFlow::Continue(())
    };
    store.replay(&stream(of), Version::new(1), &mut reader).await?;
    Ok(events)
}

fn numbers(count: u64) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Streams without events, with some, and with more than a group reads of each.
const SIZES: [u64; 5] = [0, 1, 127, 128, 300];

async fn filled(place: &Place) -> Postgres {
    let store = place.options().connections(3).open().await.expect("a store");
    for (n, size) in (1..).zip(SIZES).filter(|(_, size)| *size > 0) {
        append(&store, commit(n, &format!("order/{n}"), Expected::NoStream, size)).await.expect("stored");
    }
    store
}

/// The number of a stream, and its payloads.
type Loaded = Result<(usize, Vec<String>), ReadError>;

/// Loads that all begin before one of them ends.
fn crowd(store: &Postgres) -> Vec<JoinHandle<Loaded>> {
    (0..150)
        .map(|task| {
            let (store, n) = (store.clone(), task % SIZES.len());
            tokio::spawn(async move { Ok((n, load(&store, &format!("order/{}", n + 1)).await?)) })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_at_once_gets_its_own_stream_and_all_of_it() {
    let place = Place::new();
    let store = filled(&place).await;
    for task in crowd(&store) {
        let (n, events) = soon(task).await.expect("no panic").expect("loaded");
        assert_eq!(events, numbers(SIZES[n]));
    }
}

#[tokio::test]
async fn callers_that_are_dropped_take_nobody_with_them() {
    let place = Place::new();
    let store = filled(&place).await;
    for drops in 1..8 {
        let tasks = crowd(&store);
        for _ in 0..drops {
            tokio::task::yield_now().await;
        }
        for (number, task) in tasks.into_iter().enumerate() {
            if number % drops == 0 {
                task.abort();
                continue;
            }
            let (n, events) = soon(task).await.expect("no panic").expect("loaded");
            assert_eq!(events, numbers(SIZES[n]));
        }
    }
    assert_eq!(soon(load(&store, "order/5")).await.expect("loaded"), numbers(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_are_told_to_nobody() {
    let server = Server::builder().in_memory().start();
    let store = Postgres::options(&server.url("postgres")).expect("a URL").open().await.expect("a store");
    append(&store, commit(1, "order/1", Expected::NoStream, 300)).await.expect("stored");
    for round in 0..20 {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { load(&store, "order/1").await })
            })
            .collect();
        if round % 4 == 1 {
            server.sql(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
            );
        }
        for task in tasks {
            assert_eq!(soon(task).await.expect("no panic").expect("loaded"), numbers(300));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_sees_what_was_acknowledged_before_it_whoever_it_is_answered_with() {
    let place = Place::new();
    let store = place.open().await;
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let name = format!("order/{task}");
                for size in 1..=30 {
                    let next = commit(task * 1000 + u128::from(size), &name, exactly(size - 1), 1);
                    append(&store, next).await.expect("stored");
                    assert_eq!(load(&store, &name).await.expect("loaded").len() as u64, size);
                }
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.expect("each saw its own");
    }
}

/// Two sessions of which one knows nothing of what the other has called its events.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_kind_that_was_added_meanwhile_are_read() {
    let place = Place::new();
    let (writer, reader) = (place.open().await, place.options().connections(1).open().await);
    let reader = reader.expect("a store");
    append(&writer, commit(1, "order/1", Expected::NoStream, 2)).await.expect("stored");
    assert_eq!(load(&reader, "order/1").await.expect("loaded"), numbers(2));
    let kinds = ["order.paid", "order.closed", "order.paid", "order.placed"];
    for (n, name) in (2..).zip(kinds) {
        let mut next = commit(n, "order/1", Expected::Any, 1);
        next.events = NonEmpty::new(vec![event(name, n.to_string().as_bytes())]).expect("one");
        next.events.iter().for_each(|event| assert_eq!(event.schema_version, 1));
        append(&writer, next.clone()).await.expect("stored");
        let seen: Vec<_> = match n % 4 {
            0 => log(&reader).await,
            1 => log_after(&reader, Cursor::start(), &Filter::all().event(name)).await.0,
            2 => whole(&reader, "order/1").await,
            _ => {
                let again = append(&reader, next).await;
                assert!(matches!(again, Ok(Appended::AlreadyCommitted(_))), "{again:?}");
                whole(&reader, "order/1").await
            }
        };
        assert_eq!(seen.last().map(Recorded::name), Some(name));
    }
    assert_eq!(load(&reader, "order/1").await.expect("loaded").len(), 6);
    // A kind that is nowhere is damage, and no reason to look for ever.
    place.sql("DELETE FROM es.es_kind WHERE name = 'order.closed'");
    let fresh = place.open().await;
    for error in [
        load(&fresh, "order/1").await.map(drop),
        fresh.read_all(&Cursor::start(), &Filter::all(), Limit::default()).await.map(drop),
    ] {
        assert!(
            matches!(&error, Err(ReadError::Corrupt { detail, .. }) if detail.contains("es_kind")),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_add_the_same_kinds_at_once_agree_on_their_numbers() {
    let place = Place::new();
    place.open().await;
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let url = place.url.clone();
            tokio::spawn(async move {
                let store = Postgres::options(&url).expect("a URL").open().await.expect("a store");
                let mut next = commit(task + 1, &format!("order/{task}"), Expected::NoStream, 1);
                let names = ["order.a", "order.b", "order.c", "order.d"];
                let events = names.map(|name| event(name, name.as_bytes()));
                next.events = NonEmpty::new(events.into()).expect("some");
                append(&store, next).await.expect("stored");
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.expect("no panic");
    }
    assert_eq!(place.sql("SELECT count(*) FROM es.es_kind"), [["4"]]);
    let wrong = "SELECT count(*) FROM es.es_log WHERE payload <> convert_to(name, 'UTF8')";
    assert_eq!(place.sql(wrong), [["0"]]);
    assert_eq!(place.count(), 32);
}
