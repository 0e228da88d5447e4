//! What commands, loads and the log cost on PostgreSQL, client and server, beside a store written by hand.

use benches::Failure;
use benches::by_hand::postgres as by_hand;
use benches::cart::{self, Cart, ItemAdded};
use benches::long_log;
use benches::measure::{Round, median, nanos, rounds, time};
use benches::report::{self, Goal};
use es_runtime::{Repository, Store};
use servers::postgres::Server;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// How many carts there are, each of 5 events at first.
const CARTS: usize = 2000;

/// How many commands a round has.
const COMMANDS: usize = 640;

/// The most commands at once.
const MOST: usize = 32;

/// How many events the long stream has.
const LONG: usize = 1000;

/// How many events the large commit has.
const LARGE: usize = 100;

/// How many events the log has.
const LOG: u64 = 50_000;

const ROUNDS: usize = 21;

fn main() -> Result<(), Failure> {
    if !report::is_wanted() {
        return Ok(());
    }
    // What it does from time to time would count for whoever is measured then.
    let server = Server::builder().setting("autovacuum", "off").start();
    let current_thread = Builder::new_current_thread().enable_all().build()?;
    let multi_thread = Builder::new_multi_thread().enable_all().build()?;
    for (name, runtime) in [("current_thread", &current_thread), ("multi_thread", &multi_thread)] {
        report::head(
            &format!("PostgreSQL, {name} runtime, microseconds of CPU"),
            ["ours", "by hand", "ratio"],
        );
        let bench = Bench::new(&server, runtime)?;
        for (tasks, goal) in [(1, Goal::None), (8, Goal::AtMost(1.1)), (32, Goal::AtMost(0.7))] {
            bench.commands(tasks, goal)?;
        }
        bench.load()?;
        bench.large_commits()?;
        bench.log()?;
    }
    report::note("CPU is that of the client and of every process of the server.");
    report::note("By hand: tokio-postgres, a connection for each task, one table, statements prepared once;");
    report::note(
        "SELECT, decode and apply, decide, INSERT ... SELECT FROM unnest. No transaction around them.",
    );
    Ok(())
}

/// What something took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    client: Duration,
    server: Duration,
}

/// The same carts on both sides, in one new database.
struct Bench<'a> {
    server: &'a Server,
    runtime: &'a Runtime,
    carts: Repository<Cart>,
    /// One for each task.
    by_hand: Vec<Arc<by_hand::Carts>>,
}

impl<'a> Bench<'a> {
    fn new(server: &'a Server, runtime: &'a Runtime) -> Result<Self, Failure> {
        let url = server.new_database();
        let (carts, by_hand) = runtime.block_on(open(&url))?;
        let bench = Self { server, runtime, carts, by_hand };
        runtime.block_on(async {
            let fill = bench.by_hand(MOST, CARTS, |number| (cart::id(number), 5));
            fill.await?;
            let fill = bench.ours(MOST, CARTS, |number| (cart::id(number), 5));
            fill.await?;
            bench.ours(1, 1, |_| (cart::id(CARTS), LONG)).await?;
            bench.by_hand(1, 1, |_| (cart::id(CARTS), LONG)).await
        })?;
        vacuum(server, &url)?;
        Ok(bench)
    }

    /// So many commands in so many tasks at once: the cart of each, and how many items it adds.
    async fn ours(
        &self,
        tasks: usize,
        commands: usize,
        command: impl Fn(usize) -> (String, usize) + Clone + Send + 'static,
    ) -> Result<(), Failure> {
        let mut running = JoinSet::new();
        for task in 0..tasks {
            let (carts, command) = (self.carts.clone(), command.clone());
            running.spawn(async move {
                for number in (task..commands).step_by(tasks) {
                    let (id, count) = command(number);
                    carts.execute(&id, |cart| items(cart, count)).await?;
                }
                Ok::<_, Failure>(())
            });
        }
        running.join_all().await.into_iter().collect()
    }

    async fn by_hand(
        &self,
        tasks: usize,
        commands: usize,
        command: impl Fn(usize) -> (String, usize) + Clone + Send + 'static,
    ) -> Result<(), Failure> {
        let mut running = JoinSet::new();
        for (task, carts) in self.by_hand[..tasks].iter().enumerate() {
            let (carts, command) = (Arc::clone(carts), command.clone());
            running.spawn(async move {
                for number in (task..commands).step_by(tasks) {
                    let (id, count) = command(number);
                    carts.command(&id, |cart| items(cart, count)).await?;
                }
                Ok::<_, Failure>(())
            });
        }
        running.join_all().await.into_iter().collect()
    }

    /// Commands in so many tasks at once, each on carts of its own.
    fn commands(&self, tasks: usize, goal: Goal) -> Result<(), Failure> {
        let command = |round| move |number| (cart::id((round * COMMANDS + number) % CARTS), 1);
        let rounds = rounds(
            ROUNDS,
            |round| self.cost(self.ours(tasks, COMMANDS, command(round))),
            |round| self.cost(self.by_hand(tasks, COMMANDS, command(round))),
        )?;
        let what = if tasks == 1 { "a command alone".into() } else { format!("a command, {tasks} at once") };
        show(&what, &rounds, COMMANDS, goal);
        Ok(())
    }

    /// Loads of the long stream.
    fn load(&self) -> Result<(), Failure> {
        let id = cart::id(CARTS);
        let loads = 20;
        let rounds = rounds(
            ROUNDS,
            |_| {
                self.cost(async {
                    for _ in 0..loads {
                        black_box(self.carts.load(&id).await?);
                    }
                    Ok(())
                })
            },
            |_| {
                self.cost(async {
                    for _ in 0..loads {
                        black_box(self.by_hand[0].load(&id).await?);
                    }
                    Ok(())
                })
            },
        )?;
        show(&format!("a load of {LONG} events"), &rounds, loads, Goal::AtMost(1.1));
        Ok(())
    }

    /// Commits of many events, each to a new cart.
    fn large_commits(&self) -> Result<(), Failure> {
        let commits = 40;
        let command = |round| move |number| (format!("large-{round}-{number}"), LARGE);
        let rounds = rounds(
            ROUNDS,
            |round| self.cost(self.ours(1, commits, command(round))),
            |round| self.cost(self.by_hand(1, commits, command(round))),
        )?;
        show(&format!("a commit of {LARGE} events"), &rounds, commits, Goal::AtMost(1.15));
        Ok(())
    }

    /// The whole log, in a database of its own.
    fn log(&self) -> Result<(), Failure> {
        let url = self.server.new_database();
        let (carts, by_hand) = self.runtime.block_on(async {
            let (carts, by_hand) = open(&url).await?;
            long_log::fill(carts.store(), LOG).await?;
            for number in 0..LOG as usize / LARGE {
                by_hand[0].command(&cart::id(number), |cart| items(cart, LARGE)).await?;
            }
            Ok::<_, Failure>((carts, by_hand))
        })?;
        vacuum(self.server, &url)?;
        let expect_all = |events| {
            if events == LOG { Ok(()) } else { Err(Failure::from(format!("{events} events came back"))) }
        };
        let rounds = rounds(
            ROUNDS,
            |_| self.cost(async { expect_all(long_log::replay(carts.store()).await?) }),
            |_| self.cost(async { expect_all(by_hand[0].replay_log().await?) }),
        )?;
        show("an event of the log", &rounds, LOG as usize, Goal::AtMost(1.05));
        Ok(())
    }

    fn cost(&self, work: impl Future<Output = Result<(), Failure>>) -> Result<Cost, Failure> {
        let before = self.server.cpu_time();
        let time = time(|| self.runtime.block_on(work))?;
        Ok(Cost { wall: time.wall, client: time.cpu, server: self.server.cpu_time() - before })
    }
}

fn items(cart: &Cart, count: usize) -> Result<Vec<ItemAdded>, cart::Refused> {
    (1..=count as u64).map(|number| cart.add(number)).collect()
}

async fn open(url: &str) -> Result<(Repository<Cart>, Vec<Arc<by_hand::Carts>>), Failure> {
    let carts = Store::connect(url).await?.repository::<Cart>();
    by_hand::create(url).await?;
    let mut connections = Vec::new();
    for _ in 0..MOST {
        connections.push(Arc::new(by_hand::Carts::connect(url).await?));
    }
    Ok((carts, connections))
}

/// What autovacuum would have done by now.
fn vacuum(server: &Server, url: &str) -> Result<(), Failure> {
    let (_, database) = url.rsplit_once('/').ok_or("no database")?;
    server.sql(database, "VACUUM ANALYZE");
    Ok(())
}

fn show(what: &str, rounds: &[Round<Cost>], count: usize, goal: Goal) {
    let row = |what: &str, of: fn(&Cost) -> Duration, goal| {
        let micros = |cost: &Cost| nanos(of(cost), count) / 1000.0;
        let ours = median(rounds, |round| micros(&round.ours));
        let by_hand = median(rounds, |round| micros(&round.by_hand));
        let ratio = median(rounds, |round| micros(&round.ours) / micros(&round.by_hand));
        report::row(what, &format!("{ours:.1}"), &format!("{by_hand:.1}"), (ratio, "x"), goal);
    };
    row(what, |cost| cost.client + cost.server, goal);
    row("    the client's", |cost| cost.client, Goal::None);
    row("    the server's", |cost| cost.server, Goal::None);
    row("    on the clock", |cost| cost.wall, Goal::None);
}
