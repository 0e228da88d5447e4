//! Clients that do the same each time, at the same time, while their calls are recorded.

use super::draft::{commit, exactly, stream};
use super::{Ability, Broken, Evidence, History, Subject};
use crate::{Adapter, AppendError, Appended, Commit, Expected, StreamName};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use tokio::spawn;
use tokio::task::yield_now;

/// What clients do, and how often: each number is a share of their calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clients {
    pub(super) clients: u64,
    pub(super) calls: u64,
    pub(super) streams: u64,
    /// How many events a commit has at most.
    pub(super) events: u64,
    pub(super) appends: u64,
    /// Several commits at once, of which some may meet conflicts.
    pub(super) batches: u64,
    /// Appends that are given up: at once, or a little later.
    pub(super) given_up: u64,
    /// Commits that were sent before, by this client or by another one.
    pub(super) repetitions: u64,
    pub(super) reads: u64,
    pub(super) searches: u64,
    /// Whether some commits require something of another stream.
    pub(super) guards: bool,
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            clients: 5,
            calls: 60,
            streams: 3,
            events: 3,
            appends: 5,
            batches: 1,
            given_up: 1,
            repetitions: 1,
            reads: 3,
            searches: 1,
            guards: true,
        }
    }
}

impl Clients {
    /// Plays on a store.
    pub(super) async fn on<A: Adapter>(self, store: &Subject<A>) -> Result<Evidence, Broken> {
        self.through(std::slice::from_ref(store)).await
    }

    /// Plays through these handles of one store, in turn, and sends again in the end what was given up.
    pub(super) async fn through<A: Adapter>(self, handles: &[Subject<A>]) -> Result<Evidence, Broken> {
        let history = History::new();
        let plan = Self { guards: self.guards && handles[0].can(Ability::Guards)?, ..self };
        let tasks = (0..self.clients).zip(handles.iter().cycle()).map(|(number, store)| {
            let client = Client { plan, number, store: store.clone(), history: history.clone() };
            spawn(client.run())
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await??;
        }
        history.settle(&*handles[0]).await?;
        history.evidence(&*handles[0]).await
    }

    /// The `n`th commit of a client: the same whoever makes it.
    fn commit(self, client: u64, n: u64, known: &[u64]) -> Commit {
        let mut dice = Dice::new(client, n);
        let at = dice.roll(self.streams);
        let expected = match dice.roll(8) {
            0..4 => exactly(known[at as usize]),
            4 => Expected::NoStream,
            5 => Expected::Exists,
            _ => Expected::Any,
        };
        let count = 1 + dice.roll(self.events) as usize;
        let mut commit = commit(format_args!("{client}.{n}"), &stream(at), expected, count);
        if self.guards && dice.roll(5) == 0 {
            let other = (at + 1) % self.streams;
            let required = [exactly(known[other as usize]), Expected::Exists, Expected::Any];
            commit.requires = vec![(stream(other), required[dice.roll(3) as usize])];
        }
        commit
    }
}

struct Client<A> {
    plan: Clients,
    number: u64,
    store: Subject<A>,
    history: History,
}

impl<A: Adapter> Client<A> {
    async fn run(self) -> Result<(), Broken> {
        let Self { plan, number, store, history } = &self;
        let mut known = vec![0; plan.streams as usize];
        let mut dice = Dice::new(*number, u64::MAX);
        let shares = [plan.appends, plan.batches, plan.given_up, plan.repetitions, plan.reads, plan.searches];
        for n in 0..plan.calls {
            let draft = plan.commit(*number, n, &known);
            let (other, earlier) = (dice.roll(plan.clients), dice.roll(n + 1));
            match dice.weighted(&shares) {
                0 => learn(&mut known, &draft, history.append(&**store, draft.clone()).await)?,
                1 => {
                    let mut batch = vec![draft];
                    for more in 0..plan.streams {
                        // At most one commit for each stream: that is what a batch is.
                        let next = plan.commit(*number, n + (more + 1) * 1_000_000, &known);
                        if batch.iter().all(|commit| commit.stream != next.stream) {
                            batch.push(next);
                        }
                    }
                    let outcomes = history.append_batch(&**store, batch.clone()).await;
                    for (commit, outcome) in batch.iter().zip(outcomes) {
                        learn(&mut known, commit, outcome)?;
                    }
                }
                2 => {
                    let append = history.append(&**store, draft);
                    if dice.roll(2) == 0 {
                        give_up_after(dice.roll(16), append).await;
                    } else {
                        let _ = tokio::time::timeout(Duration::from_micros(dice.roll(2000)), append).await;
                    }
                }
                3 => {
                    let again = plan.commit(other, earlier, &known);
                    learn(&mut known, &again, history.append(&**store, again.clone()).await)?;
                }
                4 => {
                    let events = history.read(&**store, &draft.stream).await?;
                    known[place(&draft.stream)] = events.len() as u64;
                }
                _ => {
                    history.find(&**store, plan.commit(other, earlier, &known).id).await?;
                }
            }
            if dice.roll(2) == 0 {
                yield_now().await;
            }
        }
        Ok(())
    }
}

/// Drops a future when it has been asked so many times whether it is ready.
pub(super) async fn give_up_after(polls: u64, future: impl Future) {
    let (mut future, mut polls) = (Box::pin(future), polls);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Pending if polls > 0 => {
            polls -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        }
        _ => Poll::Ready(()),
    })
    .await;
}

fn place(stream: &StreamName) -> usize {
    stream.key().parse().unwrap_or_default()
}

/// What a client knows after an answer. One that leaves open what became of the commit is an answer too.
fn learn(known: &mut [u64], commit: &Commit, outcome: Result<Appended, AppendError>) -> Result<(), Broken> {
    match outcome {
        Ok(appended) => known[place(&commit.stream)] = appended.range().last.get(),
        Err(AppendError::Conflict { stream, actual, .. }) => known[place(&stream)] = actual.get(),
        Err(AppendError::Unknown { .. } | AppendError::Unavailable(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Numbers that are the same each time.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(one: u64, two: u64) -> Self {
        let mut dice =
            Self(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(one + 1) ^ two.wrapping_mul(0xd6e8_feb8_6659_fd93));
        dice.roll(1);
        dice.roll(1);
        dice
    }

    /// From 0 to less than `sides`.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn weighted(&mut self, shares: &[u64]) -> usize {
        let mut rest = self.roll(shares.iter().sum());
        shares
            .iter()
            .position(|share| rest.checked_sub(*share).map(|less| rest = less).is_none())
            .unwrap_or(0)
    }
}
