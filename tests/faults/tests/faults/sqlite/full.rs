//! A disk that is full.

use super::{LEVELS, url};
use crate::machine::Mounted;
use crate::say;
use es_runtime::{AppendError, ConnectError, Retry, Store};
use faults::{Checked, Failure, Ledger, Line, Loss, Report, Tail};
use std::fs;

/// Appends so many commits one after another.
async fn append(store: &Store, report: &mut Report, numbers: std::ops::Range<u64>, filler: usize) {
    for number in numbers {
        report.take(match store.append(report.commit(number).commit(filler)).await {
            Ok(appended) => Line::Stored(number, appended.range().last.get()),
            Err(error) => {
                let is_full = matches!(&error, AppendError::Unavailable(cause) if cause.to_string().contains("disk is full"));
                assert!(is_full, "{error:?}");
                Line::Failed(number, Failure::from(&error))
            }
        });
        if report.failed.len() > 20 {
            return;
        }
    }
}

/// Fills a disk of so many KiB, reads, makes room, and goes on with the same store.
async fn fill(kib: u64, filler: usize, durability: &str) -> Checked {
    let (place, mut ledger, mut report) = (Mounted::memory(kib), Ledger::default(), Report::new(0));
    let reserve = place.path().join("reserve");
    fs::write(&reserve, vec![0; 512 << 10]).expect("room");
    let url = url(place.path(), durability);
    let store = Store::builder().retry(Retry::never()).connect(&url).await.expect("a store");
    let tail = Tail::follow(&url);
    append(&store, &mut report, 0..5_000, filler).await;
    assert!(!report.failed.is_empty() && report.stored.len() > 40, "{} stored", report.stored.len());
    ledger.take(&report);
    ledger.check_open(&store, Loss::Nothing).await;
    match Store::connect(&url).await {
        Ok(other) => _ = ledger.check_open(&other, Loss::Nothing).await,
        Err(ConnectError::Unavailable { reason, .. }) => {
            assert!(reason.to_string().contains("full"), "{reason}");
        }
        Err(error) => panic!("{error}"),
    }

    fs::remove_file(&reserve).expect("our file");
    let mut more = Report::new(1);
    append(&store, &mut more, 0..20, 0).await;
    assert_eq!(more.stored.len(), 20, "it did not go on: {:?}", more.failed);
    ledger.take(&more);
    place.remount(&format!("size={}k", 2 * kib));
    let mut again = Report::new(2);
    append(&store, &mut again, 0..50, filler).await;
    assert_eq!(again.stored.len(), 50, "it did not go on: {:?}", again.failed);
    ledger.take(&again);
    ledger.check_open(&store, Loss::Nothing).await;
    drop(store);
    let checked = ledger.check(&url, Loss::Nothing).await;
    assert!(tail.finish(&url).await.events >= checked.commits);
    checked
}

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_full_disk_is_a_typed_error_and_the_same_store_goes_on_when_there_is_room() {
    for durability in LEVELS {
        let mut checked = Checked::default();
        // Each size leaves another part of a commit without room.
        for kib in [2600, 2604, 2608, 2612, 2616, 2620, 2624, 2628] {
            checked += fill(kib, 1500, durability).await;
        }
        // Large enough for the log to be copied into the file, and for the copy to find no room.
        checked += fill(24 << 10, 40_000, durability).await;
        checked += fill(40 << 10, 40_000, durability).await;
        say(format_args!("ten full disks at `{durability}`: {checked}"));
    }
}
