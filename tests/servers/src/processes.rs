//! What runs in a directory, and what it has cost.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// The processes whose current directory is `directory`. A process that has ended is none of them, even if
/// nobody waited for it yet.
pub(crate) fn running_in(directory: &Path) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap_or_else(|error| panic!("/proc cannot be read: {error}"));
    let processes = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_there = |id: &u32| fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|at| at == directory);
    processes.filter(is_there).collect()
}

/// Sends a signal to a process that may be gone already.
pub(crate) fn signal(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(process, signal);
    }
}

/// Kills all that runs in `directory`, and waits until it is gone.
pub(crate) fn kill_all_in(directory: &Path) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let running = running_in(directory);
        if running.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "{running:?} in {} cannot be killed", directory.display());
        running.into_iter().for_each(|process| signal(process, Signal::KILL));
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The time that a process, its children, and those of its children that have ended, spent on a processor.
pub(crate) fn cpu_time(parent: u32, children: &[u32]) -> Duration {
    let living = children.iter().chain((!children.contains(&parent)).then_some(&parent));
    living.map(|process| scheduled(*process)).sum::<Duration>() + of_ended(parent)
}

/// What the scheduler counted, in nanoseconds. Processes have one thread each.
fn scheduled(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/schedstat")).unwrap_or_default();
    let nanos = stat.split_whitespace().next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// User and system time of the children that ended, which are the 16th and the 17th field.
fn of_ended(parent: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{parent}/stat")).unwrap_or_default();
    // The name, in parentheses, may have spaces.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace().skip(13);
    let ticks: u64 = fields.take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let in_a_second = rustix::param::clock_ticks_per_second();
    Duration::from_nanos(ticks * 1_000_000_000 / in_a_second.max(1))
}
