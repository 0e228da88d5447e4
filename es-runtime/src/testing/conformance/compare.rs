//! Compares what was read with what should have been, in words that fit on a line.

use super::{Kept, ensure};
use crate::Recorded;
use std::fmt;

/// Where an event stands, without what is in it.
pub(super) struct Shown<'a>(pub(super) &'a Recorded);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (event, commit) = (self.0, self.0.commit());
        let (stream, version, position) = (event.stream(), event.version(), event.position());
        write!(f, "`{stream}` version {version} at {position} (event {} of commit {commit})", event.index())
    }
}

/// Whether two readers saw the same events at the same places.
pub(super) fn same_events(got: &[Recorded], wanted: &[Recorded], what: impl fmt::Display) -> Kept {
    for (n, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        let is_same = got.id() == wanted.id()
            && got.stream() == wanted.stream()
            && got.version() == wanted.version()
            && got.position() == wanted.position();
        let (got, wanted) = (Shown(got), Shown(wanted));
        ensure!(is_same, "{what}: event {n} (from 0) is {got:?}, but it should be {wanted:?}");
    }
    let next = wanted.get(got.len()).or(got.get(wanted.len())).map(Shown);
    let (got, wanted) = (got.len(), wanted.len());
    ensure!(got == wanted, "{what}: {got} events, but there should be {wanted}; the next is {next:?}");
    Ok(())
}
