//! Those who listen, and what is known of them.

use super::Shared;
use super::catching::Hearing;
use crate::adapter::Filter;
use crate::format::DecodeError;
use crate::position::Cursor;
use crate::recorded::Recorded;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::watch;

/// Whether something is still wanted. Once it is not, it never is again.
pub(super) struct Asked(watch::Sender<bool>);

impl Asked {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(true))
    }

    pub(super) fn is_wanted(&self) -> bool {
        *self.0.borrow()
    }

    pub(super) fn withdraw(&self) {
        self.0.send_replace(false);
    }

    pub(super) fn listen(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }
}

/// What a listener with a task of its own does.
pub(super) type Call = Box<dyn FnMut(&Recorded) -> Result<Hearing, DecodeError> + Send>;

/// What a listener does that is called in turn with others.
pub(super) type CallInTurn = Box<dyn Fn(&Recorded) -> Result<(), DecodeError> + Send + Sync>;

/// A listener with a task of its own.
pub(super) struct InTask {
    pub(super) filter: Filter,
    pub(super) call: Call,
    pub(super) is_once: bool,
    pub(super) counts: Arc<Counts>,
}

/// A listener that is called in turn with others.
pub(super) struct InTurn {
    pub(super) is_for: fn(&Recorded) -> bool,
    pub(super) call: CallInTurn,
    pub(super) is_once: bool,
    pub(super) priority: i32,
    pub(super) counts: Arc<Counts>,
}

/// What is known of a listener.
pub(super) struct Counts {
    pub(super) asked: Asked,
    pub(super) event: &'static str,
    heard: AtomicU64,
    panics: AtomicU64,
    unreadable: AtomicU64,
    /// How far one with a task of its own has come.
    passed: Mutex<Option<Cursor>>,
}

impl Counts {
    pub(super) fn new(event: &'static str) -> Arc<Self> {
        Arc::new(Self {
            asked: Asked::new(),
            event,
            heard: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            passed: Mutex::new(None),
        })
    }

    pub(super) fn passed(&self) -> Option<Cursor> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn pass(&self, cursor: Cursor) {
        *self.passed.lock().unwrap_or_else(PoisonError::into_inner) = Some(cursor);
    }

    pub(super) fn heard(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn panicked(&self, recorded: &Recorded, text: &str) {
        self.panics.fetch_add(1, Ordering::Relaxed);
        let (position, stream) = (recorded.position(), recorded.stream());
        tracing::error!(%position, %stream, event = recorded.name(), panic = text, "a listener of the bus panicked");
    }

    pub(super) fn could_not_read(&self, recorded: &Recorded, error: &DecodeError) {
        self.unreadable.fetch_add(1, Ordering::Relaxed);
        let (position, stream) = (recorded.position(), recorded.stream());
        tracing::error!(%position, %stream, %error, "a listener of the bus cannot read an event, and is not told of it");
    }
}

/// Somebody who listens to a [`Bus`](super::Bus). Dropping it changes nothing.
pub struct Listener {
    pub(super) shared: Weak<Shared>,
    pub(super) counts: Arc<Counts>,
}

impl Listener {
    /// Ends it: once this has answered, it is not called any more. A call that is about to be made or under way is
    /// finished.
    pub fn unsubscribe(&self) {
        self.counts.asked.withdraw();
        if let Some(shared) = self.shared.upgrade() {
            shared.remove(&self.counts);
        }
    }

    /// Whether it may be called again: not after [`unsubscribe`](Self::unsubscribe), nor when the bus has ended, nor
    /// when it was to be called once and was.
    pub fn is_subscribed(&self) -> bool {
        self.counts.asked.is_wanted()
    }

    /// How many calls came to an end, those that panicked too.
    pub fn heard(&self) -> u64 {
        self.counts.heard.load(Ordering::Relaxed)
    }

    /// How many calls panicked. Each is reported by `tracing`.
    pub fn panics(&self) -> u64 {
        self.counts.panics.load(Ordering::Relaxed)
    }

    /// How many events it was not told of because they do not fit their type. Each is reported by `tracing`.
    pub fn unreadable(&self) -> u64 {
        self.counts.unreadable.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("event", &self.counts.event)
            .field("is_subscribed", &self.is_subscribed())
            .field("heard", &self.heard())
            .field("panics", &self.panics())
            .field("unreadable", &self.unreadable())
            .finish_non_exhaustive()
    }
}
