//! Group loads: who finds few loads underway reads alone and at once, who finds many is read with those who come
//! meanwhile, by one statement for all of them.
//!
//! There is no timer. A group begins when a load before it ends, so each of its loads is answered by a statement
//! that began after the load was asked for. Whatever goes wrong with a group, its callers are left to read alone,
//! and so are those whose stream is long, after its first part.

use super::connection::Connection;
use super::kinds::Kinds;
use super::pool::Pool;
use super::read::signed;
use super::rows::{Decoder, Unread, get};
use super::statements::Sql;
use crate::adapter::Reader;
use crate::error::ReadError;
use crate::name::StreamName;
use crate::position::Version;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_postgres::Row;

/// How many loads and groups are underway at most while others wait for them. More are no faster: each is a call
/// of the server that another group could have shared.
const UNDERWAY: usize = 1;

/// The most loads of a group.
const MOST_LOADS: usize = 64;

/// The most events of each stream that a group reads. Most aggregates have no more.
const MOST_EVENTS: i64 = 128;

/// How much a group reads; the loads that it has no room for are left to read alone.
const MOST_BYTES: usize = 4 << 20;

pub(super) struct Loads {
    pool: Arc<Pool>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    underway: usize,
    waiting: VecDeque<Load>,
}

struct Load {
    stream: StreamName,
    from: Version,
    answer: oneshot::Sender<Answer>,
}

/// How a load goes on.
pub(super) enum Answer {
    /// Alone; the turn is to be kept until the first rows have come.
    Alone(Turn),
    /// With what a group has read for it.
    Read(Part),
    /// Not at all: there was no connection for as long as patience lasts.
    Failed(ReadError),
}

impl Loads {
    pub(super) fn new(pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Self { pool, queue: Mutex::default() })
    }

    /// Waits until it is clear how to load `stream`. Nothing where a group failed: whoever asks for it reads alone.
    pub(super) async fn join(self: &Arc<Self>, stream: &StreamName, from: Version) -> Option<Answer> {
        let waits = {
            let mut queue = self.queue();
            if queue.underway < UNDERWAY {
                queue.underway += 1;
                None
            } else {
                Some(queue.wait(stream, from))
            }
        };
        if let Some(answer) = waits {
            return answer.await.ok();
        }
        let turn = Turn(Arc::clone(self));
        // Tasks that are ready to run go first, and may make it a group from the start.
        tokio::task::yield_now().await;
        let answer = {
            let mut queue = self.queue();
            if queue.waiting.is_empty() {
                return Some(Answer::Alone(turn));
            }
            queue.wait(stream, from)
        };
        drop(turn);
        answer.await.ok()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No foreign code runs under the lock, so the queue of a poisoned one is still whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn wait(&mut self, stream: &StreamName, from: Version) -> oneshot::Receiver<Answer> {
        let (sender, answer) = oneshot::channel();
        self.waiting.push_back(Load { stream: stream.clone(), from, answer: sender });
        answer
    }
}

/// The right to load. Whoever gives it back lets a task of its own load for those who wait: a caller that is
/// dropped must take no other with it.
pub(super) struct Turn(Arc<Loads>);

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.waiting.retain(|load| !load.answer.is_closed());
        let group: Vec<_> = match queue.waiting.len() {
            0 => Vec::new(),
            waiting => queue.waiting.drain(..waiting.min(MOST_LOADS)).collect(),
        };
        let runtime = Handle::try_current().ok().filter(|_| !group.is_empty());
        let Some(runtime) = runtime else {
            // Outside of a runtime nobody can load for others. Dropped, their loads are left to read alone.
            queue.underway -= 1;
            let left = std::mem::take(&mut queue.waiting);
            drop(queue);
            drop((group, left));
            return;
        };
        drop(queue);
        let turn = Self(Arc::clone(&self.0));
        runtime.spawn(turn.load(group));
    }
}

impl Turn {
    async fn load(self, mut group: Vec<Load>) {
        // A statement for one stream alone costs less.
        if group.len() == 1
            && let Some(load) = group.pop()
        {
            // Where nobody is there any more, the turn comes back and is passed on.
            let _ = load.answer.send(Answer::Alone(self));
            return;
        }
        match self.0.pool.get().await {
            // Those whom it does not answer read alone.
            Ok(mut connection) => drop(read(&mut connection, group).await),
            // They have waited as long as they would alone.
            Err(failure) => {
                for load in group {
                    let error = failure.read_error(load.stream.as_str());
                    let _ = load.answer.send(Answer::Failed(error));
                }
            }
        }
    }
}

/// Reads the first part of each stream of `group`, and answers those that it has read.
async fn read(connection: &mut Connection, group: Vec<Load>) -> Result<(), Unread> {
    let streams: Vec<_> = group.iter().map(|load| load.stream.as_str()).collect();
    let from: Vec<_> = group.iter().map(|load| signed(load.from)).collect();
    let mut stored = pin!(connection.stream(Sql::ReplayGroup, &[&streams, &from, &MOST_EVENTS]).await?);
    let mut parts: Vec<Vec<Row>> = group.iter().map(|_| Vec::new()).collect();
    // The rows of a load come together, in the order of the loads.
    let (mut bytes, mut read) = (0, group.len());
    loop {
        let chunk = connection.chunk(stored.as_mut()).await?;
        bytes += chunk.bytes();
        for row in chunk.rows {
            let number = get::<i64>(&row, 3, "number", &"a load")?;
            let number = usize::try_from(number).unwrap_or_default().wrapping_sub(1);
            let Some(part) = parts.get_mut(number) else { continue };
            part.push(row);
            read = number;
        }
        if chunk.is_last {
            read = group.len();
            break;
        }
        if bytes > MOST_BYTES {
            break;
        }
    }
    for (load, rows) in group.into_iter().zip(parts).take(read) {
        let kinds = Arc::clone(&connection.kinds);
        let _ = load.answer.send(Answer::Read(Part { kinds, rows }));
    }
    Ok(())
}

/// The first events of a stream.
pub(super) struct Part {
    kinds: Arc<Kinds>,
    rows: Vec<Row>,
}

impl Part {
    /// Shows them to `reader` and moves `next` along. Says whether the load is over.
    pub(super) fn show(
        &self,
        stream: &StreamName,
        next: &mut Version,
        reader: Reader<'_>,
    ) -> Result<bool, Unread> {
        let mut decoder = Decoder::new(&self.kinds);
        for row in &self.rows {
            if reader(&decoder.bare(row, stream, *next)?).is_break() {
                return Ok(true);
            }
            *next = next.next();
        }
        Ok((self.rows.len() as i64) < MOST_EVENTS)
    }
}
