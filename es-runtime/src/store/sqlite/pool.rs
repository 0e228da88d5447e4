//! The connections that read.

use super::connection::{Db, Target};
use super::errors;
use crate::error::ReadError;
use crate::id::StoreId;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Up to so many readers as the options say, opened when they are needed.
pub(super) struct Pool {
    target: Target,
    identity: StoreId,
    most: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Db>,
    lent: usize,
}

impl Pool {
    pub(super) fn new(target: Target, identity: StoreId, most: usize) -> Self {
        Self { target, identity, most, state: Mutex::default(), returned: Condvar::new() }
    }

    /// A reader that is idle now.
    pub(super) fn idle(&self) -> Option<Lent<'_>> {
        let mut state = self.lock();
        let db = state.idle.pop()?;
        state.lent += 1;
        Some(Lent { pool: self, db: Some(db) })
    }

    /// A reader, which may have to be opened or waited for. Not for an async thread.
    pub(super) fn get(&self) -> Result<Lent<'_>, ReadError> {
        let waiting = |state: &mut State| state.idle.is_empty() && state.lent >= self.most;
        let mut state =
            self.returned.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        state.lent += 1;
        let db = state.idle.pop();
        drop(state);
        // Counted before it is opened, so that its place is free again should that fail.
        let mut lent = Lent { pool: self, db };
        if lent.db.is_none() {
            let opened = self.target.reader(self.identity);
            lent.db = Some(opened.map_err(|error| errors::read_error(&error, &self.target.name))?);
        }
        Ok(lent)
    }

    /// Closes those that are idle.
    pub(super) fn close(&self) {
        self.lock().idle.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader that goes back to the pool.
pub(super) struct Lent<'a> {
    pool: &'a Pool,
    db: Option<Db>,
}

impl Lent<'_> {
    /// Reads, and does not give the connection back when the store could not be reached with it.
    pub(super) fn read<T>(
        mut self,
        read: impl FnOnce(&mut Db) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let mut db = self.db.take().unwrap_or_else(|| unreachable!("it is taken here only"));
        let result = read(&mut db);
        if !matches!(result, Err(ReadError::Unavailable(_))) {
            self.db = Some(db);
        }
        result
    }

    /// Gives the connection away, until it is given back; if it is not, another one is opened in its place.
    pub(super) fn give<T>(mut self, to: impl FnOnce(Db) -> (Option<Db>, T)) -> T {
        let db = self.db.take().unwrap_or_else(|| unreachable!("it is taken here only"));
        let (db, result) = to(db);
        self.db = db;
        result
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.lent -= 1;
        state.idle.extend(self.db.take());
        drop(state);
        self.pool.returned.notify_one();
    }
}
