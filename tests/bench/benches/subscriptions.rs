//! What a subscription costs beside a loop that reads the log, and how soon it tells of a commit.

use benches::Failure;
use benches::cart::ItemAdded;
use benches::long_log::{fill, replay};
use benches::measure::{Round, median, nanos, rounds, time};
use benches::other_process::{self, Writer};
use benches::report::{self, Goal};
use es_runtime::{Filter, Store};
use servers::postgres::Server;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

const EVENTS: u64 = 200_000;

const ROUNDS: usize = 7;

const COMMITS: u64 = 500;

fn main() -> Result<(), Failure> {
    if other_process::is_writer()? || !report::is_wanted() {
        return Ok(());
    }
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let url = |name| format!("sqlite:{}?durability=process-crash", folder.path().join(name).display());

    report::head("a log of 200,000 events, read and decoded", ["us/event", "a loop", "rate"]);
    let long = runtime.block_on(Store::connect(&url("long.db")))?;
    runtime.block_on(fill(&long, EVENTS))?;
    replays(&runtime, &long)?;

    report::head("from the commit to its subscriber", ["p99", "", "p50"]);
    let file = runtime.block_on(Store::connect(&url("live.db")))?;
    for (name, store) in [("memory", runtime.block_on(Store::connect("memory:"))?), ("sqlite", file)] {
        runtime.block_on(latency(name, &store))?;
        idle(&runtime, name, &store)?;
    }

    report::head("from the commit to a subscriber in another process", ["p99", "", "p50"]);
    let server = Server::start();
    for (name, url) in [("sqlite", url("shared.db")), ("postgres", server.create_database("shared"))] {
        runtime.block_on(between_processes(name, &url))?;
    }
    Ok(())
}

fn replays(runtime: &Runtime, store: &Store) -> Result<(), Failure> {
    let by_loop = |_| {
        time(|| match runtime.block_on(replay(store))? {
            EVENTS => Ok(()),
            other => Err(format!("{other} events came back").into()),
        })
    };
    let by_batch = rounds(ROUNDS, |_| time(|| runtime.block_on(batches(store))), by_loop)?;
    let one_by_one = rounds(ROUNDS, |_| time(|| runtime.block_on(singles(store))), by_loop)?;
    for (name, rounds, goal) in [("by batches", by_batch, 0.9), ("one by one", one_by_one, 0.8)] {
        for (clock, of) in
            [("wall", (|t| t.wall) as fn(benches::measure::Time) -> Duration), ("CPU", |t| t.cpu)]
        {
            let each = |side: fn(&Round) -> benches::measure::Time| {
                median(&rounds, |round| nanos(of(side(round)), EVENTS as usize) / 1000.0)
            };
            let rate =
                median(&rounds, |round| of(round.by_hand).as_secs_f64() / of(round.ours).as_secs_f64());
            report::row(
                &format!("through a subscription, {name}, {clock}"),
                &format!("{:.2}", each(|round| round.ours)),
                &format!("{:.2}", each(|round| round.by_hand)),
                (rate, "x"),
                Goal::AtLeast(goal),
            );
        }
    }
    Ok(())
}

async fn batches(store: &Store) -> Result<(), Failure> {
    let mut subscription = store.subscribe(Filter::all()).start().await?;
    loop {
        let batch = subscription.next_batch().await?;
        for event in &batch.events {
            event.decode::<ItemAdded>()?;
        }
        if batch.is_end {
            return Ok(());
        }
    }
}

async fn singles(store: &Store) -> Result<(), Failure> {
    let mut subscription = store.subscribe_to::<ItemAdded>().start().await?;
    for _ in 0..EVENTS {
        subscription.next().await?;
    }
    Ok(())
}

/// One commit after the other, with pauses in between.
async fn latency(name: &str, store: &Store) -> Result<(), Failure> {
    let mut subscription = store.subscribe(Filter::all()).from_now().start().await?;
    subscription.next_batch().await?;
    let (told, mut seen) = tokio::sync::mpsc::channel(1);
    let subscriber = tokio::spawn(async move {
        while subscription.next().await.is_ok() && told.send(Instant::now()).await.is_ok() {}
    });
    let carts = store.repository::<benches::cart::Cart>();
    let mut waits = Vec::new();
    for number in 0..COMMITS {
        tokio::time::sleep(Duration::from_millis(3)).await;
        carts.execute(&benches::cart::id(number as usize), |cart| cart.open()).await?;
        let committed = Instant::now();
        let seen = seen.recv().await.ok_or("the subscriber has ended")?;
        waits.push(seen.saturating_duration_since(committed));
    }
    subscriber.abort();
    tell(name, waits, 5000.0);
    Ok(())
}

/// The same, where another process stores the commits.
async fn between_processes(name: &str, url: &str) -> Result<(), Failure> {
    let store = Store::connect(url).await?;
    let mut subscription = store.subscribe(Filter::all()).from_now().start().await?;
    subscription.next_batch().await?;
    let (writer, mut seen) = (Writer::start(url, COMMITS)?, Vec::new());
    for _ in 0..COMMITS {
        subscription.next().await?;
        seen.push(other_process::now());
    }
    let answered = tokio::task::spawn_blocking(|| writer.answered()).await??;
    let waits = seen.iter().zip(answered).map(|(seen, answered)| seen.saturating_sub(answered));
    tell(name, waits.collect(), 25_000.0);
    Ok(())
}

/// Prints how long it took from the answers to the commits on.
fn tell(name: &str, mut waits: Vec<Duration>, goal: f64) {
    waits.sort();
    let at = |percent: usize| waits[waits.len() * percent / 100].as_secs_f64() * 1e6;
    report::row(
        &format!("{name}, after the answer to the commit"),
        &format!("{:.0} us", at(99)),
        "",
        (at(50), " us"),
        Goal::AtMost(goal),
    );
}

/// What the process costs while a subscriber waits.
fn idle(runtime: &Runtime, name: &str, store: &Store) -> Result<(), Failure> {
    let wait = async {
        let mut subscription = store.subscribe(Filter::all()).from_now().start().await?;
        subscription.next_batch().await?;
        match tokio::time::timeout(Duration::from_secs(5), subscription.next()).await {
            Ok(event) => Err(format!("nobody has written {:?}", event?).into()),
            Err(_) => Ok(()),
        }
    };
    let time = time(|| runtime.block_on(wait))?;
    let share = 100.0 * time.cpu.as_secs_f64() / time.wall.as_secs_f64();
    report::row(&format!("{name}, CPU of an idle subscriber"), "", "", (share, " %"), Goal::AtMost(1.0));
    Ok(())
}
