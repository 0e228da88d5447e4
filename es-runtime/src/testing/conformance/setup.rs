//! Where a store under test is, and what time it is there.

use crate::{Clock, SystemClock, Timestamp};
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where a store is to be opened. The same one again means the same store.
#[derive(Clone)]
#[non_exhaustive]
pub struct Setup {
    /// A directory of its own, which exists and is removed afterwards.
    pub dir: PathBuf,
    /// A name of its own, for a schema, a database or a prefix: at most 60 bytes, which are small letters,
    /// digits and underscores. No run of the tests has had it before.
    pub name: String,
    /// Tells the time, and jumps. A store whose server tells the time ignores it.
    pub clock: Arc<dyn Clock>,
    afterwards: Afterwards,
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is to be done when a rule has come to its end.
#[derive(Clone, Default)]
pub(super) struct Afterwards(Arc<Mutex<Vec<Task>>>);

impl Afterwards {
    pub(super) async fn run(&self) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for one in all {
            one.await;
        }
    }
}

impl Setup {
    pub(super) fn new(clock: Arc<dyn Clock>, afterwards: Afterwards) -> std::io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // A process may get the number of an earlier one, and a server still has what that left behind.
        let name = format!("conformance_{:x}_{}_{number}", SystemClock.now().as_micros(), std::process::id());
        let dir = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&dir)?;
        Ok(Self { dir, name, clock, afterwards })
    }

    /// Has something done when the rule has come to its end, such as dropping the schema on a server. It is
    /// done once for each time this is called: call it where the closure creates something.
    ///
    /// ```
    /// # use es_runtime::testing::conformance::Setup;
    /// # async fn drop_schema(_: String) {}
    /// # fn opening(setup: Setup) {
    /// setup.afterwards(drop_schema(setup.name.clone()));
    /// # }
    /// ```
    pub fn afterwards(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.afterwards.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(task));
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("dir", &self.dir).field("name", &self.name).finish_non_exhaustive()
    }
}

/// The system's clock, moved by the rules.
#[derive(Debug, Default)]
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
