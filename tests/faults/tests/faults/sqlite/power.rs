//! A disk that loses power.

use super::url;
use crate::machine::Mounted;
use crate::say;
use crate::writer::{Plan, Running};
use faults::{Checked, Ledger, Loss, Report, Tail};
use std::time::Duration;

/// So often power is lost at each level.
const CUTS: u64 = 8;

/// Loses power and gets it back. Answers with what the writer had said before: a flush that is under way while
/// the power goes may be called a success by the kernel, but then nobody would be there to hear of it.
fn cut(disk: &Mounted, mut writer: Running, tail: Option<&Tail>) -> Report {
    let said = writer.report().clone();
    disk.cut_power();
    std::thread::sleep(Duration::from_millis(20));
    writer.kill();
    tail.inspect(|tail| tail.release());
    disk.restore_power();
    tail.inspect(|tail| tail.go_on());
    said
}

/// Loses power again and again while `durability` is asked for. Each time what was acknowledged is there,
/// except for `loss`, and the store goes on.
async fn cut_again_and_again(durability: &str, loss: Loss) -> Checked {
    let (disk, mut ledger, mut checked) = (Mounted::disk(256), Ledger::default(), Checked::default());
    let (url, mut lost) = (url(disk.path(), durability), 0);
    // What was not flushed may be seen and then be gone.
    let tail = (loss == Loss::Nothing).then(|| Tail::follow(&url));
    for round in 0..CUTS {
        let mut writer = Plan::new(round, &url).options("--concurrency 8").start();
        // Also just after the store was made, and just after it was opened.
        let few = [1, 1, 40, 200][(round % 4) as usize];
        writer.until(|report| report.stored.len() >= few);
        std::thread::sleep(Duration::from_millis(37 * (round % 4)));
        if loss == Loss::Newest {
            // Some of what nobody flushed is on the disk all the same.
            disk.write_back();
        }
        ledger.take(&cut(&disk, writer, tail.as_ref()));
        checked = ledger.check(&url, loss).await;
        lost += checked.lost;
    }
    if let Some(tail) = tail {
        say(tail.finish(&url).await);
    }
    Checked { lost, ..checked }
}

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let checked = cut_again_and_again("fsync", Loss::Nothing).await;
    say(format_args!("{CUTS} power cuts at `fsync`: {checked}"));
}

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_power_cut_may_cost_the_newest_commits_of_a_process_crash_store_but_no_part_of_one() {
    let checked = cut_again_and_again("process-crash", Loss::Newest).await;
    say(format_args!("{CUTS} power cuts at `process-crash`: {checked}"));
}

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn what_is_acknowledged_after_a_flush_that_failed_survives_a_power_cut() {
    let mut checked = Checked::default();
    for moment in ["3", "4", "5", "7"] {
        let (disk, mut ledger) = (Mounted::disk(256), Ledger::default());
        let url = url(disk.path(), "fsync");
        ledger.check(&url, Loss::Nothing).await;
        let fault = format!("fsync,fdatasync:error=EIO:when={moment}");
        let plan = Plan::new(0, &url).options("--concurrency 4 --persist").fault(&fault);
        let mut writer = plan.start();
        writer.until(|report| !report.failed.is_empty());
        let before = writer.report().stored.len();
        writer.until(|report| report.stored.len() >= before + 30);
        ledger.take(&cut(&disk, writer, None));
        checked += ledger.check(&url, Loss::Nothing).await;
    }
    say(format_args!("a failed flush, then a power cut: {checked}"));
}
