//! What a projection costs that does nothing, with its checkpoints, beside a loop that reads and decodes the log.

use benches::Failure;
use benches::cart::{Cart, ItemAdded, Opened, Paid};
use benches::long_log::{fill, replay};
use benches::measure::{Round, Time, median, nanos, rounds, time};
use benches::report::{self, Goal};
use es_runtime::prelude::*;
use es_runtime::{Attempt, Handled, Sql, Tables};
use servers::postgres::Server;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 7;

const COMMITS: u64 = 300;

/// Does nothing, in the transaction of its checkpoint.
#[derive(Projection)]
#[projection("nothing", follows(Cart), ignore(Opened, Paid))]
struct Nothing;

impl Tables for Nothing {
    async fn create(&self, _: &mut Sql) -> Handled {
        Ok(())
    }
}

impl On<ItemAdded> for Nothing {
    async fn on(&self, _: &Recorded<ItemAdded>, _: &mut Sql) -> Handled {
        Ok(())
    }
}

/// Tells when it was called.
#[derive(Projection)]
#[projection("told", follows(Cart), delivery = AtLeastOnce)]
struct Told {
    begun: Instant,
    nanos: Arc<AtomicU64>,
}

impl Told {
    fn tell(&self) {
        self.nanos.store(self.begun.elapsed().as_nanos() as u64, Ordering::SeqCst);
    }
}

impl On<Opened> for Told {
    async fn on(&self, _: &Recorded<Opened>, _: &mut Attempt) -> Handled {
        self.tell();
        Ok(())
    }
}

impl On<ItemAdded> for Told {
    async fn on(&self, _: &Recorded<ItemAdded>, _: &mut Attempt) -> Handled {
        self.tell();
        Ok(())
    }
}

impl On<Paid> for Told {
    async fn on(&self, _: &Recorded<Paid>, _: &mut Attempt) -> Handled {
        self.tell();
        Ok(())
    }
}

fn main() -> Result<(), Failure> {
    if !report::is_wanted() {
        return Ok(());
    }
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("long.db");
    let sqlite =
        runtime.block_on(Store::connect(&format!("sqlite:{}?durability=process-crash", path.display())))?;
    let server = Server::builder().setting("autovacuum", "off").start();
    let url = server.new_database();
    let database = url.rsplit('/').next().unwrap_or_default().to_owned();
    let postgres = runtime.block_on(Store::connect(&url))?;
    let file = rusqlite::Connection::open(&path)?;

    report::head("a log, read, decoded and handed to a handler", ["us/event", "a loop", "rate"]);
    replays(&runtime, "sqlite", &sqlite, 200_000, || {
        file.busy_timeout(Duration::from_secs(5))?;
        Ok(file.execute_batch("DELETE FROM es_register")?)
    })?;
    replays(&runtime, "postgres", &postgres, 100_000, || {
        server.sql(&database, "DELETE FROM es.es_register");
        Ok(())
    })?;

    report::head("from the commit to the handler", ["p99", "", "p50"]);
    let memory = runtime.block_on(Store::connect("memory:"))?;
    for (name, store) in [("memory", &memory), ("sqlite", &sqlite), ("postgres", &postgres)] {
        runtime.block_on(latency(name, store))?;
    }
    Ok(())
}

fn replays(
    runtime: &Runtime,
    name: &str,
    store: &Store,
    events: u64,
    forget: impl Fn() -> Result<(), Failure>,
) -> Result<(), Failure> {
    runtime.block_on(fill(store, events))?;
    let by_loop = |_| {
        time(|| match runtime.block_on(replay(store))? {
            found if found == events => Ok(()),
            other => Err(format!("{other} events came back").into()),
        })
    };
    let run = |is_rebuild: bool| {
        let projector = store.projection(Nothing);
        let projector = if is_rebuild { projector.rebuild() } else { projector };
        let status = runtime.block_on(projector.run_to_end())?;
        match status.active().map(|active| active.handled) {
            Some(handled) if handled == events => Ok(()),
            other => Err(format!("{other:?} events were handled").into()),
        }
    };
    let live = rounds(ROUNDS, |_| forget().and_then(|()| time(|| run(false))), by_loop)?;
    let anew = rounds(ROUNDS, |_| time(|| run(true)), by_loop)?;
    for (batches, rounds) in [("as it runs", live), ("built anew", anew)] {
        let each = |side: fn(&Round) -> Time| {
            median(&rounds, |round| nanos(side(round).wall, events as usize) / 1000.0)
        };
        let rate = |round: &Round| round.by_hand.wall.as_secs_f64() / round.ours.wall.as_secs_f64();
        report::row(
            &format!("{name}, an empty handler, {batches}"),
            &format!("{:.2}", each(|round| round.ours)),
            &format!("{:.2}", each(|round| round.by_hand)),
            (median(&rounds, rate), "x"),
            Goal::AtLeast(0.8),
        );
    }
    Ok(())
}

/// One commit after the other, with pauses in between.
async fn latency(name: &str, store: &Store) -> Result<(), Failure> {
    let (begun, nanos) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let running = store.projection(Told { begun, nanos: Arc::clone(&nanos) }).start().await?;
    let carts = store.repository::<Cart>();
    let mut waits = Vec::new();
    for number in 0..COMMITS {
        tokio::time::sleep(Duration::from_millis(3)).await;
        let id = benches::cart::id(1_000_000 + number as usize);
        let outcome = carts.execute(&id, |cart| cart.open()).await?;
        let committed = begun.elapsed();
        let position = outcome.position().ok_or("no position")?;
        running.at_least(position, Duration::from_secs(60)).await?;
        // The first waits for what was there before.
        if number > 0 {
            waits.push(Duration::from_nanos(nanos.load(Ordering::SeqCst)).saturating_sub(committed));
        }
    }
    running.stop().await;
    waits.sort();
    let at = |percent: usize| waits[waits.len() * percent / 100].as_secs_f64() * 1e6;
    report::row(
        &format!("{name}, after the answer to the commit"),
        &format!("{:.0} us", at(99)),
        "",
        (at(50), " us"),
        Goal::AtMost(5000.0),
    );
    Ok(())
}
