//! The bus: committed events to many consumers in the process. It is fed from the log and by nothing else.

mod catching;
mod dispatch;
mod listen;
mod listener;

pub use self::listen::{Consumer, Hear, Listen, ListenSync};
pub use self::listener::Listener;

use self::listener::{Asked, Counts, InTask, InTurn};
use crate::error::ReadError;
use crate::event::Event;
use crate::position::Cursor;
use crate::store::Store;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle as Runtime;
use tokio::sync::watch;

/// Tells listeners in this process of events that are stored, by whatever process.
///
/// There is no way to publish: what the log has is told, and nothing else. Each listener hears events in the order
/// of the log, and each of them once for as long as the bus runs. Nothing is kept of how far it has come: that is
/// [`cursor`](Self::cursor), to be kept by those who need it. What must be done for every event, whatever happens
/// to this process, is for a [`Reaction`](crate::Reaction).
///
/// Synchronous listeners are called first, those of a higher priority before others. Then it is the turn of the
/// asynchronous ones, each in a task of its own: one that is slow or stuck is behind, reads from the log what it
/// has missed, and delays nobody. A listener hears events by the names under which they are stored, and none that is
/// [read in the place of another](crate#evolution). No lock is held while a listener is called, so it may add and remove listeners
/// and give commands. A panic of a listener is caught, counted and reported, and the next event is told as if
/// nothing had happened.
///
/// ```standalone_crate
/// # use es_runtime::prelude::*;
/// # use es_runtime::Bus;
/// # #[event("order.placed")]
/// # pub struct OrderPlaced { pub customer: String }
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderPlaced))]
/// # pub struct Order {}
/// # impl Apply<OrderPlaced> for Order { fn apply(&mut self, _: &OrderPlaced) {} }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::connect("memory:").await?;
/// let bus = Bus::new(&store);
/// let (told, mut customers) = tokio::sync::mpsc::channel(1);
/// bus.on::<OrderPlaced>().run(move |event| {
///     let told = told.clone();
///     async move { _ = told.send(event.into_event().customer).await }
/// });
/// bus.start().await?;
///
/// let placed = |_: &Order| Ok::<_, String>(OrderPlaced { customer: "Ada".into() });
/// store.repository::<Order>().execute(&"o-1".to_string(), placed).await?;
/// assert_eq!(customers.recv().await.as_deref(), Some("Ada"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Bus {
    shared: Arc<Shared>,
    _last: Arc<StopsWhenDropped>,
}

struct Shared {
    store: Store,
    state: Mutex<State>,
    /// How far the synchronous listeners have come: others wait for that.
    passed: watch::Sender<Cursor>,
    /// What the dispatcher is asked for.
    asked: Asked,
    /// Each task has a receiver.
    tasks: watch::Sender<()>,
}

struct State {
    phase: Phase,
    /// Behind the event that synchronous listeners are told of now.
    begun: Cursor,
    /// Those of a higher priority first, replaced when they change: who calls them has a copy.
    sync: Arc<[Arc<InTurn>]>,
    waiting: Vec<InTask>,
    /// How far the asynchronous listeners have come.
    counts: Vec<Arc<Counts>>,
}

enum Phase {
    /// It has not begun.
    New,
    Running(Runtime),
    Stopped,
}

impl Bus {
    /// A bus that has not begun. Who listens before it [starts](Self::start) misses nothing.
    pub fn new(store: &Store) -> Self {
        let state = State {
            phase: Phase::New,
            begun: Cursor::start(),
            sync: Arc::default(),
            waiting: Vec::new(),
            counts: Vec::new(),
        };
        let shared = Arc::new(Shared {
            store: store.clone(),
            state: Mutex::new(state),
            passed: watch::Sender::new(Cursor::start()),
            asked: Asked::new(),
            tasks: watch::Sender::new(()),
        });
        Self { _last: Arc::new(StopsWhenDropped(Arc::clone(&shared))), shared }
    }

    /// Begins with what is stored from now on, on the tokio runtime of the caller. Where it has begun already,
    /// nothing changes.
    ///
    /// # Errors
    ///
    /// When the end of the log cannot be found. A retry may help.
    pub async fn start(&self) -> Result<(), ReadError> {
        let end = crate::subscription::head(&self.shared.store).await?;
        self.start_after(end).await;
        Ok(())
    }

    /// Begins behind a place in the log: what [`cursor`](Self::cursor) said when it was kept. On the tokio runtime
    /// of the caller. Where it has begun already, nothing changes.
    pub async fn start_after(&self, cursor: Cursor) {
        let runtime = Runtime::current();
        let mut state = self.shared.lock();
        if !matches!(state.phase, Phase::New) {
            return;
        }
        state.phase = Phase::Running(runtime.clone());
        state.begun = cursor.clone();
        self.shared.passed.send_replace(cursor.clone());
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        runtime.spawn(dispatch::to_sync(
            Arc::clone(&self.shared),
            cursor.clone(),
            self.shared.tasks.subscribe(),
        ));
        for listener in waiting {
            self.shared.spawn(&runtime, listener, cursor.clone());
        }
    }

    /// Listens to `E`, in a task of its own.
    pub fn on<E: Event>(&self) -> Listen<E> {
        Listen::new(Arc::clone(&self.shared))
    }

    /// Listens to `E` before those who do so in a task of their own. All of the synchronous listeners share one
    /// task, so they are to be quick and must not block.
    pub fn on_sync<E: Event>(&self) -> ListenSync<E> {
        ListenSync::new(Arc::clone(&self.shared))
    }

    /// Listens to several types of events, in one task and in the order of the log.
    pub fn consumer<C: Send + Sync + 'static>(&self, consumer: C) -> Consumer<C> {
        Consumer::new(Arc::clone(&self.shared), consumer)
    }

    /// How far every listener has come, the slowest of them too: where another bus is to begin so that nothing is
    /// missed. It may be told again of what some have heard.
    pub fn cursor(&self) -> Cursor {
        let state = self.shared.lock();
        let passed = self.shared.passed.borrow().clone();
        let all = state.counts.iter().filter_map(|counts| counts.passed());
        all.fold(passed, Cursor::meet)
    }

    /// Ends it: nobody is told of anything any more. Listeners that are at work finish what they do; see
    /// [`stopped`](Self::stopped). It also ends with the last `Bus`, which a listener that keeps one prevents.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// Waits until it has been [stopped](Self::stop) and no listener is at work.
    pub async fn stopped(&self) {
        let mut asked = self.shared.asked.listen();
        // The sender is in `self`.
        let _ = asked.wait_for(|is_wanted| !is_wanted).await;
        self.shared.tasks.closed().await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a listener with a task of its own, which hears what comes after what is told now.
    fn add(self: &Arc<Self>, listener: InTask) {
        let mut state = self.lock();
        let runtime = match &state.phase {
            Phase::Stopped => return listener.counts.asked.withdraw(),
            Phase::Running(runtime) => Some(runtime.clone()),
            Phase::New => None,
        };
        state.counts.push(Arc::clone(&listener.counts));
        let Some(runtime) = runtime else { return state.waiting.push(listener) };
        let begun = state.begun.clone();
        drop(state);
        self.spawn(&runtime, listener, begun);
    }

    fn spawn(self: &Arc<Self>, runtime: &Runtime, listener: InTask, after: Cursor) {
        listener.counts.pass(after.clone());
        runtime.spawn(dispatch::to_one(Arc::clone(self), listener, after, self.tasks.subscribe()));
    }

    /// Adds a synchronous listener, behind those of its own priority.
    fn add_sync(&self, listener: InTurn) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Stopped) {
            return listener.counts.asked.withdraw();
        }
        let at = state.sync.partition_point(|other| other.priority >= listener.priority);
        let mut listeners = state.sync.to_vec();
        listeners.insert(at, Arc::new(listener));
        state.sync = listeners.into();
    }

    /// Forgets a listener that is to hear no more.
    fn remove(&self, counts: &Arc<Counts>) {
        let mut state = self.lock();
        let is_other = |other: &Arc<Counts>| !Arc::ptr_eq(other, counts);
        state.counts.retain(is_other);
        // What they have captured is dropped without the lock: it may be anything.
        let waiting = std::mem::take(&mut state.waiting);
        let (kept, removed): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|other| is_other(&other.counts));
        state.waiting = kept;
        let kept = state.sync.iter().filter(|other| is_other(&other.counts)).cloned().collect();
        let old = std::mem::replace(&mut state.sync, kept);
        drop(state);
        drop((removed, old));
    }

    fn stop(&self) {
        // First, so that no event is taken for told whose listeners were sent away before they heard of it.
        self.asked.withdraw();
        let mut state = self.lock();
        state.phase = Phase::Stopped;
        let (waiting, sync) = (std::mem::take(&mut state.waiting), std::mem::take(&mut state.sync));
        state.counts.iter().for_each(|counts| counts.asked.withdraw());
        sync.iter().for_each(|listener| listener.counts.asked.withdraw());
        drop(state);
        // What they have captured may be anything, and it may be this bus.
        drop((waiting, sync));
    }
}

struct StopsWhenDropped(Arc<Shared>);

impl Drop for StopsWhenDropped {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("store", &self.shared.store).finish_non_exhaustive()
    }
}
