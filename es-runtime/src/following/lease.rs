//! Who works on a part: one owner at a time, by a register that it rewrites as long as it lives.
//!
//! The owner changes the register at least three times within the lease's length; to move the checkpoint counts.
//! Whoever stands by watches the revision: if it did not change for the whole length, by its own monotonic clock,
//! it makes itself the owner by compare-and-set, with a token one larger. No two clocks are ever compared. An
//! owner that was asleep finds that its compare-and-set fails: what it was about to note, and on SQL what its
//! handlers wrote, never happened.

use super::engine::Note;
use super::part::{Checkpoint, Part, PartState, decode, encode};
use super::race::{Either, race};
use crate::error::ReadError;
use crate::register::{Register, Write};
use crate::store::Store;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

pub(crate) const NO_REGISTERS: ReadError = ReadError::Unsupported("registers");

/// What came of moving a register.
pub(crate) enum Moved {
    /// Moved, and it has this revision now.
    To(u64),
    /// Not moved: it, or another that was to change with it, is not as it was.
    Stale,
}

/// Makes the changes of `note` for the events before `handled`.
pub(crate) async fn move_register(store: &Store, note: &Note, handled: usize) -> Result<Moved, ReadError> {
    let registers = store.registers().ok_or(NO_REGISTERS)?;
    let (after, others) = (note.after)(handled);
    let mut revision = note.revision;
    loop {
        let mut writes = others.clone();
        writes.push(Write { key: note.key.clone(), expected: revision, value: Some(encode(&after)) });
        if registers.write(writes).await? {
            return Ok(Moved::To(revision + 1));
        }
        // The owner's own beats change the revision too, and may have come in between.
        let Some(found) = registers.read(&note.key).await? else { return Ok(Moved::Stale) };
        let state: PartState = decode(&note.key, &found)?;
        if found.revision == revision || !state.is_same_but_for_beats(&note.before) {
            return Ok(Moved::Stale);
        }
        revision = found.revision;
    }
}

/// Somebody who would like to own a part.
pub(crate) struct Candidate {
    store: Store,
    part: Part,
    name: Arc<str>,
    length: Duration,
    watched: Option<Watched>,
}

/// A revision that does not change.
struct Watched {
    revision: u64,
    looked: Instant,
    /// For how long it was seen not to change.
    still: Duration,
}

/// What came of a look at the register.
pub(crate) enum Look {
    /// The part is ours.
    Taken(Box<Lease>),
    /// Somebody else works on it, and has come so far.
    Busy(Box<Checkpoint>),
    /// There is no such part, or none any more.
    Gone,
}

impl Candidate {
    pub(crate) fn new(store: Store, part: Part, name: Arc<str>, length: Duration) -> Self {
        Self { store, part, name, length, watched: None }
    }

    /// How long to wait between two looks.
    pub(crate) fn pause(&self) -> Duration {
        (self.length / 10).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }

    /// Looks at the register, and takes the part if nobody works on it.
    pub(crate) async fn look(&mut self) -> Result<Look, ReadError> {
        let registers = Arc::clone(self.store.registers().ok_or(NO_REGISTERS)?);
        let key = self.part.key();
        let Some(found) = registers.read(&key).await? else { return Ok(Look::Gone) };
        let state: PartState = decode(&key, &found)?;
        if !self.may_take(&found, &state) {
            return Ok(Look::Busy(Box::new(state.checkpoint)));
        }
        let (token, owner) = (state.token + 1, Some((*self.name).to_owned()));
        let mine = PartState { owner, token, ..state };
        let write = Write { key: key.clone(), expected: found.revision, value: Some(encode(&mine)) };
        if !registers.write(vec![write]).await? {
            return Ok(Look::Busy(Box::new(mine.checkpoint)));
        }
        tracing::debug!(key, token, "took over a part");
        self.watched = None;
        Ok(Look::Taken(Box::new(Lease {
            store: self.store.clone(),
            part: self.part,
            key,
            length: self.length,
            revision: found.revision + 1,
            state: mine,
            renew_at: Instant::now() + self.length / 3,
        })))
    }

    fn may_take(&mut self, found: &Register, state: &PartState) -> bool {
        // What was taken without an answer is taken again.
        if state.owner.as_deref().is_none_or(|owner| *owner == *self.name) {
            return true;
        }
        let (now, pause) = (Instant::now(), self.pause());
        match &mut self.watched {
            Some(watched) if watched.revision == found.revision => {
                // Had this program slept, the owner may have slept with it, and gets another chance.
                watched.still += now.duration_since(watched.looked).min(2 * pause);
                watched.looked = now;
                watched.still >= self.length
            }
            watched => {
                *watched = Some(Watched { revision: found.revision, looked: now, still: Duration::ZERO });
                false
            }
        }
    }
}

/// A part that is ours, as far as we know.
pub(crate) struct Lease {
    store: Store,
    pub(crate) part: Part,
    key: String,
    length: Duration,
    revision: u64,
    state: PartState,
    renew_at: Instant,
}

/// The part is somebody else's now.
pub(crate) struct Lost;

impl Lease {
    /// What the register holds.
    pub(crate) const fn checkpoint(&self) -> &Checkpoint {
        &self.state.checkpoint
    }

    /// How the register is to change when events are handled: to the checkpoint that `after` makes of the number
    /// of them.
    pub(crate) fn note(
        &self,
        after: impl Fn(usize) -> (Checkpoint, Vec<Write>) + Send + Sync + 'static,
    ) -> Note {
        let before = self.state.clone();
        let next = before.clone();
        let after = move |handled| {
            let (checkpoint, others) = after(handled);
            (PartState { checkpoint, ..next.clone() }, others)
        };
        Note { key: self.key.clone(), revision: self.revision, before, after: Box::new(after) }
    }

    /// The register has moved.
    pub(crate) fn moved(&mut self, revision: u64, checkpoint: Checkpoint) {
        self.revision = revision;
        self.state.checkpoint = checkpoint;
        self.renew_at = Instant::now() + self.length / 3;
    }

    /// Moves the checkpoint by itself, and other registers with it.
    pub(crate) async fn save(
        &mut self,
        checkpoint: Checkpoint,
        others: Vec<Write>,
    ) -> Result<Moved, ReadError> {
        let next = checkpoint.clone();
        let note = self.note(move |_| (next.clone(), others.clone()));
        let moved = move_register(&self.store, &note, 0).await?;
        if let Moved::To(revision) = moved {
            self.moved(revision, checkpoint);
        }
        Ok(moved)
    }

    /// Does `work`, and keeps the lease meanwhile.
    pub(crate) async fn hold<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Lost> {
        let mut work = pin!(work);
        loop {
            if let Either::First(outcome) = race(work.as_mut(), sleep_until(self.renew_at)).await {
                return Ok(outcome);
            }
            match race(work.as_mut(), self.beat()).await {
                Either::First(outcome) => return Ok(outcome),
                Either::Second(Ok(true)) => {}
                Either::Second(Ok(false)) => return Err(Lost),
                Either::Second(Err(error)) => {
                    tracing::debug!(%error, key = self.key, "could not renew a lease");
                    self.renew_at = Instant::now() + self.length / 10;
                }
            }
        }
    }

    /// Fails where the store does not answer.
    pub(crate) async fn probe(&self) -> Result<(), ReadError> {
        let registers = self.store.registers().ok_or(NO_REGISTERS)?;
        registers.read(&self.key).await.map(drop)
    }

    /// Rewrites the register, and says whether the part is still ours.
    async fn beat(&mut self) -> Result<bool, ReadError> {
        let registers = self.store.registers().ok_or(NO_REGISTERS)?;
        self.state.beat += 1;
        let value = Some(encode(&self.state));
        let write = Write { key: self.key.clone(), expected: self.revision, value };
        if registers.write(vec![write]).await? {
            self.revision += 1;
        } else {
            let Some(found) = registers.read(&self.key).await? else { return Ok(false) };
            let state: PartState = decode(&self.key, &found)?;
            if !state.is_same_owner(&self.state) {
                return Ok(false);
            }
            // A checkpoint that moves meanwhile is a beat as well; whoever moves it knows.
            if state.is_same_but_for_beats(&self.state) {
                self.revision = found.revision;
            }
        }
        self.renew_at = Instant::now() + self.length / 3;
        Ok(true)
    }

    /// Gives the part back at `checkpoint`, so that nobody has to wait for it.
    pub(crate) async fn release(self, checkpoint: Checkpoint) -> Result<(), ReadError> {
        let next = PartState { owner: None, checkpoint, ..self.state.clone() };
        let after = Box::new(move |_| (next.clone(), Vec::new()));
        let note = Note { key: self.key, revision: self.revision, before: self.state, after };
        move_register(&self.store, &note, 0).await?;
        Ok(())
    }
}
