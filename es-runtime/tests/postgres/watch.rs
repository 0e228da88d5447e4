//! Being told when another program stores events.

use super::*;
use std::time::Instant;

/// How long it takes until who waits with `changes` has a commit by `writer`, in order.
async fn latencies(reader: &Postgres, writer: &Postgres, times: u128) -> Vec<Duration> {
    let mut changes = reader.changes();
    let mut latencies = Vec::new();
    let mut cursor = reader.head().await.expect("an end");
    for n in 0..times {
        let began = Instant::now();
        append(writer, commit(1000 + n, "order/1", Expected::Any, 1)).await.expect("stored");
        loop {
            soon(changes.changed()).await.expect("open");
            let (events, next) = log_after(reader, cursor, &Filter::all()).await;
            cursor = next;
            if !events.is_empty() {
                break;
            }
        }
        latencies.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(7 + (n as u64 * 3) % 30)).await;
    }
    latencies.sort();
    latencies
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_is_told_of_what_another_program_stores() {
    let place = Place::new();
    let (reader, writer) = (place.open().await, place.open().await);
    let latencies = latencies(&reader, &writer, 100).await;
    let (p50, p99) = (latencies[50], latencies[99]);
    assert!(p50 < Duration::from_millis(25), "p50 {p50:?}, p99 {p99:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_late_or_again_misses_nothing() {
    let place = Place::new();
    let (reader, writer) = (place.open().await, place.open().await);
    for number in 0..20 {
        let mut changes = reader.changes();
        append(&writer, commit(number, "order/1", Expected::Any, 1)).await.expect("stored");
        soon(changes.changed()).await.expect("open");
        drop(changes);
        tokio::time::sleep(Duration::from_millis(number as u64 * 2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_is_replaced_without_a_word() {
    let place = Place::new();
    let (reader, writer) = (place.open().await, place.open().await);
    let mut changes = reader.changes();
    soon(changes.changed()).await.expect("open");
    place.sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE application_name = 'es-runtime' AND datname = current_database()",
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    let writer = Store::new(writer);
    writer.append(commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
    let (mut events, mut cursor) = (Vec::new(), Cursor::start());
    while events.is_empty() {
        soon(changes.changed()).await.expect("open");
        (events, cursor) = log_after(&reader, cursor, &Filter::all()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_looks_when_nobody_listens_or_the_store_is_gone() {
    let place = Place::new();
    let store = place.open().await;
    let looks = || -> u64 {
        place.sql("SELECT pg_stat_clear_snapshot()");
        let sql =
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
        place.sql(sql)[0][0].parse().expect("a number")
    };
    let changes = store.changes();
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(changes);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let before = looks();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    // Our own questions are a handful; the looks would be 75.
    assert!(looks() - before < 40, "{} looks", looks() - before);
    let mut changes = store.changes();
    drop(store);
    soon(async { while changes.changed().await.is_ok() {} }).await;
}

/// What it costs to listen, and how soon one is told. `cargo test --test postgres -- --ignored --nocapture`
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "measures, and asserts nothing"]
async fn what_listening_costs() {
    let place = Place::new();
    let (reader, writer) = (place.open().await, place.open().await);
    append(&writer, commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
    let _changes = reader.changes();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let pids = place.sql(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'es-runtime' \
                          AND datname = current_database()",
    );
    let pids: Vec<_> = pids.into_iter().map(|row| row[0].clone()).collect();
    let all = || cpu("self") + pids.iter().map(|pid| cpu(pid)).sum::<Duration>();
    let (before, ours, began) = (all(), cpu("self"), Instant::now());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let share = |time: Duration| 100.0 * time.as_secs_f64() / began.elapsed().as_secs_f64();
    let (both, ours) = (share(all() - before), share(cpu("self") - ours));
    let latencies = latencies(&reader, &writer, 500).await;
    let out = format!(
        "idle: {both:.3} % of a core, {ours:.3} % of it here; told after p50 {:?}, p99 {:?}\n",
        latencies[250], latencies[495]
    );
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes()).expect("said");
}

/// The processor time of a process.
#[cfg(target_os = "linux")]
fn cpu(process: &str) -> Duration {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Duration::ZERO };
    let time = |task: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(tasks.filter_map(time).sum())
}
