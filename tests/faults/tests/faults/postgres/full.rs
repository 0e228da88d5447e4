//! A server whose disk is full.

use super::HASTE;
use crate::machine::Mounted;
use crate::say;
use crate::writer::Plan;
use faults::{Ledger, Loss, Tail};
use servers::postgres::Server;

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_full_disk_is_an_honest_error_and_the_store_goes_on_when_there_is_room() {
    for is_log in [false, true] {
        let (place, mut ledger) = (Mounted::memory(if is_log { 90 } else { 150 } << 10), Ledger::default());
        let builder = Server::builder().setting("max_wal_size", "32MB").setting("min_wal_size", "32MB");
        // Without room for its log the server gives up, and with it everybody's session.
        let builder = if is_log {
            builder.in_memory().log_below(place.path()).setting("max_wal_size", "1GB")
        } else {
            builder.below(place.path())
        };
        let server = builder.start();
        let reserve = place.path().join("reserve");
        std::fs::write(&reserve, vec![0; 40 << 20]).expect("room");
        let url = format!("{}?{HASTE}", server.create_database("tally"));
        let tail = Tail::follow(&url);
        let mut writer = Plan::new(0, &url).options("--concurrency 4 --filler 20000 --persist").start();
        writer.until(|report| report.failed.len() >= 20);
        let full = server.log().contains("No space left on device");
        assert!(full, "{:?} {}", writer.report().failed, server.log());
        let panics = server.log().matches("PANIC").count();
        assert_eq!(panics > 0, is_log, "{}", server.log());

        std::fs::remove_file(&reserve).expect("our file");
        if !server.is_running() {
            server.stop();
            server.start_again();
        }
        let stored = writer.report().stored.len();
        writer.until(|report| report.stored.len() >= stored + 20);
        let report = writer.kill().report;
        for variant in report.failures().into_keys() {
            assert!(matches!(variant, "Unavailable" | "Unknown"), "{:?}", report.failed);
        }
        ledger.take(&report);
        let checked = ledger.check(&url, Loss::Nothing).await;
        let seen = tail.finish(&url).await;
        let what = if is_log { "its log" } else { "tables" };
        let failures = report.failures();
        say(format_args!(
            "a server had no room for {what}, {panics} panics: {checked}; {seen}; errors: {failures:?}"
        ));
    }
}
