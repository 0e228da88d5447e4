//! The store under test, and how a rule is applied to it.

use es_runtime::{
    Adapter, AppendError, Appended, Clock, Commit, Cursor, Direction, Filter, Freshness, Limit, Page,
    ReadError, Recorded, StreamName, SystemClock, Timestamp, Version,
};
use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// How long a rule may take before the store is taken to hang.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether a promise was kept.
pub type Kept = Result<(), Broken>;

/// A promise that was not kept, and how.
pub struct Broken(String);

impl Broken {
    /// For this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl<E: std::error::Error> From<E> for Broken {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Gives up a rule unless something is so.
macro_rules! ensure {
    ($holds:expr, $($reason:tt)+) => {
        if !$holds {
            return Err($crate::Broken::new(format!($($reason)+)));
        }
    };
}

/// Gives up a rule unless two values are the same.
macro_rules! ensure_eq {
    ($actual:expr, $wanted:expr, $($reason:tt)+) => {
        match (&$actual, &$wanted) {
            (actual, wanted) => $crate::subject::ensure!(
                actual == wanted,
                "{}: {actual:?}, but it should be {wanted:?}",
                format_args!($($reason)+)
            ),
        }
    };
}

/// Gives up a rule unless a value has a pattern's shape.
macro_rules! ensure_matches {
    ($actual:expr, $pattern:pat $(if $guard:expr)?, $($reason:tt)+) => {
        match &$actual {
            $pattern $(if $guard)? => {}
            actual => {
                let wanted = stringify!($pattern);
                $crate::subject::ensure!(false, "{}: {actual:?}, but it should be {wanted}", format_args!($($reason)+))
            }
        }
    };
}

pub(crate) use {ensure, ensure_eq, ensure_matches};

/// Where a store is to be opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct Setup {
    /// A directory of its own, which exists and is removed afterwards.
    pub dir: PathBuf,
    /// A name of its own, for a database or a prefix.
    pub name: String,
    /// Tells the time, and jumps.
    pub clock: Arc<dyn Clock>,
}

/// The system's clock, moved by the rules.
#[derive(Default)]
pub struct TestClock {
    offset: AtomicI64,
}

impl TestClock {
    /// Moves it by so many seconds.
    pub fn jump(&self, seconds: i64) {
        self.offset.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now().as_micros().saturating_add_signed(self.offset.load(Ordering::SeqCst));
        Timestamp::from_micros(now).unwrap_or(Timestamp::MAX)
    }
}

type Opening<A> = Pin<Box<dyn Future<Output = A> + Send>>;
type Open<A> = Arc<dyn Fn(Setup) -> Opening<A> + Send + Sync>;

/// A store under test. Clones are the same store.
pub struct Subject<A> {
    // Before the place, so that it is closed when that is removed.
    store: Arc<A>,
    place: Arc<Place>,
    open: Open<A>,
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
        Self { store: self.store.clone(), place: self.place.clone(), open: self.open.clone() }
    }
}

impl<A> Deref for Subject<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.store
    }
}

impl<A> Subject<A> {
    async fn start(open: Open<A>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("conformance_{}_{number}", process::id());
        let dir = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&dir).expect("a directory for the test");
        let clock = Arc::new(TestClock::default());
        let place = Place { setup: Setup { dir, name, clock: clock.clone() }, clock };
        let store = Arc::new(open(place.setup.clone()).await);
        Self { store, place: Arc::new(place), open }
    }

    /// A store of the same kind, with nothing in it.
    pub async fn another(&self) -> Self {
        Self::start(self.open.clone()).await
    }

    /// The same store, closed (unless it has clones) and opened again.
    pub async fn again(self) -> Self {
        let Self { store, place, open } = self;
        drop(store);
        let store = Arc::new(open(place.setup.clone()).await);
        Self { store, place, open }
    }

    /// The clock it was opened with.
    pub fn clock(&self) -> &TestClock {
        &self.place.clock
    }
}

impl<A: Adapter> Subject<A> {
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

    /// Every event of the log, in pages that are as small as possible if `limit` is.
    pub async fn pages(&self, filter: &Filter, limit: Limit) -> Result<Vec<Recorded>, Broken> {
        let (mut events, mut cursor) = (Vec::new(), Cursor::start());
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
        for _ in 0..500 {
            let events = self.pages(&Filter::all(), Limit::default()).await?;
            if events.len() >= count {
                ensure_eq!(events.len(), count, "events in the log");
                return Ok(events);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let events = self.pages(&Filter::all(), Limit::default()).await?;
        Err(Broken::new(format!("the log has {} events after 5 s, but {count} were stored", events.len())))
    }
}

/// Applies `rule` to a store that `open` opens.
///
/// # Errors
///
/// When the promise is not kept: the rule says so, panics, or does not come to an end.
pub fn check<A, O, F, R, K>(open: O, rule: R) -> Result<(), String>
where
    A: Send + Sync + 'static,
    O: Fn(Setup) -> F + Send + Sync + 'static,
    F: Future<Output = A> + Send + 'static,
    R: FnOnce(Subject<A>) -> K,
    K: Future<Output = Kept>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let open: Open<A> = Arc::new(move |setup| Box::pin(open(setup)));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let subject = Subject::start(open).await;
            tokio::time::timeout(PATIENCE, rule(subject)).await
        })
    }));
    runtime.shutdown_background();
    match outcome {
        Ok(Ok(kept)) => kept.map_err(|broken| broken.0),
        Ok(Err(_)) => Err(format!("no end after {} s", PATIENCE.as_secs())),
        Err(panic) => Err(said(&*panic)),
    }
}

/// Applies `rule` to a store that `open` opens, and panics when the promise is not kept.
pub fn run<A, O, F, R, K>(open: O, rule: R)
where
    A: Send + Sync + 'static,
    O: Fn(Setup) -> F + Send + Sync + 'static,
    F: Future<Output = A> + Send + 'static,
    R: FnOnce(Subject<A>) -> K,
    K: Future<Output = Kept>,
{
    if let Err(broken) = check(open, rule) {
        panic!("{broken}");
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked").to_owned()
}
