//! What 16 tasks on one aggregate need for a commit, beside a loop of load, decide and save.

use benches::Failure;
use benches::cart::{self, Cart};
use benches::measure::{median, time};
use benches::report::{self, Goal};
use es_runtime::{AppendError, Repository, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const TASKS: usize = 16;

const ROUNDS: usize = 9;

#[derive(Clone, Copy)]
enum Way {
    Execute,
    LoadAndSave,
}

/// What a round came to.
#[derive(Clone, Copy)]
struct Round {
    attempts: f64,
    rate: f64,
}

fn main() -> Result<(), Failure> {
    if !report::is_wanted() {
        return Ok(());
    }
    let current_thread = Builder::new_current_thread().enable_all().build()?;
    let multi_thread = Builder::new_multi_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let file = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    report::head("16 tasks on one aggregate", ["ours", "by hand", ""]);
    for (name, runtime) in [("current_thread", &current_thread), ("multi_thread", &multi_thread)] {
        compare(&format!("memory, {name}"), runtime, "memory:", 50)?;
        compare(&format!("SQLite, {name}"), runtime, &file(name), 5)?;
    }
    report::note("By hand: load, decide, save, and all of it again at once after a conflict.");
    Ok(())
}

/// So many commands in each task.
fn compare(name: &str, runtime: &Runtime, url: &str, each: usize) -> Result<(), Failure> {
    let carts = runtime.block_on(Store::connect(url))?.repository::<Cart>();
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let ours = measure(runtime, &carts, &cart::id(2 * round), Way::Execute, each)?;
        let by_hand = measure(runtime, &carts, &cart::id(2 * round + 1), Way::LoadAndSave, each)?;
        // The first round warms up.
        if round > 0 {
            rounds.push((ours, by_hand));
        }
    }
    let of = |about: fn(&Round) -> f64| {
        (median(&rounds, |(ours, _)| about(ours)), median(&rounds, |(_, by_hand)| about(by_hand)))
    };
    let (ours, by_hand) = of(|round| round.attempts);
    let what = format!("{name}: attempts for a commit");
    report::row(&what, &format!("{ours:.2}"), &format!("{by_hand:.2}"), (ours, ""), Goal::AtMost(1.2));
    let (ours, by_hand) = of(|round| round.rate);
    let times = median(&rounds, |(ours, by_hand)| ours.rate / by_hand.rate);
    let what = format!("{name}: commands a second");
    report::row(&what, &format!("{ours:.0}"), &format!("{by_hand:.0}"), (times, "x"), Goal::None);
    Ok(())
}

/// Runs a command so often in each task.
fn measure(
    runtime: &Runtime,
    carts: &Repository<Cart>,
    id: &str,
    way: Way,
    each: usize,
) -> Result<Round, Failure> {
    let attempts = Arc::new(AtomicUsize::new(0));
    let work = async {
        let mut running = JoinSet::new();
        for _ in 0..TASKS {
            let (carts, id, attempts) = (carts.clone(), id.to_owned(), Arc::clone(&attempts));
            running.spawn(async move {
                for _ in 0..each {
                    match way {
                        Way::Execute => execute(&carts, &id, &attempts).await?,
                        Way::LoadAndSave => load_and_save(&carts, &id, &attempts).await?,
                    }
                    tokio::task::yield_now().await;
                }
                Ok::<_, Failure>(())
            });
        }
        running.join_all().await.into_iter().collect::<Result<(), _>>()
    };
    let time = time(|| runtime.block_on(work))?;
    let commands = (TASKS * each) as f64;
    Ok(Round {
        attempts: attempts.load(Ordering::Relaxed) as f64 / commands,
        rate: commands / time.wall.as_secs_f64(),
    })
}

async fn execute(carts: &Repository<Cart>, id: &String, attempts: &AtomicUsize) -> Result<(), Failure> {
    let decide = |cart: &Cart| {
        attempts.fetch_add(1, Ordering::Relaxed);
        cart.add(1)
    };
    carts.execute(id, decide).await?;
    Ok(())
}

async fn load_and_save(carts: &Repository<Cart>, id: &String, attempts: &AtomicUsize) -> Result<(), Failure> {
    loop {
        let mut root = carts.load(id).await?;
        attempts.fetch_add(1, Ordering::Relaxed);
        root.decide(|cart| cart.add(1)).map_err(|error| format!("{error:?}"))?;
        match carts.save(&mut root).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Append(AppendError::Conflict { .. })) => (),
            Err(error) => return Err(error.into()),
        }
    }
}
