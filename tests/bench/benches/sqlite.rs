//! What a command and a load cost on SQLite, beside a loop written by hand.

use benches::Failure;
use benches::by_hand::Carts;
use benches::cart::{self, Cart, ItemAdded};
use benches::measure::{Round, Time, median, nanos, rounds, time};
use benches::report::{self, Goal};
use es_runtime::{Repository, Store};
use std::hint::black_box;
use std::path::Path;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// How many carts there are, each of 5 events at first.
const CARTS: usize = 2000;

/// How many commands a round has.
const COMMANDS: usize = 320;

const ROUNDS: usize = 41;

/// How many events the long stream has.
const LONG: u64 = 1000;

fn main() -> Result<(), Failure> {
    if !report::is_wanted() {
        return Ok(());
    }
    let current_thread = Builder::new_current_thread().enable_all().build()?;
    let multi_thread = Builder::new_multi_thread().enable_all().build()?;
    for (name, runtime) in [("current_thread", &current_thread), ("multi_thread", &multi_thread)] {
        report::head(&format!("SQLite, {name} runtime, microseconds"), ["ours", "by hand", "ratio"]);
        load(runtime)?;
        for (tasks, goal) in [(1, 1.5), (8, 1.25), (32, 1.25)] {
            commands(runtime, tasks, false, Goal::AtMost(goal))?;
        }
        commands(runtime, 1, true, Goal::None)?;
    }
    report::note(
        "By hand: one connection, one table with a unique index on stream and version, prepared statements;",
    );
    report::note(
        "SELECT, decode and apply, decide, BEGIN IMMEDIATE, INSERT, COMMIT. Always one command after another.",
    );
    Ok(())
}

/// The same carts on both sides, in new files.
fn open(runtime: &Runtime, folder: &Path, stable_plans: bool) -> Result<(Repository<Cart>, Carts), Failure> {
    let mut by_hand = Carts::create(&folder.join("by-hand.db"), stable_plans)?;
    by_hand.fill((0..CARTS).map(|number| (cart::id(number), 5)))?;
    by_hand.fill([(cart::id(CARTS), LONG)])?;

    let url = format!("sqlite:{}?durability=process-crash", folder.join("ours.db").display());
    let items = |events| (1..=events).map(ItemAdded::nth).collect::<Vec<_>>();
    let carts = runtime.block_on(async {
        let carts = Store::connect(&url).await?.repository::<Cart>();
        for number in 0..CARTS {
            carts.execute(&cart::id(number), |_| Ok::<_, Failure>(items(5))).await?;
        }
        carts.execute(&cart::id(CARTS), |_| Ok::<_, Failure>(items(LONG))).await?;
        Ok::<_, Failure>(carts)
    })?;
    Ok((carts, by_hand))
}

/// A load of the long stream.
fn load(runtime: &Runtime) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let (carts, by_hand) = open(runtime, folder.path(), false)?;
    let id = cart::id(CARTS);
    let loads = 10;
    let rounds = rounds(
        ROUNDS,
        |_| {
            let load = async {
                for _ in 0..loads {
                    black_box(carts.load(&id).await?);
                }
                Ok(())
            };
            time(|| runtime.block_on(load))
        },
        |_| {
            time(|| {
                for _ in 0..loads {
                    black_box(by_hand.load(&id)?);
                }
                Ok(())
            })
        },
    )?;
    let events = loads * LONG as usize;
    let [ours, theirs] = [|round: &Round| round.ours.cpu, |round: &Round| round.by_hand.cpu]
        .map(|of| median(&rounds, |round| nanos(of(round), events) / 1000.0));
    let what = format!("an event loaded, of {LONG}, CPU");
    report::row(&what, &format!("{ours:.2}"), &format!("{theirs:.2}"), (ours, " us"), Goal::AtMost(0.8));
    Ok(())
}

/// Commands in so many tasks at once, each on carts of its own.
fn commands(runtime: &Runtime, tasks: usize, stable_plans: bool, goal: Goal) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let (carts, mut by_hand) = open(runtime, folder.path(), stable_plans)?;
    let id = |round: usize, command: usize| cart::id((round * COMMANDS + command) % CARTS);
    let rounds = rounds(
        ROUNDS,
        |round| {
            let work = async {
                let mut running = JoinSet::new();
                for task in 0..tasks {
                    let carts = carts.clone();
                    running.spawn(async move {
                        for command in (task..COMMANDS).step_by(tasks) {
                            carts.execute(&id(round, command), |cart| cart.add(1)).await?;
                        }
                        Ok::<_, Failure>(())
                    });
                }
                running.join_all().await.into_iter().collect::<Result<(), _>>()
            };
            time(|| runtime.block_on(work))
        },
        |round| {
            time(|| {
                (0..COMMANDS).try_for_each(|command| by_hand.command(&id(round, command), |cart| cart.add(1)))
            })
        },
    )?;
    let remark = if stable_plans { ", stable plans by hand too" } else { "" };
    let what = match tasks {
        1 => format!("a command alone{remark}"),
        _ => format!("a command, {tasks} at once{remark}"),
    };
    show(&what, &rounds, |time| nanos(time.wall, COMMANDS), goal);
    show(&format!("{what}, CPU"), &rounds, |time| nanos(time.cpu, COMMANDS), Goal::None);
    Ok(())
}

fn show(what: &str, rounds: &[Round], of: impl Fn(Time) -> f64, goal: Goal) {
    let ours = median(rounds, |round| of(round.ours)) / 1000.0;
    let by_hand = median(rounds, |round| of(round.by_hand)) / 1000.0;
    let ratio = median(rounds, |round| of(round.ours) / of(round.by_hand));
    report::row(what, &format!("{ours:.1}"), &format!("{by_hand:.1}"), (ratio, "x"), goal);
}
