//! Snapshots: one a stream, the newest.

use super::*;

fn snapshot(version: u64, fingerprint: u64) -> Snapshot {
    let state = Encoded::new(Format::Json, version.to_string().as_bytes());
    Snapshot { version: Version::new(version), commit: id(version.into()), fingerprint, state }
}

#[tokio::test]
async fn the_newest_of_a_fingerprint_is_kept() {
    for durability in [Durability::Fsync, Durability::ProcessCrash] {
        let place = Place::new();
        let store = open(&place.path(), durability).await;
        let order = stream("order/1");
        append(&store, commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
        let save =
            async |snapshot: &Snapshot| store.save_snapshot(&order, snapshot.clone()).await.expect("saved");
        let load = async || store.load_snapshot(&order).await.expect("an answer");

        assert_eq!(load().await, None);
        let (three, five) = (snapshot(3, u64::MAX), snapshot(5, u64::MAX));
        save(&five).await;
        assert_eq!(load().await, Some(five.clone()));
        save(&three).await;
        assert_eq!(load().await, Some(five.clone()), "an older one replaced it");
        let other = snapshot(2, 7);
        save(&other).await;
        assert_eq!(load().await, Some(other), "one of another program did not replace it");

        assert_eq!(store.load_snapshot(&stream("order/2")).await.expect("an answer"), None);
        store.delete_snapshot(&order).await.expect("deleted");
        store.delete_snapshot(&order).await.expect("deleted before");
        store.delete_snapshot(&stream("order/2")).await.expect("never there");
        assert_eq!(load().await, None);
        assert_eq!(whole(&store, "order/1").await.len(), 1);
    }
}

#[tokio::test]
async fn a_snapshot_that_makes_no_sense_is_an_error_of_its_own() {
    let place = Place::new();
    let store = place.open_fast().await;
    let order = stream("order/1");
    for damage in ["version = -1", "format = 9", "commit_id = x'01'"] {
        store.save_snapshot(&order, snapshot(3, 1)).await.expect("saved");
        place.sql(&format!("UPDATE es_snapshot SET {damage}, fingerprint = 2"));
        let loaded = store.load_snapshot(&order).await;
        assert!(
            matches!(&loaded, Err(ReadError::Corrupt { at, .. }) if at == "the snapshot of `order/1`"),
            "{damage}: {loaded:?}"
        );
    }
}
