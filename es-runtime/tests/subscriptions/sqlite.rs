//! A file, closed and opened again, and written by others.

use crate::seam;
use crate::support::*;
use es_runtime::{Cursor, Filter, Limit, Store};
use tempfile::TempDir;

struct File(TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    async fn open(&self) -> Store {
        let path = self.0.path().join("events.db");
        Store::connect(&format!("sqlite:{}?durability=process-crash", path.display())).await.expect("a store")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_subscriber_sees_its_part_of_the_log_in_order_and_once() {
    let file = File::new();
    let store = file.open().await;
    seam::check(store.clone(), vec![store], 150).await;
}

/// As between processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_subscriber_sees_what_is_written_through_another_store() {
    let file = File::new();
    let readers = file.open().await;
    seam::check(readers, vec![file.open().await, file.open().await], 100).await;
}

#[tokio::test]
async fn a_kept_cursor_outlives_the_process() {
    let file = File::new();
    let (mut kept, mut seen) = (Vec::new(), Vec::new());
    for round in 0..4 {
        let store = file.open().await;
        for number in 0..5 {
            commit(&store, "a/1", round * 5 + number, &["one", "two", "three"]).await;
        }
        let cursor = Cursor::from_bytes(&kept).expect("ours");
        let subscribe = store.subscribe(Filter::all()).after(cursor).batch(Limit::events(4));
        let mut subscription = subscribe.start().await.expect("starts");
        // In the midst of a commit.
        for _ in 0..14 {
            seen.push(next(&mut subscription).await.id());
        }
        kept = subscription.cursor().to_bytes();
    }
    assert_eq!(seen, log(&file.open().await, &Filter::all()).await[..14 * 4]);
}
