//! The store under test, with the calls that rules make again and again.

use super::setup::{Afterwards, Setup, TestClock};
use super::{Ability, Broken, ensure, ensure_eq};
use crate::{
    Adapter, AppendError, Appended, Commit, Cursor, Direction, Durability, Filter, Freshness, Limit, Page,
    ReadError, Recorded, StreamName, Version,
};
use std::ops::Deref;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

type Opening<A> = Pin<Box<dyn Future<Output = A> + Send>>;

/// How stores of a kind are opened, and what they are not expected to do.
pub(super) struct Kind<A> {
    pub(super) open: Box<dyn Fn(Setup) -> Opening<A> + Send + Sync>,
    pub(super) without: Vec<Ability>,
    pub(super) afterwards: Afterwards,
}

/// A store under test. Clones are the same store, and the same handle to it.
pub struct Subject<A> {
    // Before the place, so that it is closed when that is removed.
    store: Arc<A>,
    place: Arc<Place>,
    kind: Arc<Kind<A>>,
}

struct Place {
    setup: Setup,
    clock: Arc<TestClock>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.setup.dir);
    }
}

impl<A> Clone for Subject<A> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), place: self.place.clone(), kind: self.kind.clone() }
    }
}

impl<A> Deref for Subject<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.store
    }
}

impl<A> Subject<A> {
    pub(super) async fn start(kind: Arc<Kind<A>>) -> Self {
        let clock = Arc::new(TestClock::default());
        let setup = Setup::new(clock.clone(), kind.afterwards.clone()).expect("a directory for the test");
        let store = Arc::new((kind.open)(setup.clone()).await);
        Self { store, place: Arc::new(Place { setup, clock }), kind }
    }

    /// A store of the same kind, with nothing in it.
    pub async fn another(&self) -> Self {
        Self::start(self.kind.clone()).await
    }

    /// The same store, closed (unless it has clones) and opened again.
    pub async fn again(self) -> Self {
        let Self { store, place, kind } = self;
        drop(store);
        let store = Arc::new((kind.open)(place.setup.clone()).await);
        Self { store, place, kind }
    }

    /// The same store, closed (unless it has clones), with something done to its directory, and opened again.
    pub async fn again_after(
        self,
        change: impl FnOnce(&Path) -> std::io::Result<()>,
    ) -> Result<Self, Broken> {
        let Self { store, place, kind } = self;
        drop(store);
        change(&place.setup.dir)?;
        let store = Arc::new((kind.open)(place.setup.clone()).await);
        Ok(Self { store, place, kind })
    }

    /// The same store, opened once more while it is open, as another process does.
    pub async fn twin(&self) -> Self {
        let store = Arc::new((self.kind.open)(self.place.setup.clone()).await);
        Self { store, place: self.place.clone(), kind: self.kind.clone() }
    }

    /// The clock it was opened with.
    pub fn clock(&self) -> &TestClock {
        &self.place.clock
    }

    /// Where it was opened.
    pub fn setup(&self) -> &Setup {
        &self.place.setup
    }
}

impl<A: Adapter> Subject<A> {
    /// Whether this store can do something that not every store can. A rule about it may end where it cannot:
    /// whoever applies the rules has said so.
    ///
    /// # Errors
    ///
    /// When the store and those who apply the rules do not agree.
    pub fn can(&self, ability: Ability) -> Result<bool, Broken> {
        let capabilities = self.capabilities();
        let is_expected = !self.kind.without.contains(&ability);
        let is_able = match ability {
            Ability::Guards => capabilities.guards,
            Ability::SeveralStreams => capabilities.multi_stream,
            Ability::TotalOrder => capabilities.total_order,
            Ability::Durability => capabilities.durability > Durability::Memory,
            Ability::Snapshots => self.snapshots().is_some(),
            Ability::Registers => self.registers().is_some(),
            Ability::Transactions => self.transactions().is_some(),
            Ability::TwoHandles => is_expected,
        };
        ensure!(
            is_able || !is_expected,
            "the store says that it is without {ability:?}. If that is meant, tell the suite: \
             `conformance!(name, without({ability:?}), ...)`"
        );
        ensure!(
            !is_able || is_expected,
            "the suite was told that the store is without {ability:?}, but it is not"
        );
        Ok(is_able)
    }

    /// Appends a single commit.
    pub async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        let mut outcomes = self.append_batch(vec![commit]).await;
        assert_eq!(outcomes.len(), 1, "a batch of one commit has one outcome");
        outcomes.remove(0)
    }

    /// A page of a stream, as a decision reads it.
    pub async fn page(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
    ) -> Result<Page, ReadError> {
        self.read_stream(stream, from, direction, limit, Freshness::Latest).await
    }

    /// Every event of a stream.
    pub async fn stream(&self, stream: &StreamName) -> Result<Vec<Recorded>, ReadError> {
        let (mut events, mut from) = (Vec::new(), Some(Version::new(1)));
        while let Some(version) = from {
            let page = self.page(stream, version, Direction::Forward, Limit::default()).await?;
            events.extend(page.events);
            from = page.next;
        }
        Ok(events)
    }

    /// Every event of the log after `cursor` that the filter lets through.
    pub async fn rest(
        &self,
        mut cursor: Cursor,
        filter: &Filter,
        limit: Limit,
    ) -> Result<Vec<Recorded>, Broken> {
        let mut events = Vec::new();
        loop {
            let page = self.read_all(&cursor, filter, limit).await?;
            events.extend(page.events);
            if page.is_end {
                return Ok(events);
            }
            ensure!(page.next != cursor, "a page of the log that is not the last must get further");
            cursor = page.next;
        }
    }

    /// The log, as soon as `count` events are in it: nothing says how soon that is.
    pub async fn log(&self, count: usize) -> Result<Vec<Recorded>, Broken> {
        const TRIES: usize = 500;
        let mut seen = 0;
        for _ in 0..TRIES {
            let events = self.rest(Cursor::start(), &Filter::all(), Limit::default()).await?;
            if events.len() >= count {
                ensure_eq!(events.len(), count, "events in the log");
                return Ok(events);
            }
            seen = events.len();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(Broken::new(format!("the log has {seen} events after 5 s, but {count} were stored")))
    }
}
