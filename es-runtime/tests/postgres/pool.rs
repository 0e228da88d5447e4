//! Many tasks, few connections, and several programs.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_every_kind_finish_on_two_connections() {
    let place = Place::new();
    let adapter = place.options().connections(2).patience(Duration::from_secs(60)).open().await;
    let store = Store::new(adapter.expect("a store"));
    let tasks: Vec<_> = (0..64u64)
        .map(|task| {
            let (store, own) = (store.clone(), format!("a-{}", task % 16));
            tokio::spawn(async move {
                let accounts = store.repository::<common::Account>();
                for round in 0..5 {
                    match task % 4 {
                        0 => drop(accounts.execute(&own, |account| account.open("ada")).await),
                        1 => drop(accounts.load(&own).await.expect("readable")),
                        2 => {
                            let id = u128::from(task * 100 + round) * 2 + 1;
                            let group = [0, 1].map(|n| {
                                let to = format!("order/{}", (task + n * 3) % 16);
                                commit(id + u128::from(n), &to, Expected::Any, 1)
                            });
                            store.append_all(group.to_vec()).await.expect("stored");
                        }
                        _ => {
                            let (start, all) = (Cursor::start(), Filter::all());
                            store.read_all(&start, &all, Limit::events(10)).await.expect("a page");
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.expect("no panic");
    }
    // Before the test itself connects.
    assert!(Server::shared().backends(place.name()).len() <= 2);
    let stored = "SELECT count(*) FROM es.es_event WHERE stream LIKE 'order/%'";
    assert_eq!(place.sql(stored), [["160"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn futures_that_are_dropped_anywhere_leave_the_pool_whole() {
    let place = Place::new();
    let store = place.options().connections(2).open().await.expect("a store");
    append(&store, commit(1, "order/1", Expected::NoStream, 1000)).await.expect("stored");
    for round in 0..200u128 {
        let store = store.clone();
        let task = tokio::spawn(async move {
            match round % 4 {
                0 => drop(append(&store, commit(round + 2, "order/2", Expected::Any, 3)).await),
                1 => drop(whole(&store, "order/1").await),
                2 => drop(log(&store).await),
                _ => drop(store.find_commit(id(1)).await),
            }
        });
        tokio::time::sleep(Duration::from_micros(u64::try_from(round % 50).expect("small") * 100)).await;
        task.abort();
    }
    let (one, two) = soon(async { tokio::join!(whole(&store, "order/1"), whole(&store, "order/2")) }).await;
    assert_eq!((one.len(), two.len() % 3), (1000, 0));
    assert!(soon(log(&store)).await.len() >= one.len() + two.len());
    assert!(Server::shared().backends(place.name()).len() <= 2);
    drop(store);
    soon(async {
        while !Server::shared().backends(place.name()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_two_programs_on_the_same_aggregates_are_each_done_once() {
    let place = Place::new();
    let programs = [Store::new(place.open().await), Store::new(place.open().await)];
    for n in 0..4 {
        let accounts = programs[0].repository::<common::Account>();
        accounts.execute(&format!("a-{n}"), |account| account.open("ada")).await.expect("opened");
    }
    let tasks: Vec<_> = (0..16usize)
        .map(|task| {
            let store = programs[task % 2].clone();
            tokio::spawn(async move {
                let accounts = store.repository::<common::Account>();
                for round in 0..20 {
                    let id = format!("a-{}", (task + round) % 4);
                    soon(accounts.execute(&id, |account| account.deposit(1))).await.expect("done");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let deposits = "SELECT count(*) FROM es.es_log WHERE name = 'account.deposited'";
    assert_eq!(place.sql(deposits), [["320"]]);
}

/// Each of two may only be done while the other is not.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_each_require_the_other_not_to_be_there_one_is_stored() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    for round in 0..100u128 {
        let pair = [format!("left/{round}"), format!("right/{round}")];
        let guarded = |n: usize| {
            let mut commit = commit(round * 2 + n as u128 + 1, &pair[n], Expected::NoStream, 1);
            commit.requires.push((stream(&pair[1 - n]), Expected::NoStream));
            commit
        };
        let (a, b) = tokio::join!(soon(append(&one, guarded(0))), soon(append(&two, guarded(1))));
        for outcome in [&a, &b] {
            assert!(matches!(outcome, Ok(_) | Err(AppendError::Conflict { .. })), "{outcome:?}");
        }
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    }
    assert_eq!(place.count(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_requires_something_of_a_stream_in_a_long_transaction_does_not_wait_for_ever() {
    let place = Place::new();
    let store = place.options().lock_timeout(Duration::from_millis(100)).open().await.expect("a store");
    let mut client = place.client().await;
    let mut transaction = client.transaction().await.expect("a transaction");
    store.append_in(&mut transaction, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    let mut guarded = commit(2, "order/2", Expected::NoStream, 1);
    guarded.requires.push((stream("order/1"), Expected::NoStream));
    let error = soon(append(&store, guarded.clone())).await.expect_err("it cannot be known yet");
    assert!(matches!(error, AppendError::Unavailable(_)), "{error:?}");
    transaction.commit().await.expect("committed");
    let error = append(&store, guarded).await.expect_err("it does not hold");
    assert!(matches!(error, AppendError::Conflict { .. }), "{error:?}");
}
