//! The import: a file of commands, carried out once, whatever happens on the way.
//!
//! # What "once" means
//!
//! However often an import is run, and however hard it is killed, the store ends up as after one undisturbed
//! run. Nothing but the store remembers how far it came:
//!
//! - The id of a commit derives from the import's name and the line's number, so no line is stored twice.
//! - Each event carries both, and a fingerprint of the line, in its headers.
//! - Before the first line of an order is decided, the order's history is read, once a run. Its last event of
//!   this import tells how far the order is done: that line and every earlier one of the order are counted as
//!   done and not decided again. A refused line among them must not be: it would meet the state after lines
//!   that came later. A refused line behind them is decided again, and refused again: it left no trace, and
//!   nothing of this import came after it. (Where somebody else has changed the order since, a new answer is
//!   the right one.)
//! - A command is decided on exactly the version up to which the history was read
//!   ([`expect_version`](es_runtime::Command::expect_version)). Where somebody else was faster, the rest of the
//!   history is read first. If that was the same import in another process, it may have done this very line.
//!
//! A commit is stored as a whole or not at all, and the lines of an order are carried out one after the other,
//! so after a kill each order stands after one of its lines: a state that an undisturbed run passes through.
//!
//! # Lines
//!
//! An order belongs to one of N workers, by a hash of its id; so its lines keep their order, while different
//! orders share the store's batches. A blank line is skipped, but has a number. A bad line is reported and
//! left out, and so is one that changed since it was carried out, as its fingerprint tells; a changed line
//! that was refused before cannot be told from an unchanged one. Of a file that grew the new lines are left
//! to do.
//!
//! Memory grows with the number of orders, not of lines: lines are read when there is room for them, and what
//! is remembered of an order is its id and two numbers (and, while a file is run again, the fingerprints that
//! are still to compare).

mod lines;
mod progress;
mod worker;

use crate::failure::{Failure, complain};
use crate::overview::print_json;
use es_runtime::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use lines::{Input, Line, parse};
use order::{Command, Order, OrderId, Refusal};
use serde::Serialize;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use uuid::Uuid;
use worker::Worker;

/// How many lines wait for a worker, and how many bytes for all of them.
const WAITING_LINES: usize = 64;
const WAITING_BYTES: usize = 16 << 20;

/// What is to be imported, and where to.
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    pub(crate) store: String,
    pub(crate) concurrency: usize,
}

/// What came of it. The keys stay, so that programs can rely on them.
#[derive(Debug, Default, Serialize)]
struct Summary {
    accepted: u64,
    refused: BTreeMap<Refusal, u64>,
    /// How often somebody else changed an order first, so that its line had to be looked at again.
    conflicts_retried: u64,
    /// What this run stored, by name.
    events: BTreeMap<String, u64>,
    /// How many orders the lines spoke of.
    orders: u64,
    /// Lines that an earlier run carried out, or refused before it carried out later ones.
    done_before: u64,
    bad_lines: u64,
    changed_lines: u64,
    events_per_second: f64,
    seconds: f64,
}

/// What all workers share.
struct Import {
    name: String,
    id: CommitId,
    orders: Repository<Order>,
    bar: ProgressBar,
}

/// A command on its way to a worker.
struct Job {
    line: Line,
    at: es_runtime::Timestamp,
    order: OrderId,
    command: Command,
    /// Room in memory, given back when it is done.
    _room: OwnedSemaphorePermit,
}

pub(crate) async fn run(source: Source) -> Result<ExitCode, Failure> {
    let mut input = Input::open(&source.file).await?;
    let orders = Store::connect(&source.store).await?.repository();
    let (id, bar) = (CommitId::derive(&CommitId::ROOT, &source.name), progress_bar(input.length()));
    let import = Arc::new(Import { name: source.name, id, orders, bar });

    let start = Instant::now();
    let (mut workers, mut senders) = (JoinSet::new(), Vec::new());
    for _ in 0..source.concurrency {
        let (sender, jobs) = mpsc::channel(WAITING_LINES);
        workers.spawn(Worker::new(Arc::clone(&import)).run(jobs));
        senders.push(sender);
    }
    // The first failure of either side drops the other, which stops between two steps and loses nothing.
    let (bad_lines, mut summary) =
        tokio::try_join!(hand_out(&mut input, senders, &import), collect(workers))?;
    import.bar.finish_and_clear();

    summary.bad_lines = bad_lines;
    summary.set_speed(start.elapsed());
    print_json(&summary)?;
    Ok(if summary.bad_lines + summary.changed_lines > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Reads the lines and gives each to the worker of its order. Counts those that are bad.
async fn hand_out(
    input: &mut Input,
    workers: Vec<mpsc::Sender<Job>>,
    import: &Import,
) -> Result<u64, Failure> {
    let mut bad_lines = 0;
    let room = Arc::new(Semaphore::new(WAITING_BYTES));
    let hasher = BuildHasherDefault::<DefaultHasher>::new();
    while let Some(text) = input.next().await? {
        let entry = match parse(&text) {
            Ok(Some(entry)) => entry,
            Ok(None) => continue,
            Err(reason) => {
                bad_lines += 1;
                import.complain(format_args!("line {} is bad: {reason}", text.number));
                continue;
            }
        };
        let size = u32::try_from(text.bytes.len()).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&room).acquire_many_owned(size).await else { break };
        let worker = hasher.hash_one(&entry.order) as usize % workers.len();
        let line =
            Line { number: text.number, fingerprint: import.fingerprint(text.bytes), size: size.into() };
        let job = Job { line, at: entry.at, order: entry.order, command: entry.command, _room: room };
        if workers[worker].send(job).await.is_err() {
            break; // The worker failed, and `collect` tells why.
        }
    }
    Ok(bad_lines)
}

async fn collect(mut workers: JoinSet<Result<Summary, Failure>>) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    while let Some(part) = workers.join_next().await {
        summary.add(part??);
    }
    Ok(summary)
}

impl Import {
    fn commit_id(&self, line: &Line) -> CommitId {
        CommitId::derive(&self.id, &line.number.to_string())
    }

    /// What tells whether a line is still the same.
    fn fingerprint(&self, bytes: &[u8]) -> Uuid {
        Uuid::new_v5(self.id.as_uuid(), bytes)
    }

    fn note(&self, line: &Line) -> Metadata {
        Metadata::new()
            .with_header("import", &*self.name)
            .with_header("line", line.number.to_string())
            .with_header("line_hash", line.fingerprint.to_string())
    }

    /// The line that an event came from, if it came from this import.
    fn line_noted_in(&self, metadata: &Metadata) -> Option<(u64, Uuid)> {
        let header = |name| metadata.headers().get(name).map(|value| &**value);
        (header("import")? == self.name).then_some(())?;
        Some((header("line")?.parse().ok()?, header("line_hash")?.parse().ok()?))
    }

    fn complain(&self, text: std::fmt::Arguments<'_>) {
        self.bar.suspend(|| complain(text));
    }
}

impl Summary {
    fn add(&mut self, part: Self) {
        self.accepted += part.accepted;
        self.conflicts_retried += part.conflicts_retried;
        self.orders += part.orders;
        self.done_before += part.done_before;
        self.changed_lines += part.changed_lines;
        for (reason, count) in part.refused {
            *self.refused.entry(reason).or_default() += count;
        }
        for (event, count) in part.events {
            *self.events.entry(event).or_default() += count;
        }
    }

    fn set_speed(&mut self, elapsed: Duration) {
        let events = self.events.values().sum::<u64>() as f64;
        self.seconds = (elapsed.as_secs_f64() * 1000.0).round() / 1000.0;
        self.events_per_second = (events / elapsed.as_secs_f64().max(0.001)).round();
    }
}

/// On a terminal; elsewhere it shows nothing.
fn progress_bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{wide_bar} {bytes}/{total_bytes}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}"),
    };
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
