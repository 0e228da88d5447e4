//! Writes numbered commits to a store and says what it was told about each, a line each, before anything else
//! happens to it.
//!
//! ```text
//! writer URL [--writer N] [--from N] [--commits N] [--concurrency N] [--filler BYTES] [--pause-ms N]
//!            [--decide] [--transactions] [--hold-ms N] [--persist] [--patient] [--read]
//! ```

mod transaction;

use es_runtime::prelude::*;
use es_runtime::{ConnectError, Cursor, Filter, Limit, Retry};
use faults::{Failure, Line, Numbered, Tally};
use std::cell::Cell;
use std::io::Write;
use std::time::Duration;
use transaction::Transactions;

struct Options {
    url: String,
    writer: u64,
    /// The number of the first commit.
    from: u64,
    /// How many to write.
    commits: u64,
    concurrency: u64,
    /// Bytes that each event has more than it needs.
    filler: usize,
    /// How long to wait after each commit.
    pause: Duration,
    /// Load an aggregate and decide, where a plain append would do.
    decide: bool,
    /// Append in a transaction of its own, where a plain append would do.
    transactions: bool,
    /// How long to hold each of these open.
    hold: Duration,
    /// Send a commit that failed again until it is stored.
    persist: bool,
    /// Let the store try again by itself before it reports a failure.
    patient: bool,
    /// Read the log after each failure.
    read: bool,
}

fn options() -> Options {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options {
        url: arguments.next().expect("the URL of a store"),
        writer: 0,
        from: 0,
        commits: u64::MAX / 2,
        concurrency: 1,
        filler: 0,
        pause: Duration::ZERO,
        decide: false,
        transactions: false,
        hold: Duration::ZERO,
        persist: false,
        patient: false,
        read: false,
    };
    while let Some(name) = arguments.next() {
        let mut number = || arguments.next().and_then(|value| value.parse().ok()).expect("a number");
        match name.as_str() {
            "--writer" => options.writer = number(),
            "--from" => options.from = number(),
            "--commits" => options.commits = number(),
            "--concurrency" => options.concurrency = number(),
            "--filler" => options.filler = number() as usize,
            "--pause-ms" => options.pause = Duration::from_millis(number()),
            "--decide" => options.decide = true,
            "--transactions" => options.transactions = true,
            "--hold-ms" => options.hold = Duration::from_millis(number()),
            "--persist" => options.persist = true,
            "--patient" => options.patient = true,
            "--read" => options.read = true,
            _ => panic!("there is no option {name}"),
        }
    }
    options
}

/// A store, and the way to it by transactions of our own, where that is wanted.
struct Stores {
    store: Store,
    transactions: Option<Transactions>,
}

/// In one write, so that a reader of the pipe gets the whole line or nothing. Ends the program when nobody
/// listens any more.
fn say(line: &Line) {
    let mut out = std::io::stdout().lock();
    if out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(2);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = options();
    let retry = if options.patient { Retry::default() } else { Retry::never() };
    let open = async {
        let store = Store::builder().retry(retry).connect(&options.url).await?;
        let transactions = Transactions::open(&options.url, options.hold);
        let transactions = if options.transactions { Some(transactions.await?) } else { None };
        Ok::<_, ConnectError>(Stores { store, transactions })
    };
    let stores = match open.await {
        Ok(stores) => stores,
        Err(error) => {
            say(&Line::Refused(error.to_string()));
            std::process::exit(1);
        }
    };
    say(&Line::Open(std::process::id()));
    let next = Cell::new(options.from);
    // On one thread, so that a tracer which counts the calls of each thread counts them all.
    join_all((0..options.concurrency).map(|_| work(&stores, &options, &next)).collect()).await;
    say(&Line::Done);
}

/// Writes one commit after another until all are written or the store cannot go on.
async fn work(stores: &Stores, options: &Options, next: &Cell<u64>) {
    loop {
        let number = next.get();
        if number >= options.from + options.commits {
            return;
        }
        next.set(number + 1);
        let commit = Numbered { writer: options.writer, number };
        loop {
            match write(stores, options, commit).await {
                Ok(last) => {
                    say(&Line::Stored(number, last.get()));
                    break;
                }
                Err(error) => {
                    say(&Line::Failed(number, Failure::from(&error)));
                    if matches!(error, AppendError::Fatal(_)) {
                        return;
                    }
                    if options.read {
                        say(&read(&stores.store).await);
                    }
                    if !options.persist {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        if options.pause > Duration::ZERO {
            tokio::time::sleep(options.pause).await;
        }
    }
}

async fn write(stores: &Stores, options: &Options, commit: Numbered) -> Result<Version, AppendError> {
    let Stores { store, transactions } = stores;
    if let Some(transactions) = transactions {
        return transactions.write(commit, options.filler).await;
    }
    if !options.decide {
        let appended = store.append(commit.commit(options.filler)).await?;
        return Ok(appended.range().last);
    }
    let tallies = store.repository::<Tally>();
    let command = tallies.command(&commit.key()).commit_id(commit.id());
    match command.execute(|tally| tally.count(commit, options.filler)).await {
        Ok(outcome) => Ok(outcome.version()),
        Err(CommandError::Store(StoreError::Append(error))) => Err(error),
        Err(CommandError::Store(StoreError::Read(error))) => {
            Err(AppendError::Unavailable(es_runtime::Cause::new(error)))
        }
        Err(error) => panic!("{commit}: {error}"),
    }
}

async fn read(store: &Store) -> Line {
    let (mut events, mut cursor) = (0, Cursor::start());
    loop {
        match store.read_all(&cursor, &Filter::all(), Limit::events(500)).await {
            Ok(page) => {
                events += page.events.len() as u64;
                if page.is_end {
                    return Line::Read(events);
                }
                cursor = page.next;
            }
            Err(error) => return Line::Unreadable(error.to_string()),
        }
    }
}

/// Runs all of them at once on this thread.
async fn join_all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
