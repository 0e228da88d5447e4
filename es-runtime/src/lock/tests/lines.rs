//! Two branches, each with events of its own, meet.

use super::kit::{Program, event};
use crate::lock::Mode;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;

event! { "order.placed" 1 = Genesis; pub(super) struct Placed { total: u64 } }
event! { "order.paid" 1 = Genesis; pub(super) struct Paid { amount: u64 } }
// Right beside each other in the file, and alike: the worst that a merge can get.
event! { "order.refunded" 1 = Genesis; pub(super) struct Refunded { amount: u64 } }
event! { "order.returned" 1 = Genesis; pub(super) struct Returned { amount: u64 } }

fn git(dir: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.current_dir(dir).args(["-c", "user.name=test", "-c", "user.email=test@example.com"]).args(arguments);
    let done = git.output().expect("git is needed for this test; install it (Debian: apt-get install git)");
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn branches_that_add_different_events_merge() {
    let base = Program::new().event::<Placed>().event::<Paid>();
    let path = base.path();
    let dir = path.parent().expect("a directory");
    base.check(&Mode::Accept).expect("a lock");
    let before = base.text();
    git(dir, &["init", "-q", "-b", "main"]);
    std::fs::write(dir.join(".gitattributes"), "events.lock merge=union\n").expect("written");
    git(dir, &["add", "."]);
    git(dir, &["commit", "-qm", "base"]);

    git(dir, &["checkout", "-qb", "refunds"]);
    let refunds = base.anew().event::<Placed>().event::<Paid>().event::<Refunded>();
    refunds.check(&Mode::Accept).expect("allowed");
    assert_only_adds(&before, &refunds.text());
    git(dir, &["commit", "-qam", "refunds"]);

    git(dir, &["checkout", "-q", "main"]);
    let returns = base.anew().event::<Placed>().event::<Paid>().event::<Returned>();
    returns.check(&Mode::Accept).expect("allowed");
    assert_only_adds(&before, &returns.text());
    git(dir, &["commit", "-qam", "returns"]);

    git(dir, &["merge", "-q", "refunds", "-m", "both"]);
    let both = returns.anew().event::<Placed>().event::<Paid>().event::<Returned>().event::<Refunded>();
    assert!(both.check(&Mode::Check).expect("nothing is left to do").findings.is_empty());
}

/// An event leaves the lines of the others alone.
fn assert_only_adds(before: &str, after: &str) {
    let mut rest = after.lines();
    for line in before.lines() {
        assert!(rest.any(|other| other == line), "`{line}` is gone or has moved: {after}");
    }
}
