//! A disk whose flushes take their time.

use super::url;
use crate::say;
use crate::writer::Plan;
use faults::{Ledger, Loss};
use std::time::Instant;

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn slow_flushes_are_shared_by_those_who_wait() {
    let (folder, mut ledger) = (tempfile::tempdir().expect("a folder"), Ledger::default());
    let url = url(folder.path(), "fsync");
    // Of every flush, 4 ms: a disk that does 250 a second.
    let plan = Plan::new(0, &url).options("--commits 3200 --concurrency 64");
    let start = Instant::now();
    let ended = plan.fault("fsync,fdatasync:delay_enter=4000").start().finish();
    let took = start.elapsed();
    assert!(ended.report.is_done && ended.report.failed.is_empty(), "{:?}", ended.report.failed);
    let flushes = ended.calls.len();
    assert!(flushes > 0, "no flush was slow");
    // 16 streams and commits of one stream in a row: a batch is 16 at most.
    assert!(flushes * 8 < 3200, "{flushes} flushes for 3200 commits");
    ledger.take(&ended.report);
    let checked = ledger.check(&url, Loss::Nothing).await;
    say(format_args!("{flushes} flushes of 4 ms in {} ms: {checked}", took.as_millis()));
}
