//! Turns: the commands on one stream go one after another, in the order in which they came.
//!
//! Of two commands that load the same version one is stored, and the other was work for nothing. So a command
//! takes the stream's turn before it loads, and gives it back when its append is answered. It keeps the turn
//! while the outcome is unknown: who came next would decide on a state that may be changing.
//!
//! This saves work and guards nothing. The expected version does, against other processes and against whoever
//! takes no turn, and so nobody needs to wait for ever: a turn that was kept for [`PATIENCE`] while others
//! wait is passed on. Its holder may hang in the store, or be a future that nobody polls, perhaps because its
//! task waits for this very turn.

#[cfg(test)]
mod tests;

use crate::name::StreamName;
use crate::store::stats::Counters;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

/// How long others wait for a command that has the turn.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// So that commands on different streams seldom meet at a lock. A power of two.
const SHARDS: usize = 64;

pub(crate) struct Turns {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    patience: Duration,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Shard {
    /// The number given last.
    last: u64,
    /// One for each stream whose turn somebody has: few, and soon over.
    queues: Vec<Queue>,
}

struct Queue {
    /// Of the stream's name. Should two streams share it, they wait for each other, which harms neither.
    hash: u64,
    /// The number of the command whose turn it is.
    turn: u64,
    /// When somebody first had to wait for it.
    since: Option<Instant>,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    number: u64,
    call: oneshot::Sender<()>,
}

impl Turns {
    pub(crate) fn new(patience: Duration, counters: Arc<Counters>) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards, patience, counters }
    }

    /// Waits until it is this command's turn on `stream`, or until it has waited long enough.
    ///
    /// A command never waits for a second turn while it has one, so no two wait for each other.
    pub(crate) async fn take(&self, stream: &StreamName) -> Turn<'_> {
        let hash = self.hasher.hash_one(stream);
        let (number, called) = self.shard(hash).join(hash);
        // From here on, whatever becomes of this future, the number is given back.
        let turn = Turn { turns: self, hash, number };
        if let Some(called) = called {
            self.counters.waits.add();
            let span = tracing::debug_span!("es.wait", stream = stream.as_str());
            turn.wait(called).instrument(span).await;
        }
        turn
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // No foreign code runs under the lock, so the queues of a poisoned one are still whole.
        self.shards[hash as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue of a stream, first or not. Dropped, it is given back.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    hash: u64,
    number: u64,
}

impl Turn<'_> {
    /// Whether nobody went past a holder that took too long.
    pub(crate) fn is_held(&self) -> bool {
        self.turns.shard(self.hash).queue(self.hash).is_some_and(|queue| queue.turn == self.number)
    }

    /// The queue says who waits. The call only wakes who is to look.
    async fn wait(&self, mut called: oneshot::Receiver<()>) {
        while let Some(until) = self.look() {
            let _ = timeout_at(until, &mut called).await;
        }
    }

    /// Passes on the turn of who had it for too long. Says how long to wait, unless that is over.
    fn look(&self) -> Option<Instant> {
        let mut shard = self.turns.shard(self.hash);
        let call = shard.overtake(self.hash, self.turns.patience);
        let since = shard.waits_since(self.hash, self.number);
        drop(shard);
        if let Some(call) = call {
            self.turns.counters.overtakes.add();
            tracing::debug!("the command before made no progress, so the next one goes ahead");
            let _ = call.send(());
        }
        since.map(|since| since + self.turns.patience)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let call = self.turns.shard(self.hash).leave(self.hash, self.number);
        if let Some(call) = call {
            // Whoever is not there any more has given its number back, or is about to.
            let _ = call.send(());
        }
    }
}

impl Shard {
    /// A number, and what to wait for where it is another's turn.
    fn join(&mut self, hash: u64) -> (u64, Option<oneshot::Receiver<()>>) {
        self.last += 1;
        let number = self.last;
        let Some(queue) = self.queue(hash) else {
            self.queues.push(Queue { hash, turn: number, since: None, waiting: VecDeque::new() });
            return (number, None);
        };
        let (call, called) = oneshot::channel();
        queue.since.get_or_insert_with(Instant::now);
        queue.waiting.push_back(Waiting { number, call });
        (number, Some(called))
    }

    /// Gives a number back. Answers with who is to be called.
    fn leave(&mut self, hash: u64, number: u64) -> Option<oneshot::Sender<()>> {
        let index = self.queues.iter().position(|queue| queue.hash == hash)?;
        let queue = &mut self.queues[index];
        if queue.turn != number {
            queue.waiting.retain(|waiting| waiting.number != number);
            return None;
        }
        let next = queue.pass_on();
        if next.is_none() {
            self.queues.swap_remove(index);
        }
        next
    }

    /// Passes the turn on if others have waited for it long enough. Answers with who is to be called.
    fn overtake(&mut self, hash: u64, patience: Duration) -> Option<oneshot::Sender<()>> {
        let queue = self.queue(hash)?;
        queue.since.filter(|since| since.elapsed() >= patience)?;
        queue.pass_on()
    }

    /// When somebody first had to wait for the turn, if `number` waits for it.
    fn waits_since(&mut self, hash: u64, number: u64) -> Option<Instant> {
        let queue = self.queue(hash)?;
        let waits = queue.waiting.iter().any(|waiting| waiting.number == number);
        queue.since.filter(|_| waits)
    }

    fn queue(&mut self, hash: u64) -> Option<&mut Queue> {
        self.queues.iter_mut().find(|queue| queue.hash == hash)
    }
}

impl Queue {
    fn pass_on(&mut self) -> Option<oneshot::Sender<()>> {
        let next = self.waiting.pop_front()?;
        self.turn = next.number;
        self.since = (!self.waiting.is_empty()).then(Instant::now);
        Some(next.call)
    }
}
