//! Processes that are killed or stopped at any moment, and several on one file.

use super::{LEVELS, url};
use crate::writer::Plan;
use crate::{moment, say};
use es_runtime::Store;
use faults::{Checked, Ledger, Loss, Report, Tail};
use rustix::process::Signal;

#[tokio::test]
async fn a_process_that_is_killed_loses_nothing_that_was_acknowledged() {
    for durability in LEVELS {
        let (folder, mut ledger, mut checked) =
            (tempfile::tempdir().expect("a folder"), Ledger::default(), Checked::default());
        let url = url(folder.path(), durability);
        let tail = Tail::follow(&url);
        for round in 0..20 {
            let mut writer = Plan::new(round, &url).options("--concurrency 8").start();
            if round % 4 > 0 {
                // Else it may be killed while it opens the store.
                writer.until(|report| !report.stored.is_empty());
            }
            std::thread::sleep(moment(60));
            let ended = writer.kill();
            assert!(ended.report.failed.is_empty(), "{:?}", ended.report.failed);
            ledger.take(&ended.report);
            checked = ledger.check(&url, Loss::Nothing).await;
        }
        let seen = tail.finish(&url).await;
        say(format_args!("killed 20 times at `{durability}`: {checked}; {seen}"));
    }
}

#[tokio::test]
async fn processes_that_race_for_the_same_streams_write_each_commit_once() {
    for durability in LEVELS {
        let (folder, mut ledger) = (tempfile::tempdir().expect("a folder"), Ledger::default());
        let url = url(folder.path(), durability);
        let tail = Tail::follow(&url);
        let writer = |number| {
            let options = "--commits 150 --concurrency 4 --decide --persist --patient";
            Plan::new(number, &url).options(options).start()
        };
        for ended in [writer(0), writer(1)].map(|writer| writer.finish()) {
            assert!(ended.report.is_done, "{:?}", ended.status);
            assert_eq!(ended.report.stored.len(), 150);
            let only_conflicts = ended.report.failures().into_keys().all(|variant| variant == "Conflict");
            assert!(only_conflicts, "{:?}", ended.report.failed);
            ledger.take(&ended.report);
        }
        let checked = ledger.check(&url, Loss::Nothing).await;
        assert_eq!(checked.commits, 300);
        let seen = tail.finish(&url).await;
        say(format_args!("two processes at `{durability}`: {checked}; {seen}"));
    }
}

/// Who is stopped inside a flush, in the middle of a commit, keeps the write lock.
const STOP_INSIDE: &str = "fsync,fdatasync:signal=SIGSTOP:when=6";

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_process_that_stops_while_it_writes_holds_others_up_and_harms_nothing() {
    for (way, durability) in
        [(Signal::CONT, "fsync"), (Signal::KILL, "fsync"), (Signal::CONT, "process-crash")]
    {
        let (folder, mut ledger) = (tempfile::tempdir().expect("a folder"), Ledger::default());
        let path = url(folder.path(), "fsync");
        // Made before, so that the flushes that are counted are those of commits.
        ledger.check(&path, Loss::Nothing).await;
        let tail = Tail::follow(&path);
        let url = format!("{}&busy_timeout_ms=150", url(folder.path(), durability));
        let options = "--commits 100 --pause-ms 10 --decide --persist --read";
        let mut other = Plan::new(1, &url).options(options).start();
        other.until(|report| !report.stored.is_empty());
        let options = "--commits 60 --decide --persist";
        let mut stopped = Plan::new(0, &path).options(options).fault(STOP_INSIDE).start();

        let is_stuck =
            |report: &Report| report.failures().get("Unavailable").is_some_and(|count| *count >= 3);
        let report = other.until(is_stuck);
        for (_, failure) in report.failed.iter().filter(|(_, failure)| failure.variant != "Conflict") {
            assert!(failure.message.contains("another process"), "{failure:?}");
            assert!(matches!(&*failure.variant, "Unavailable" | "Unknown"), "{failure:?}");
        }
        let readable = report.reads.iter().all(|read| read.as_ref().is_ok_and(|events| *events > 0));
        assert!(readable && !report.reads.is_empty(), "{:?}", report.reads);
        drop(Store::connect(&url).await.expect("whoever only looks needs no write lock"));

        stopped.signal(way);
        let other = other.finish().report;
        let stopped = stopped.finish().report;
        assert_eq!(other.stored.len(), 100);
        assert_eq!(stopped.is_done, way == Signal::CONT);
        ledger.take(&other);
        ledger.take(&stopped);
        let checked = ledger.check(&path, Loss::Nothing).await;
        let seen = tail.finish(&path).await;
        say(format_args!("stopped, then {way:?}, the other at `{durability}`: {checked}; {seen}"));
    }
}
