//! Accounts, and what is read of them.

use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::testing::Faulty;
use es_runtime::{
    AtLeastOnce, Attempt, Commit, Encoded, Expected, Filter, Followed, Follower, Format, Handled, Limit,
    NewEvent, NonEmpty, On, Projection, Retry, StreamName, Timestamp,
};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[event("account.opened")]
pub struct Opened {
    pub owner: String,
}

#[event("account.deposited", alias = "account.paid_in")]
pub struct Deposited {
    pub amount: i64,
}

#[event("account.closed")]
pub struct Closed {}

#[derive(Aggregate, Default)]
#[aggregate("account", id = String, events(Opened, Deposited, Closed))]
pub struct Account {}

impl Apply<Opened> for Account {
    fn apply(&mut self, _: &Opened) {}
}

impl Apply<Deposited> for Account {
    fn apply(&mut self, _: &Deposited) {}
}

impl Apply<Closed> for Account {
    fn apply(&mut self, _: &Closed) {}
}

/// What a handler of the projection below does before it does its work.
pub type Before = dyn Fn(&StreamName, u64) -> Handled + Send + Sync;

/// The balances, kept elsewhere: each event is handled at least once, so the version is kept beside the sum, and an
/// event that was seen is not added again.
#[derive(Clone)]
pub struct Balances {
    kept: Arc<Mutex<Kept>>,
    before: Arc<Before>,
}

#[derive(Default)]
pub struct Kept {
    pub balances: BTreeMap<String, (u64, i64)>,
    /// Every call, in order: the stream, the version and the number of the attempt.
    pub calls: Vec<(String, u64, u32)>,
}

impl Balances {
    pub fn new() -> Self {
        Self::with(|_, _| Ok(()))
    }

    /// With something before the work of each handler.
    pub fn with(before: impl Fn(&StreamName, u64) -> Handled + Send + Sync + 'static) -> Self {
        Self { kept: Arc::default(), before: Arc::new(before) }
    }

    /// The same balances, handled by another program.
    pub fn again(&self, before: impl Fn(&StreamName, u64) -> Handled + Send + Sync + 'static) -> Self {
        Self { kept: Arc::clone(&self.kept), before: Arc::new(before) }
    }

    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn balances(&self) -> BTreeMap<String, (u64, i64)> {
        self.kept().balances.clone()
    }

    /// The versions of `account` that were handled, in order.
    pub fn versions(&self, account: &str) -> Vec<u64> {
        let kept = self.kept();
        kept.calls.iter().filter(|call| call.0 == account).map(|call| call.1).collect()
    }

    async fn add<E>(&self, event: &Recorded<E>, amount: i64, attempt: Attempt) -> Handled {
        let (key, version) = (event.stream().key().to_owned(), event.version().get());
        tokio::task::yield_now().await;
        (self.before)(event.stream(), version)?;
        let mut kept = self.kept();
        kept.calls.push((key.clone(), version, attempt.number()));
        let balance = kept.balances.entry(key).or_default();
        if version > balance.0 {
            *balance = (version, balance.1 + amount);
        }
        Ok(())
    }
}

impl Follower for Balances {
    const NAME: &'static str = "balances";
    const FOLLOWS: &'static [Followed<Self>] = &[Followed::of::<Account>()];
    type Context = Attempt;
}

impl Projection for Balances {
    type Delivery = AtLeastOnce;
}

impl On<Opened> for Balances {
    async fn on(&self, event: &Recorded<Opened>, attempt: &mut Attempt) -> Handled {
        self.add(event, 0, *attempt).await
    }
}

impl On<Deposited> for Balances {
    async fn on(&self, event: &Recorded<Deposited>, attempt: &mut Attempt) -> Handled {
        self.add(event, event.event().amount, *attempt).await
    }
}

impl On<Closed> for Balances {
    async fn on(&self, event: &Recorded<Closed>, attempt: &mut Attempt) -> Handled {
        self.add(event, 0, *attempt).await
    }
}

/// A store in memory and what makes it misbehave; it tries again at once.
pub fn memory() -> (Store, Faulty<Memory>) {
    let memory = Faulty::new(Memory::new());
    let retry = Retry { first: Duration::ZERO, ..Retry::default() };
    (Store::builder().retry(retry).adapter(memory.clone()), memory)
}

pub fn stream(account: &str) -> StreamName {
    StreamName::new("account", account).expect("a name")
}

/// Adds to an account, and answers with where.
pub async fn deposit(store: &Store, account: &str, amount: i64) -> es_runtime::Position {
    let accounts = store.repository::<Account>();
    let id = account.to_owned();
    let outcome = accounts.execute(&id, |_| Ok::<_, Infallible>(Deposited { amount })).await;
    outcome.expect("stored").position().expect("there was an event")
}

/// What the log adds up to.
pub async fn fold(store: &Store) -> BTreeMap<String, (u64, i64)> {
    let mut balances = BTreeMap::<String, (u64, i64)>::new();
    let mut cursor = es_runtime::Cursor::start();
    loop {
        let page = store.read_all(&cursor, &Filter::all().category("account"), Limit::default()).await;
        let page = page.expect("readable");
        for event in &page.events {
            let amount = event.decode::<Deposited>().map_or(0, |event| event.event().amount);
            let balance = balances.entry(event.stream().key().to_owned()).or_default();
            *balance = (event.version().get(), balance.1 + amount);
        }
        cursor = page.next;
        if page.is_end {
            return balances;
        }
    }
}

pub const SOON: Duration = Duration::from_secs(10);

/// Waits until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// An event with this name in any stream at all, and answers with where.
pub async fn write(store: &Store, stream: StreamName, name: &'static str) -> es_runtime::Position {
    let event = NewEvent {
        name: name.into(),
        schema_version: 1,
        metadata: Arc::default(),
        occurred_at: Timestamp::EPOCH,
        payload: Encoded::new(Format::Json, *b"{}"),
    };
    let commit = Commit {
        id: CommitId::derive(&CommitId::ROOT, name),
        stream,
        expected: Expected::Any,
        events: NonEmpty::new(vec![event]).expect("one"),
        requires: Vec::new(),
    };
    store.append(commit).await.expect("stored").range().position
}

/// A store in memory, and balances kept in a map.
pub struct World {
    pub store: Store,
    pub faulty: Faulty<Memory>,
    balances: Balances,
}

pub type Model = Balances;

impl World {
    pub fn new() -> Self {
        let (store, faulty) = memory();
        Self { store, faulty, balances: Balances::new() }
    }

    /// The projection, with something before the work of each handler.
    pub fn projection(
        &self,
        before: impl Fn(&StreamName, u64) -> Handled + Send + Sync + 'static,
    ) -> Balances {
        self.balances.again(before)
    }

    /// The same in another program.
    pub fn elsewhere(&self) -> Store {
        Store::new(self.faulty.clone())
    }

    /// What was read of the log: versions and sums.
    pub async fn balances(&self) -> BTreeMap<String, (u64, i64)> {
        self.balances.balances()
    }
}
