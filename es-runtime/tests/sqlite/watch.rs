//! Being told when another process writes.

use super::*;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(10);

/// How long it takes until who waits with `changes` is told of a commit by `writer`, in order.
async fn latencies(reader: &Sqlite, writer: &Sqlite, times: u128) -> Vec<Duration> {
    let mut changes = reader.changes();
    let mut latencies = Vec::new();
    for n in 0..times {
        let (mut cursor, began) = (reader.head().await.expect("an end"), Instant::now());
        append(writer, commit(1000 + n, "order/1", Expected::Any, 1)).await.expect("stored");
        loop {
            tokio::time::timeout(SOON, changes.changed()).await.expect("told").expect("open");
            let page = reader.read_all(&cursor, &Filter::all(), Limit::default()).await.expect("a page");
            cursor = page.next;
            if !page.events.is_empty() {
                break;
            }
        }
        latencies.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(7 + (n as u64 * 3) % 10)).await;
    }
    latencies.sort();
    latencies
}

#[tokio::test]
async fn who_listens_is_told_of_what_another_handle_writes() {
    let place = Place::new();
    let (reader, writer) = (place.open_fast().await, place.open_fast().await);
    let latencies = latencies(&reader, &writer, 100).await;
    let (p50, p99) = (latencies[50], latencies[99]);
    assert!(p50 < Duration::from_millis(25), "p50 {p50:?}, p99 {p99:?}");
}

#[tokio::test]
async fn who_listens_late_or_again_misses_nothing() {
    let place = Place::new();
    let (reader, writer) = (place.open_fast().await, place.open_fast().await);
    for number in 0..20 {
        let mut changes = reader.changes();
        append(&writer, commit(number, "order/1", Expected::Any, 1)).await.expect("stored");
        tokio::time::timeout(SOON, changes.changed()).await.expect("told").expect("open");
        drop(changes);
        tokio::time::sleep(Duration::from_millis(number as u64)).await;
    }
}

#[tokio::test]
async fn a_store_that_is_listened_to_closes_its_file_all_the_same() {
    let place = Place::new();
    let store = place.open_fast().await;
    let mut changes = store.changes();
    append(&store, commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
    changes.changed().await.expect("told");
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(store);
    assert!(!place.path().with_extension("db-wal").exists(), "somebody still has the file");
    while changes.changed().await.is_ok() {}
}

/// What it costs to listen, and how soon one is told. `cargo test --test sqlite -- --ignored --nocapture`
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "measures, and asserts nothing"]
async fn what_listening_costs() {
    let place = Place::new();
    let (reader, writer) = (place.open_fast().await, place.open_fast().await);
    append(&writer, commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
    let mut changes = reader.changes();
    tokio::time::sleep(Duration::from_millis(100)).await;
    changes.mark_unchanged();
    let (before, began) = (cpu(), Instant::now());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let share = (cpu() - before).as_secs_f64() / began.elapsed().as_secs_f64();
    let latencies = latencies(&reader, &writer, 500).await;
    let out = format!(
        "idle: {:.3} % of a core; told after p50 {:?}, p99 {:?}\n",
        share * 100.0,
        latencies[250],
        latencies[495]
    );
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes()).expect("said");
}

/// The processor time of this process, to a hundredth of a microsecond.
#[cfg(target_os = "linux")]
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the threads of this process");
    let time = |task: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(tasks.filter_map(time).sum())
}
