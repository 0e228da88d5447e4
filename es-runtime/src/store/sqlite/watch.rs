//! Finds out when another process writes, as long as somebody wants to know.

use super::Shared;
use super::connection::Target;
use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often to look. A look costs some microseconds.
const EVERY: Duration = Duration::from_millis(10);

/// How long to leave it when the file could not be looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// The thread that looks, started for the first who listens. It sleeps while nobody does.
pub(super) struct Watcher {
    target: Target,
    is_over: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Watcher {
    pub(super) fn new(target: Target) -> Self {
        Self { target, is_over: Arc::default(), thread: Mutex::default() }
    }

    /// Looks from now on. Somebody listens already.
    pub(super) fn wake(&self, shared: &Arc<Shared>) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = &*thread {
            thread.thread().unpark();
            return;
        }
        let (shared, target, is_over) = (shared.clone(), self.target.clone(), self.is_over.clone());
        // Without a thread the next who listens tries again; until then what this process writes is told.
        let started = std::thread::Builder::new().name("es-sqlite-watch".into());
        *thread = started.spawn(move || run(&shared, &target, &is_over)).ok();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, target: &Target, is_over: &AtomicBool) {
    let (mut connection, mut seen) = (None, None);
    while !is_over.load(Ordering::Acquire) {
        if shared.changes.receiver_count() == 0 {
            // Who listens wakes us, even if it happens before we sleep.
            std::thread::park();
            continue;
        }
        match look(&mut connection, target, shared) {
            Ok(version) => {
                // The first time too: what was written before it may have been missed.
                if seen.replace(version) != Some(version) {
                    shared.changes.send_replace(());
                }
                std::thread::park_timeout(EVERY);
            }
            Err(_) => {
                (connection, seen) = (None, None);
                std::thread::park_timeout(PAUSE);
            }
        }
    }
}

/// A number that changes when another connection commits.
fn look(connection: &mut Option<Connection>, target: &Target, shared: &Shared) -> rusqlite::Result<i64> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(target.reader(shared.identity)?.connection),
    };
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
