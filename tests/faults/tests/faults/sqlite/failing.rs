//! System calls that fail, and processes that are killed inside one.

use super::{LEVELS, url};
use crate::say;
use crate::writer::{Ended, Plan};
use es_runtime::Store;
use faults::{Checked, Ledger, Loss};

/// What a disk does: it is full, it cannot write, it cannot flush.
const FAULTS: [&str; 3] = ["pwrite64:error=ENOSPC", "pwrite64:error=EIO", "fsync,fdatasync:error=EIO"];

/// The calls of one thread at which it does so: once, or from then on.
const MOMENTS: [&str; 10] = ["1", "2", "3", "4", "5", "8", "13", "34", "3+", "9+"];

/// Whether the store tries again by itself before it reports an error.
const PATIENCE: [&str; 2] = ["", "--patient"];

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_disk_that_fails_is_an_honest_error_and_loses_nothing() {
    for fault in FAULTS {
        for durability in LEVELS {
            let (mut hits, mut unknown, mut checked) = (0, 0, Checked::default());
            for (moment, patience) in moments() {
                let folder = tempfile::tempdir().expect("a folder");
                let (url, mut ledger) = (url(folder.path(), durability), Ledger::default());
                ledger.check(&url, Loss::Nothing).await;
                let options = format!("--commits 40 --concurrency 4 --read {patience}");
                let plan = Plan::new(0, &url).options(&options).fault(&format!("{fault}:when={moment}"));
                // Its index, which is written while the store is opened, has a test of its own.
                let log = folder.path().join("tally.db-wal");
                let ended =
                    if fault.starts_with("pwrite64") { plan.only(&log) } else { plan }.start().finish();
                hits += injected(&ended);
                expect_honest(&ended, &format!("{fault} at {moment} with `{durability}`"));
                let report = ended.report;
                if !moment.ends_with('+') {
                    assert!(report.stored.len() >= 30, "it did not go on after {fault} at {moment}");
                }
                unknown += report.failures().get("Unknown").copied().unwrap_or(0);
                ledger.take(&report);
                checked += ledger.check(&url, Loss::Nothing).await;
                let store = Store::connect(&url).await.expect("a store");
                ledger.send_again(&store, &report, 0).await;
                drop(store);
                ledger.check(&url, Loss::Nothing).await;
            }
            assert!(hits > 0, "{fault} never came");
            if fault.ends_with("EIO") && durability == "fsync" {
                assert!(unknown > 0, "no commit was in doubt, so nothing was tried");
            }
            say(format_args!(
                "{fault} at `{durability}`, {hits} calls failed, {unknown} in doubt: {checked}"
            ));
        }
    }
}

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_store_that_cannot_be_opened_on_a_failing_disk_opens_when_it_works_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, mut ledger, mut checked) = (url(folder.path(), "fsync"), Ledger::default(), Checked::default());
    let (mut refusals, mut writer, file) = (0, 0, folder.path().join("tally.db"));
    for fault in ["pwrite64:error=ENOSPC", "pwrite64:error=EIO", "ftruncate:error=EIO", "pread64:error=EIO"] {
        for moment in ["1", "2", "8", "1+", "5+"] {
            writer += 1;
            let plan = Plan::new(writer, &url).options("--commits 3");
            let plan = plan.fault(&format!("{fault}:when={moment}"));
            // Elsewhere it would fail the program before it begins.
            let reads = fault.starts_with("pread64");
            let ended = if reads { plan.only(&file) } else { plan }.start().finish();
            refusals += usize::from(ended.report.refused.is_some());
            assert!(ended.report.is_done || ended.report.refused.is_some(), "{fault}: {:?}", ended.status);
            ledger.take(&ended.report);
            checked = ledger.check(&url, Loss::Nothing).await;
        }
    }
    assert!(refusals >= 10, "{refusals}");
    say(format_args!("refused {refusals} times: {checked}"));
}

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_checkpoint_that_fails_loses_nothing() {
    for fault in
        ["pwrite64:error=ENOSPC", "pwrite64:error=EIO", "fsync,fdatasync:error=EIO", "ftruncate:error=EIO"]
    {
        let (mut hits, mut checked) = (0, Checked::default());
        for moment in ["1", "1+"] {
            let folder = tempfile::tempdir().expect("a folder");
            let (url, mut ledger) = (url(folder.path(), "process-crash"), Ledger::default());
            ledger.check(&url, Loss::Nothing).await;
            // Above 16 MiB the log is copied into the file, and only that writes to the file.
            let plan = Plan::new(0, &url).options("--commits 700 --concurrency 4 --filler 20000 --read");
            let plan = plan.fault(&format!("{fault}:when={moment}")).only(&folder.path().join("tally.db"));
            let ended = plan.start().finish();
            hits += injected(&ended);
            expect_honest(&ended, fault);
            assert_eq!(ended.report.stored.len(), 700, "{:?}", ended.report.failures());
            ledger.take(&ended.report);
            checked += ledger.check(&url, Loss::Nothing).await;
        }
        assert!(hits > 0, "{fault} never came");
        say(format_args!("{fault} in a checkpoint, {hits} calls failed: {checked}"));
    }
}

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_process_that_is_killed_inside_a_write_or_a_flush_loses_nothing() {
    for durability in LEVELS {
        let folder = tempfile::tempdir().expect("a folder");
        let (url, mut ledger) = (url(folder.path(), durability), Ledger::default());
        let (mut kills, mut writer, mut checked) = (0, 0, ledger.check(&url, Loss::Nothing).await);
        for (call, moments) in [("pwrite64", 1..=24), ("fsync,fdatasync", 1..=8)] {
            for moment in moments {
                writer += 1;
                let plan = Plan::new(writer, &url).options("--commits 40 --concurrency 4");
                let ended = plan.fault(&format!("{call}:signal=SIGKILL:when={moment}")).start().finish();
                kills += usize::from(!ended.report.is_done);
                ledger.take(&ended.report);
                checked = ledger.check(&url, Loss::Nothing).await;
            }
        }
        assert!(kills > 20, "{kills}");
        say(format_args!("killed inside a call {kills} times at `{durability}`: {checked}"));
    }
}

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_process_that_is_killed_while_it_makes_the_store_leaves_no_half_of_it() {
    let (mut kills, mut checked) = (0, Checked::default());
    for (call, moments) in [("pwrite64", 1..=64), ("fsync,fdatasync", 1..=8), ("unlink", 1..=1)] {
        for moment in moments {
            let folder = tempfile::tempdir().expect("a folder");
            let (url, mut ledger) = (url(folder.path(), "fsync"), Ledger::default());
            let plan = Plan::new(0, &url).options("--commits 3");
            let ended = plan.fault(&format!("{call}:signal=SIGKILL:when={moment}")).start().finish();
            kills += usize::from(!ended.report.is_done);
            ledger.take(&ended.report);
            ledger.check(&url, Loss::Nothing).await;
            // Again, with what the first one wrote.
            checked += ledger.check(&url, Loss::Nothing).await;
        }
    }
    assert!(kills > 30, "{kills}");
    say(format_args!("killed {kills} times while it made the store: {checked}"));
}

/// A store that tries again by itself gets over a call that fails once, so only the others are of interest.
fn moments() -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = MOMENTS.iter().flat_map(|moment| PATIENCE.map(|patience| (*moment, patience)));
    all.filter(|(moment, patience)| patience.is_empty() || moment.ends_with('+') || *moment == "5")
}

/// How many calls failed.
fn injected(ended: &Ended) -> usize {
    ended.calls.iter().filter(|call| call.contains("(INJECTED)")).count()
}

/// Every error is one that a failing disk may give, the log can be read after it, and the writer came to its
/// end. (That it did not panic is seen to whenever a writer ends.)
fn expect_honest(ended: &Ended, fault: &str) {
    let report = &ended.report;
    for variant in report.failures().into_keys() {
        assert!(matches!(variant, "Unavailable" | "Unknown" | "Fatal"), "{fault}: {:?}", report.failed);
    }
    let unreadable = report.reads.iter().find(|read| read.is_err());
    assert!(unreadable.is_none(), "{fault}: {unreadable:?}");
    assert!(report.is_done, "{fault}: {:?}", ended.status);
}
