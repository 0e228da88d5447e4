//! A reader that follows the log of a store while bad things happen to it.

use crate::ledger::{commits, read_log};
use es_runtime::{Cursor, EventId, Filter, Limit, Position, Recorded, Store};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

/// Longer than a reader ever waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a reader that has read all waits before it looks again.
const PAUSE: Duration = Duration::from_millis(2);

/// A reader in a thread of its own that follows the log from its beginning.
///
/// What it is told is never unsaid: whoever shows events to others could not call them back.
#[derive(Debug)]
pub struct Tail {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Vec<Recorded>>>,
}

#[derive(Debug)]
struct Shared {
    url: String,
    wish: Mutex<Wish>,
    /// It has no store open, as was wished.
    has_released: AtomicBool,
    events: AtomicU64,
    failures: AtomicU64,
}

/// What a reader shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Follow,
    /// Have no store open.
    Release,
    /// Read to the end, and end.
    Finish,
    /// End: nobody waits for it any more.
    End,
}

/// What a reader has seen.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Events, each once and in the order of the log.
    pub events: usize,
    /// How often a read failed.
    pub failures: u64,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a reader saw all {} events, {} reads failed", self.events, self.failures)
    }
}

impl Tail {
    /// Follows the store at `url`, as soon as it can be opened.
    pub fn follow(url: &str) -> Self {
        let shared = Arc::new(Shared {
            url: url.to_owned(),
            wish: Mutex::new(Wish::Follow),
            has_released: AtomicBool::new(false),
            events: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        });
        let thread = Some(std::thread::spawn({
            let shared = shared.clone();
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(follow(&shared))
            }
        }));
        Self { shared, thread }
    }

    /// How many events it has seen.
    pub fn events(&self) -> u64 {
        self.shared.events.load(Ordering::SeqCst)
    }

    /// Waits until it has seen so many events.
    ///
    /// # Panics
    ///
    /// When that takes too long.
    pub fn until(&self, events: u64) {
        let what = || format!("the reader has seen {} of {events} events", self.events());
        self.wait(|| self.events() >= events, &what);
    }

    /// Closes its store until [`go_on`](Self::go_on), so that the files can be taken away meanwhile.
    ///
    /// # Panics
    ///
    /// When that takes too long.
    pub fn release(&self) {
        self.shared.set(Wish::Release);
        let has_released = || self.shared.has_released.load(Ordering::SeqCst);
        self.wait(has_released, &|| "the reader does not let go".to_owned());
    }

    /// Opens its store again, and reads on where it was.
    pub fn go_on(&self) {
        self.shared.has_released.store(false, Ordering::SeqCst);
        self.shared.set(Wish::Follow);
    }

    /// Reads to the end of the log and compares what it has seen with what is there.
    ///
    /// # Panics
    ///
    /// When it missed an event, saw one twice, in another order, or one that is gone.
    pub async fn finish(mut self, url: &str) -> Seen {
        self.shared.set(Wish::Finish);
        self.wait(|| self.is_finished(), &|| "the reader does not come to the end".to_owned());
        let seen = self.thread.take().expect("it is taken once").join();
        let seen = seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let store = Store::connect(url).await.unwrap_or_else(|error| panic!("it does not open: {error}"));
        let log = read_log(&store).await.unwrap_or_else(|error| panic!("the log cannot be read: {error}"));
        expect_same(&seen, &log);
        let _ = commits(&seen);
        Seen { events: seen.len(), failures: self.shared.failures.load(Ordering::SeqCst) }
    }

    fn is_finished(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    fn wait(&self, condition: impl Fn() -> bool, what: &dyn Fn() -> String) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            let is_stuck = Instant::now() > deadline || (self.is_finished() && !condition());
            assert!(!is_stuck, "{}, after {} failures", what(), self.shared.failures.load(Ordering::SeqCst));
            sleep(PAUSE);
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.shared.set(Wish::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn wish(&self) -> Wish {
        *self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, wish: Wish) {
        *self.wish.lock().unwrap_or_else(PoisonError::into_inner) = wish;
    }

    async fn failed(&self) {
        self.failures.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(5 * PAUSE).await;
    }
}

async fn follow(shared: &Shared) -> Vec<Recorded> {
    let (mut seen, mut cursor) = (Vec::new(), Cursor::start());
    loop {
        match shared.wish() {
            Wish::End => return seen,
            Wish::Release => {
                shared.has_released.store(true, Ordering::SeqCst);
                tokio::time::sleep(PAUSE).await;
            }
            Wish::Follow | Wish::Finish => match Store::connect(&shared.url).await {
                // The same store for as long as possible: it must get over what happens by itself.
                Ok(store) if read_on(shared, &store, &mut cursor, &mut seen).await => return seen,
                Ok(_) => {}
                Err(_) => shared.failed().await,
            },
        }
    }
}

/// Whether it is done, or else has to let go.
async fn read_on(shared: &Shared, store: &Store, cursor: &mut Cursor, seen: &mut Vec<Recorded>) -> bool {
    loop {
        let wish = shared.wish();
        if matches!(wish, Wish::Release | Wish::End) {
            return wish == Wish::End;
        }
        match store.read_all(cursor, &Filter::all(), Limit::events(200)).await {
            Ok(page) => {
                shared.events.fetch_add(page.events.len() as u64, Ordering::SeqCst);
                seen.extend(page.events);
                *cursor = page.next;
                match page.is_end {
                    true if wish == Wish::Finish => return true,
                    true => tokio::time::sleep(PAUSE).await,
                    false => {}
                }
            }
            Err(_) => shared.failed().await,
        }
    }
}

/// Says what is wrong rather than that something is.
fn expect_same(seen: &[Recorded], log: &[Recorded]) {
    let place = |event: &Recorded| (event.position(), event.index(), event.id());
    let list = |events: &[(Position, u64, EventId)]| format!("{:?}", &events[..events.len().min(5)]);
    let in_log: std::collections::HashSet<_> = log.iter().map(Recorded::id).collect();
    let in_seen: std::collections::HashSet<_> = seen.iter().map(Recorded::id).collect();
    let missed: Vec<_> = log.iter().filter(|event| !in_seen.contains(&event.id())).map(place).collect();
    assert!(
        missed.is_empty(),
        "the reader missed {} of {} events: {}",
        missed.len(),
        log.len(),
        list(&missed)
    );
    let gone: Vec<_> = seen.iter().filter(|event| !in_log.contains(&event.id())).map(place).collect();
    assert!(gone.is_empty(), "the reader saw {} events that are gone: {}", gone.len(), list(&gone));
    assert_eq!(seen.len(), log.len(), "the reader saw some events twice");
    let differs = seen.iter().zip(log).position(|(seen, log)| seen != log);
    assert!(differs.is_none(), "the reader saw another order or content from event {differs:?} on");
}
