//! What a command and a replayed event cost in memory, above the user's own code.

use benches::Failure;
use benches::by_hand::{self, Stored};
use benches::cart::{self, Cart, ItemAdded};
use benches::measure::{Round, median, nanos, rounds, time};
use benches::report::{self, Goal};
use es_runtime::{Event, Repository, Store};
use std::hint::black_box;
use tokio::runtime::{Builder, Runtime};

/// How many carts a round works on.
const CARTS: usize = 500;

const ROUNDS: usize = 101;

fn main() -> Result<(), Failure> {
    if !report::is_wanted() {
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    report::head("memory, nanoseconds of CPU", ["ours", "by hand", "above"]);
    report::note(
        "By hand: a Vec for each stream; decode its events (serde_json), apply them, decide, encode, push.",
    );
    commands(&runtime)?;
    for events in [5, 25] {
        later_command(&runtime, events)?;
    }
    for events in [100, 1000] {
        replay(&runtime, events)?;
    }
    Ok(())
}

/// The life of a cart: commands on streams of 0, 1 and 2 events.
fn commands(runtime: &Runtime) -> Result<(), Failure> {
    let ids: Vec<_> = (0..CARTS).map(cart::id).collect();
    let rounds = rounds(
        ROUNDS,
        |_| {
            let carts = runtime.block_on(filled(0))?;
            let live = async {
                for id in &ids {
                    carts.execute(id, Cart::open).await?;
                    carts.execute(id, |cart| cart.add(1)).await?;
                    carts.execute(id, Cart::pay).await?;
                }
                Ok(())
            };
            time(|| runtime.block_on(live))
        },
        |_| {
            let mut carts = vec![Vec::new(); CARTS];
            time(|| {
                for cart in &mut carts {
                    by_hand::command(cart, Cart::open)?;
                    by_hand::command(cart, |cart| cart.add(1))?;
                    by_hand::command(cart, Cart::pay)?;
                }
                Ok(())
            })
        },
    )?;
    show("a command, streams of 0, 1 and 2 events", &rounds, 3 * CARTS, Goal::AtMost(1000.0));
    Ok(())
}

/// A command on streams of `events` events.
fn later_command(runtime: &Runtime, events: usize) -> Result<(), Failure> {
    let stored = stored(events)?;
    let ids: Vec<_> = (0..CARTS).map(cart::id).collect();
    let rounds = rounds(
        ROUNDS,
        |_| {
            let carts = runtime.block_on(filled(events))?;
            let add = async {
                for id in &ids {
                    carts.execute(id, |cart| cart.add(1)).await?;
                }
                Ok(())
            };
            time(|| runtime.block_on(add))
        },
        |_| {
            let mut carts = vec![stored.clone(); CARTS];
            time(|| {
                for cart in &mut carts {
                    by_hand::command(cart, |cart| cart.add(1))?;
                }
                Ok(())
            })
        },
    )?;
    // What a command may cost, and what each event that it replays may. These carts are cold: there are
    // more of them than fit in the cache.
    let goal = Goal::AtMost(1000.0 + 70.0 * events as f64);
    show(&format!("a command, streams of {events} events"), &rounds, CARTS, goal);
    Ok(())
}

/// A load of `events` events.
fn replay(runtime: &Runtime, events: usize) -> Result<(), Failure> {
    let loads = 10_000 / events;
    let carts = runtime.block_on(filled(events))?;
    let stored = stored(events)?;
    let id = cart::id(0);
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
                    black_box(by_hand::fold(black_box(&stored))?);
                }
                Ok(())
            })
        },
    )?;
    let what = format!("an event replayed, {} bytes, {events} in a stream", stored[0].payload.len());
    show(&what, &rounds, loads * events, Goal::AtMost(70.0));
    Ok(())
}

fn show(what: &str, rounds: &[Round], count: usize, goal: Goal) {
    let ours = median(rounds, |round| nanos(round.ours.cpu, count));
    let by_hand = median(rounds, |round| nanos(round.by_hand.cpu, count));
    let above = median(rounds, |round| nanos(round.ours.cpu, count) - nanos(round.by_hand.cpu, count));
    report::row(what, &format!("{ours:.0}"), &format!("{by_hand:.0}"), (above, ""), goal);
}

/// A store with `events` events in each cart.
async fn filled(events: usize) -> Result<Repository<Cart>, Failure> {
    let repository = Store::connect("memory:").await?.repository::<Cart>();
    for number in 0..CARTS {
        let items = || (1..=events as u64).map(ItemAdded::nth).collect::<Vec<_>>();
        repository.execute(&cart::id(number), |_| Ok::<_, Failure>(items())).await?;
    }
    Ok(repository)
}

/// The same by hand, of one cart.
fn stored(events: usize) -> Result<Vec<Stored>, Failure> {
    let event =
        |number| Ok(Stored { name: ItemAdded::NAME, payload: serde_json::to_vec(&ItemAdded::nth(number))? });
    (1..=events as u64).map(event).collect()
}
