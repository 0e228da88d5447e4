//! Servers that go away, and answers that do not come.

use super::*;
use servers::Proxy;

/// A proxy before the shared server, and a store that goes through it.
async fn behind_proxy(place: &Place, timeout: Duration) -> (Proxy, Postgres) {
    let proxy = Proxy::new(Server::shared().port());
    let url = Server::shared().url_at(proxy.port(), place.name());
    let options = Postgres::options(&url).expect("a URL").patience(Duration::from_secs(10));
    let store = options.clone().open().await.expect("a store");
    drop(store);
    (proxy, options.timeout(timeout).open().await.expect("a store"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_whose_answer_is_lost_is_unknown_and_stored_once() {
    let place = Place::new();
    let (proxy, store) = behind_proxy(&place, Duration::from_secs(1)).await;
    append(&store, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    proxy.stop_answers();
    let error = soon(append(&store, commit(2, "order/1", exactly(1), 2))).await.expect_err("no answer");
    assert!(matches!(error, AppendError::Unknown { id: unknown, .. } if unknown == id(2)), "{error:?}");
    proxy.answer();
    let again = soon(append(&store, commit(2, "order/1", exactly(1), 2))).await;
    assert!(matches!(again, Ok(Appended::AlreadyCommitted(_))), "{again:?}");
    assert_eq!(whole(&store, "order/1").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_again_and_again_lose_and_double_nothing() {
    let place = Place::new();
    let (proxy, store) = behind_proxy(&place, Duration::from_secs(10)).await;
    let store = Store::builder().retry(Retry { failures: 1000, ..Retry::default() }).adapter(store);
    let writing: Vec<_> = (0..8u128)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for version in 0..20 {
                    let id = writer * 1000 + u128::from(version) + 1;
                    let next = commit(id, &format!("order/{writer}"), exactly(version), 1);
                    store.append(next).await.expect("stored in the end");
                }
            })
        })
        .collect();
    while !writing.iter().all(tokio::task::JoinHandle::is_finished) {
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for writer in writing {
        writer.await.expect("no panic");
    }
    assert_eq!(place.count(), 8 * 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_is_unavailable_and_a_restart_is_a_delay() {
    let server = Server::builder().in_memory().start();
    let options = Postgres::options(&server.url("postgres")).expect("a URL");
    let patient = options.clone().patience(Duration::from_secs(30)).open().await.expect("a store");
    append(&patient, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    let hasty = options.patience(Duration::from_millis(50)).open().await.expect("a store");
    server.restart();
    soon(Store::new(patient.clone()).append(commit(2, "order/1", exactly(1), 1))).await.expect("stored");
    assert_eq!(soon(whole(&patient, "order/1")).await.len(), 2);
    server.stop();
    let error = soon(append(&hasty, commit(3, "order/1", exactly(2), 1))).await.expect_err("no server");
    assert!(matches!(error, AppendError::Unavailable(_)), "{error:?}");
    let error = hasty.find_commit(id(1)).await.expect_err("no server");
    assert!(matches!(error, ReadError::Unavailable(_)), "{error:?}");
    let waiting = tokio::spawn(async move { patient.find_commit(id(1)).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.start_again();
    assert!(soon(waiting).await.expect("no panic").expect("read").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_killed_idle_or_busy_is_replaced() {
    let server = Server::builder().in_memory().start();
    let options = Postgres::options(&server.url("postgres")).expect("a URL");
    let store = options.connections(2).patience(Duration::from_secs(30)).open().await.expect("a store");
    let kept = Store::new(store.clone());
    kept.append(commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    server.backends("postgres").into_iter().for_each(|pid| server.terminate_backend(pid));
    soon(kept.append(commit(2, "order/1", exactly(1), 1))).await.expect("stored");
    server.kill_backend(server.backends("postgres")[0]);
    soon(kept.append(commit(3, "order/1", exactly(2), 1))).await.expect("stored");
    server.wait_until_ready();

    // Busy: it waits for somebody else's lock.
    let mut user = client(&server.url("postgres")).await;
    let mut transaction = user.transaction().await.expect("a transaction");
    store.append_in(&mut transaction, commit(10, "order/2", Expected::NoStream, 1)).await.expect("stored");
    let waiting = tokio::spawn({
        let kept = kept.clone();
        async move { kept.append(commit(11, "order/2", Expected::Any, 1)).await }
    });
    let blocked = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let pid = soon(async {
        loop {
            if let Some(row) = server.sql("postgres", blocked).first() {
                break row[0].parse().expect("a number");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    server.terminate_backend(pid.await);
    transaction.commit().await.expect("committed");
    soon(waiting).await.expect("no panic").expect("stored");
    assert_eq!(streams(&log(&store).await), ["order/1", "order/1", "order/1", "order/2", "order/2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_durable_is_what_the_server_says() {
    let server = Server::builder().in_memory().start();
    let options = Postgres::options(&server.url("postgres")).expect("a URL");
    let store = options.patience(Duration::from_secs(30)).open().await.expect("a store");
    // Without a standby of that name nothing would be acknowledged, so nothing is written here.
    for (name, value, durability, warns) in [
        ("synchronous_commit", "off", Durability::Memory, "synchronous_commit is off"),
        ("synchronous_commit", "remote_write", Durability::Fsync, ""),
        ("synchronous_standby_names", "'a'", Durability::Quorum, ""),
        ("synchronous_commit", "on", Durability::QuorumFsync, ""),
        ("synchronous_commit", "local", Durability::Fsync, ""),
        ("fsync", "off", Durability::ProcessCrash, "fsync is off"),
    ] {
        server.sql("postgres", &format!("ALTER SYSTEM SET {name} = {value}"));
        server.sql("postgres", "SELECT pg_reload_conf()");
        let plain = value.trim_matches('\'');
        soon(async {
            while server.sql("postgres", &format!("SHOW {name}")) != [[plain]] {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        server.backends("postgres").into_iter().for_each(|pid| server.terminate_backend(pid));
        // A new connection looks.
        soon(store.find_commit(id(1))).await.expect("read");
        let capabilities = store.capabilities();
        assert_eq!(capabilities.durability, durability, "{name} = {value}");
        assert!(capabilities.warnings.concat().contains(warns), "{capabilities:?}");
        assert_eq!(capabilities.warnings.is_empty(), warns.is_empty(), "{capabilities:?}");
    }
}
