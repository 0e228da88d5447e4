//! Keeps a projection of numbered commits until its input ends, and says `wrote` for each event that a handler has
//! written rows for, before they are committed.
//!
//! ```text
//! follower URL [--lease-ms N] [--partitions N] [--batch N] [--hold-ms N]
//! ```

use es_runtime::prelude::*;
use faults::Counts;
use std::io::{Read, Write};
use std::time::Duration;

/// In one write, so that a reader of the pipe gets the whole line or nothing. Ends the program when nobody
/// listens any more.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(2);
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the URL of a store");
    let store = Store::connect(&url).await.unwrap_or_else(|error| panic!("it does not open: {error}"));
    let (mut lease, mut partitions, mut batch, mut hold) = (1000, 1, 4000, 0);
    while let Some(name) = arguments.next() {
        let number = arguments.next().and_then(|value| value.parse::<u64>().ok()).expect("a number");
        match name.as_str() {
            "--lease-ms" => lease = number,
            "--partitions" => partitions = number,
            "--batch" => batch = number,
            "--hold-ms" => hold = number,
            _ => panic!("there is no option {name}"),
        }
    }
    let process = std::process::id();
    let counts = Counts { process, hold: Duration::from_millis(hold), wrote: || say("wrote") };
    let projector = store.projection(counts).lease(Duration::from_millis(lease)).batch(batch as usize);
    let running = projector.partitions(partitions as u32).start().await;
    let running = running.unwrap_or_else(|error| panic!("it does not start: {error}"));

    let mut input = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    while tokio::time::timeout(Duration::from_millis(50), &mut input).await.is_err() {
        if let Ok(status) = running.status().await
            && let Some(error) = status.error
        {
            panic!("it has stopped following: {error}");
        }
    }
    running.stop().await;
}
