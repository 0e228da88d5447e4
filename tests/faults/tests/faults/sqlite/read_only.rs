//! Places that can be read but not written, from the beginning or all of a sudden.

use super::{LEVELS, url};
use crate::machine::Mounted;
use crate::say;
use crate::writer::Plan;
use es_runtime::{ConnectError, Store};
use faults::{Checked, Ledger, Loss};
use rustix::process::Signal;
use std::time::Duration;

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_store_on_a_read_only_file_system_is_refused_with_a_sentence_that_says_so() {
    let (place, mut ledger) = (Mounted::memory(4096), Ledger::default());
    let url = url(place.path(), "fsync");
    let refusal = async |what: &str| match Store::connect(&url).await {
        Err(error @ ConnectError::Unavailable { .. }) => {
            let error = error.to_string();
            let says_so = error.contains("not written") || error.contains("Read-only file system");
            assert!(says_so, "{what}: {error}");
            error
        }
        other => panic!("{what}: {other:?}"),
    };

    place.remount("ro");
    say(refusal("no file").await);
    place.remount("rw");
    ledger.check(&url, Loss::Nothing).await;
    place.remount("ro");
    say(refusal("a store").await);
    place.remount("rw");
    // Its log is left behind.
    let mut writer = Plan::new(0, &url).start();
    writer.until(|report| report.stored.len() >= 20);
    ledger.take(&writer.kill().report);
    place.remount("ro");
    say(refusal("a store whose writer was killed").await);
    place.remount("rw");
    let checked = ledger.check(&url, Loss::Nothing).await;
    say(format_args!("read-only, then not: {checked}"));
}

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_store_that_becomes_read_only_takes_nothing_more_and_can_still_be_read() {
    let mut checked = Checked::default();
    for durability in LEVELS {
        let (disk, mut ledger) = (Mounted::disk(256), Ledger::default());
        let url = url(disk.path(), durability);
        let mut writer = Plan::new(0, &url).options("--concurrency 2 --pause-ms 2 --read").start();
        writer.until(|report| report.stored.len() >= 50);
        // Not in the middle of a flush: the kernel may call one a success that it breaks off for the error.
        writer.signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(50));
        disk.become_read_only();
        writer.signal(Signal::CONT);
        writer.until(|report| report.failed.len() >= 20 && report.reads.len() >= 20);
        let stored = writer.report().stored.len();
        writer.until(|report| report.failed.len() >= 30);
        let report = writer.kill().report;
        assert_eq!(report.stored.len(), stored, "something was stored where nothing can be");
        for (_, failure) in &report.failed {
            assert!(matches!(&*failure.variant, "Unavailable" | "Unknown"), "{failure:?}");
        }
        let (_, last) = report.failed.last().expect("it failed");
        assert!(last.variant == "Unavailable" && last.message.contains("cannot be written"), "{last:?}");
        let unreadable = report.reads.iter().find(|read| read.is_err());
        assert!(unreadable.is_none(), "{unreadable:?}");
        ledger.take(&report);
        disk.restore_power();
        // What was not flushed by then never will be.
        let loss = if durability == "fsync" { Loss::Nothing } else { Loss::Newest };
        checked += ledger.check(&url, loss).await;
    }
    say(format_args!("became read-only: {checked}"));
}
