//! Events of one type that are read in the place of others.

use crate::event::Event;
use crate::format::DecodeError;
use crate::former::Former;
use crate::parts::Parts;
use crate::recorded::Recorded;
use crate::text::fail;
use std::sync::Arc;

/// A type that does not happen any more, and how the events of type `E` are taken from one.
pub(super) struct Place<E> {
    is_here: fn(&Recorded) -> bool,
    read: fn(&Recorded) -> Result<Vec<Recorded<E>>, DecodeError>,
}

impl<E: Event> Place<E> {
    pub(super) const fn of<P: Former>() -> Self {
        const { expect_part::<E, P>() }
        Self { is_here: Recorded::is::<P>, read: read::<E, P> }
    }

    pub(super) fn is_here(&self, event: &Recorded) -> bool {
        (self.is_here)(event)
    }

    pub(super) fn read(&self, event: &Recorded) -> Result<Vec<Recorded<E>>, DecodeError> {
        (self.read)(event)
    }
}

fn read<E: Event, P: Former>(event: &Recorded) -> Result<Vec<Recorded<E>>, DecodeError> {
    let (envelope, event) = event.decode::<P>()?.into_parts();
    let mut selected = Vec::new();
    P::SPLIT(event).select::<E>(&mut selected);
    let part = |(number, event)| Recorded::part_of(Arc::clone(&envelope), number, event);
    Ok(selected.into_iter().map(part).collect())
}

/// Fails to compile when no `E` is read in the place of a `P`, so that nobody waits for one.
const fn expect_part<E: Event, P: Former>() {
    let mut i = 0;
    while i < P::Parts::EVENTS.len() {
        if P::Parts::EVENTS[i].is(&E::ORIGIN) {
            return;
        }
        i += 1;
    }
    let (event, past) = (E::ORIGIN.type_name(), P::ORIGIN.type_name());
    fail(&["`", event, "` is never read in the place of `", past, "`; its `into(...)` does not name it"])
}
