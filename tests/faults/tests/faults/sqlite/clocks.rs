//! A clock that jumps.

use super::url;
use crate::clock::FakeClock;
use crate::say;
use crate::writer::Plan;
use faults::{Ledger, Loss, Tail};

#[tokio::test]
#[ignore = "needs libfaketime: tests/run --faults"]
async fn a_clock_that_jumps_harms_nothing_and_never_goes_back_within_a_stream() {
    let (folder, clock, mut ledger) =
        (tempfile::tempdir().expect("a folder"), FakeClock::new(), Ledger::default());
    let url = url(folder.path(), "fsync");
    let tail = Tail::follow(&url);
    let plan = Plan::new(0, &url).options("--concurrency 4 --decide").environment(clock.environment());
    let mut writer = plan.start();
    for by in ["-2h", "+400d", "+0", "-10d", "+1h"] {
        let stored = writer.report().stored.len();
        clock.jump(by);
        writer.until(|report| report.stored.len() >= stored + 40);
    }
    let report = writer.kill().report;
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    ledger.take(&report);
    let checked = ledger.check(&url, Loss::Nothing).await;
    assert!(checked.days >= 400, "the clock was right all the time");
    let seen = tail.finish(&url).await;
    say(format_args!("a clock jumped five times: {checked}; {seen}"));
}
