//! Files that are not as they should be: a typed error that says where, and never a panic.

use super::*;

/// A store with two streams of three commits each, closed.
async fn filled() -> Place {
    let place = Place::new();
    let store = place.open_fast().await;
    for n in 0..6_u64 {
        let mut commit = commit(n.into(), &format!("order/{}", n % 2), Expected::Any, 2);
        let events = commit.events.iter().cloned().map(|mut event| {
            event.metadata = Arc::new(Metadata::new().with_actor("ada"));
            event
        });
        commit.events = NonEmpty::new(events.collect()).expect("two");
        append(&store, commit).await.expect("stored");
    }
    drop(store);
    place
}

fn expect_corrupt<T: std::fmt::Debug>(what: &str, at: &str, result: Result<T, ReadError>) {
    let Err(ReadError::Corrupt { at: found, .. }) = &result else { panic!("{what}: {result:?}") };
    assert_eq!(found, at, "{what}: {result:?}");
}

#[tokio::test]
async fn a_value_that_makes_no_sense_is_named() {
    let third = "stream = 1 AND version = 3";
    for (change, at) in [
        ("format = 9", "`order/0` version 3"),
        ("format = -1", "`order/0` version 3"),
        ("format = 256", "`order/0` version 3"),
        ("schema_version = 65536", "`order/0` version 3"),
        ("schema_version = -1", "`order/0` version 3"),
        ("commit_id = x'00'", "`order/0` version 3"),
        ("recorded_at = -1", "`order/0` version 3"),
        ("occurred_at = 9223372036854775807", "`order/0` version 3"),
        ("metadata = x'7b'", "`order/0` version 3"),
        ("metadata = x'ff'", "`order/0` version 3"),
        ("name = 77", "`order/0` version 3"),
        ("place = 2", "`order/0` version 3"),
        ("place = -1", "`order/0` version 3"),
        ("commit_size = 0", "`order/0` version 3"),
        ("commit_size = 9223372036854775807", "`order/0` version 4"),
        ("position = -5", "`order/0` version 3"),
        ("version = -3", "`order/0` version 3"),
        ("version = 9223372036854775807", "`order/0` version 3"),
    ] {
        let place = filled().await;
        place.sql(&format!("PRAGMA foreign_keys = OFF; UPDATE es_event SET {change} WHERE {third}"));
        let store = place.open_fast().await;
        expect_corrupt(change, at, page(&store, "order/0", 1, Direction::Forward, 100).await);
        let backward = page(&store, "order/0", u64::MAX, Direction::Backward, 100).await;
        assert!(matches!(backward, Err(ReadError::Corrupt { .. })), "{change}: {backward:?}");
        let _ = log(&store, &Filter::all(), Limit::default()).await;
        let _ = store.find_commit(id(2)).await;
        let _ = append(&store, commit(2, "order/0", Expected::Any, 2)).await;
        assert_eq!(whole(&store, "order/1").await.len(), 6, "{change}: the other stream");
    }
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_named() {
    let place = filled().await;
    place.sql("UPDATE es_name SET name = CAST(x'ff' AS TEXT)");
    let store = place.open_fast().await;
    let read = page(&store, "order/0", 1, Direction::Forward, 100).await;
    expect_corrupt("name", "`order/0` version 1", read);
    drop(store);

    for change in
        ["key = CAST(x'ff' AS TEXT)", "category = CAST(x'61ff' AS TEXT)", "category = 'a b'", "key = ''"]
    {
        let place = filled().await;
        place.sql(&format!("UPDATE es_stream SET {change} WHERE id = 1"));
        let store = place.open_fast().await;
        let read = log(&store, &Filter::all(), Limit::default()).await;
        expect_corrupt(change, "position 1", read);
        expect_corrupt(change, &format!("commit {}", id(0)), store.find_commit(id(0)).await);
        assert_eq!(whole(&store, "order/1").await.len(), 6, "{change}: the other stream");
        append(&store, commit(77, "order/1", exactly(6), 1)).await.expect("stored");
    }
}

#[tokio::test]
async fn an_event_that_is_missing_is_never_passed_over() {
    for missing in 1..6_u64 {
        let place = filled().await;
        place.sql(&format!("DELETE FROM es_event WHERE stream = 1 AND version = {missing}"));
        let store = place.open_fast().await;
        let at = format!("`order/0` version {missing}");
        expect_corrupt("forward", &at, page(&store, "order/0", 1, Direction::Forward, 100).await);
        expect_corrupt("from it", &at, page(&store, "order/0", missing, Direction::Forward, 100).await);
        expect_corrupt("backward", &at, page(&store, "order/0", 6, Direction::Backward, 100).await);
        expect_corrupt("back from it", &at, page(&store, "order/0", missing, Direction::Backward, 100).await);
    }
    let place = filled().await;
    place.sql("DELETE FROM es_event WHERE stream = 1 AND version = 6");
    let store = place.open_fast().await;
    let read = page(&store, "order/0", 1, Direction::Forward, 100).await;
    expect_corrupt("the end of a commit", "`order/0` version 6", read);
}

#[tokio::test]
async fn bytes_that_are_flipped_give_an_error_or_the_truth() {
    let pristine = filled().await;
    let bytes = std::fs::read(pristine.path()).expect("the file");
    let truth = log(&pristine.open().await, &Filter::all(), Limit::default()).await.expect("a log").0;
    let mut damaged = 0;
    for start in (0..bytes.len()).step_by(307) {
        let place = Place::new();
        let mut bytes = bytes.clone();
        for byte in bytes.iter_mut().skip(start).take(64) {
            *byte ^= 0xff;
        }
        std::fs::write(place.path(), &bytes).expect("a file");
        let store = match Sqlite::options().open(place.path()).await {
            Ok(store) => store,
            Err(ConnectError::NotAStore { .. } | ConnectError::NewerSchema { .. }) => {
                damaged += 1;
                continue;
            }
            Err(ConnectError::Unavailable { .. }) => {
                damaged += 1;
                continue;
            }
            Err(error) => panic!("at {start}: {error:?}"),
        };
        match log(&store, &Filter::all(), Limit::events(4)).await {
            Ok((events, _)) => damaged += usize::from(events != truth),
            Err(ReadError::Corrupt { .. }) => damaged += 1,
            Err(error) => panic!("at {start}: {error:?}"),
        }
        for direction in [Direction::Forward, Direction::Backward] {
            match page(&store, "order/1", u64::MAX >> 1, direction, 100).await {
                Ok(_) | Err(ReadError::Corrupt { .. }) => {}
                Err(error) => panic!("at {start}: {error:?}"),
            }
        }
        let _ = store.find_commit(id(3)).await;
        let appended = append(&store, commit(100, "order/1", Expected::Any, 1)).await;
        assert!(
            matches!(appended, Ok(_) | Err(AppendError::Fatal(_) | AppendError::Unavailable(_))),
            "at {start}: {appended:?}"
        );
    }
    assert!(damaged > 0);
}

#[tokio::test]
async fn a_file_that_is_cut_off_gives_an_error() {
    let place = filled().await;
    let bytes = std::fs::read(place.path()).expect("the file");
    let truth = log(&place.open().await, &Filter::all(), Limit::default()).await.expect("a log").0;
    for length in [1, 99, 100, 512, 4_096, bytes.len() / 2, bytes.len() - 4_096, bytes.len() - 1] {
        let place = Place::new();
        std::fs::write(place.path(), &bytes[..length]).expect("a file");
        match Sqlite::options().open(place.path()).await {
            Ok(store) => match log(&store, &Filter::all(), Limit::default()).await {
                Ok((read, _)) => assert_eq!(read, truth, "{length}"),
                Err(error) => assert!(matches!(error, ReadError::Corrupt { .. }), "{length}: {error:?}"),
            },
            Err(error) => assert!(matches!(error, ConnectError::NotAStore { .. }), "{length}: {error:?}"),
        }
        if length < 512 {
            assert_eq!(std::fs::read(place.path()).expect("the file"), bytes[..length]);
        }
    }
}

#[tokio::test]
async fn a_store_whose_file_is_taken_away_takes_no_more_commits() {
    for durability in [Durability::Fsync, Durability::ProcessCrash] {
        let place = Place::new();
        let store = open(&place.path(), durability).await;
        append(&store, commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
        std::fs::rename(place.path(), place.folder.path().join("elsewhere.db")).expect("moved");
        std::thread::sleep(std::time::Duration::from_millis(2));
        for number in 2..4 {
            let refused = append(&store, commit(number, "order/1", Expected::Any, 1)).await;
            assert!(matches!(refused, Err(AppendError::Fatal(_))), "{refused:?}");
        }
    }
}
