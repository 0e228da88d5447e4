//! What it takes to go through a log of a million events. Each in a process of its own.

use benches::Failure;
use benches::long_log::{fill, peak_of, replay};
use benches::measure::{nanos, time};
use benches::report::{self, Goal};
use es_runtime::Store;
use std::process::Command;
use tokio::runtime::Builder;

const EVENTS: u64 = 1_000_000;

/// Which store the process is to read.
const STORE: &str = "BENCH_STORE";

fn main() -> Result<(), Failure> {
    if !report::is_wanted() {
        return Ok(());
    }
    if let Ok(url) = std::env::var(STORE) {
        return read(&url);
    }
    report::head("a log of a million events", ["us/event", "", "peak above"]);
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}?durability=process-crash", folder.path().join("log.db").display());
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async { fill(&Store::connect(&url).await?, EVENTS).await })?;
    for url in [url.as_str(), "memory:"] {
        let status = Command::new(std::env::current_exe()?).arg("--bench").env(STORE, url).status()?;
        if !status.success() {
            return Err(format!("the process that reads {url} ended with {status}").into());
        }
    }
    Ok(())
}

fn read(url: &str) -> Result<(), Failure> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let store = runtime.block_on(Store::connect(url))?;
    let name = url.split(':').next().unwrap_or_default();
    if name == "memory" {
        runtime.block_on(fill(&store, EVENTS))?;
    }
    let mut read = (0, 0);
    let time = time(|| {
        read = runtime.block_on(peak_of(replay(&store)))?;
        Ok(())
    })?;
    let (events, peak) = read;
    if events != EVENTS {
        return Err(format!("{events} events came back").into());
    }
    let each = format!("{:.2}", nanos(time.cpu, EVENTS as usize) / 1000.0);
    let peak = peak as f64 / f64::from(1 << 20);
    report::row(
        &format!("{name}: read and decoded by pages, CPU"),
        &each,
        "",
        (peak, " MiB"),
        Goal::AtMost(64.0),
    );
    Ok(())
}
