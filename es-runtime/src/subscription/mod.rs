//! Subscriptions: the events of the log, those that are stored and then those that will be, without a seam.
//!
//! A subscriber that is behind reads pages from the store, filtered there. At the end of the log it joins the
//! others: one tailer reads what is new once for all of them into a ring of bounded size, from which each takes
//! what its cursor does not cover. Who is too slow for the ring reads from the store again.

mod builder;
mod error;
mod feed;
mod places;
mod reading;
mod tail;
mod tailer;

pub use self::builder::Subscribe;
pub(crate) use self::builder::names_of;
pub use self::error::SubscriptionError;
pub(crate) use self::reading::head;
pub(crate) use self::tail::Tail;

use self::feed::Feed;
use self::places::Place;
use crate::error::ReadError;
use crate::event::Event;
use crate::format::Encoded;
use crate::position::Cursor;
use crate::recorded::Recorded;
use std::fmt;
use std::vec::IntoIter;

/// The events of the log in its order, those that are stored and then those that will be. `E` is their type, or
/// [`Encoded`] where they have several.
///
/// It asks for the next page while the events of the last one are worked on, and for no more than that: a slow
/// subscriber costs two pages of memory, holds nothing of the store, and delays no other. Each event comes once,
/// for as long as the subscription lives; who begins again at a kept [`cursor`](Self::cursor) is given what comes
/// after it. Any future of its methods may be dropped, and nothing is lost or comes twice.
///
/// See [`Store::subscribe`](crate::Store::subscribe).
pub struct Subscription<E = Encoded> {
    feed: Feed,
    /// What was read and not handed out one by one yet.
    rest: IntoIter<Recorded>,
    rest_is_end: bool,
    /// Behind the event handed out last, while there is a rest.
    within: Cursor,
    /// Where events of its type are read in the place of others.
    places: Vec<Place<E>>,
    /// What was read in such a place and not handed out yet.
    parts: IntoIter<Recorded<E>>,
}

/// A part of the log, as a subscriber is given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The events that the filter lets through. It ends where a commit ends.
    pub events: Vec<Recorded>,
    /// How far the subscriber has come with it: to be kept once the events are dealt with.
    pub cursor: Cursor,
    /// Whether the log had no more when it was read, so that the subscriber has caught up.
    pub is_end: bool,
}

impl<E> Subscription<E> {
    fn new(feed: Feed, places: Vec<Place<E>>) -> Self {
        let (within, parts) = (feed.cursor().clone(), Vec::new().into_iter());
        Self { feed, rest: Vec::new().into_iter(), rest_is_end: false, within, places, parts }
    }

    /// How far it has come: behind everything that was handed out, and behind what the filter let nothing through
    /// of since. What to begin [after](Subscribe::after) another time.
    pub fn cursor(&self) -> &Cursor {
        let is_empty = self.rest.as_slice().is_empty() && self.parts.as_slice().is_empty();
        if is_empty { self.feed.cursor() } else { &self.within }
    }

    /// The next event of what was read. Without a future of its own: most events are here.
    fn pop(&mut self) -> Option<Recorded> {
        let event = self.rest.next()?;
        self.pass(&event);
        Some(event)
    }

    fn pass<T>(&mut self, event: &Recorded<T>) {
        self.within = self.within.past(event.position());
    }

    async fn refill(&mut self) -> Result<(), ReadError> {
        self.within = self.feed.cursor().clone();
        let batch = self.feed.next().await?;
        self.rest_is_end = batch.is_end;
        self.rest = batch.events.into_iter();
        Ok(())
    }
}

impl Subscription {
    /// The next events, as many as there are and a batch may hold. Waits while there are none.
    ///
    /// It answers with a batch without events when the end of the log is reached with nothing on the way there, and
    /// [now and then](Subscribe::progress) when the log goes on with nothing for this subscriber.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, after as many tries as its [`Retry`](crate::Retry) allows. Nothing is passed:
    /// ask again.
    pub async fn next_batch(&mut self) -> Result<Batch, ReadError> {
        if self.rest.as_slice().is_empty() {
            return self.feed.next().await;
        }
        let events = std::mem::take(&mut self.rest).collect();
        Ok(Batch { events, cursor: self.feed.cursor().clone(), is_end: self.rest_is_end })
    }

    /// The next event. Waits while there is none.
    ///
    /// # Errors
    ///
    /// As [`next_batch`](Self::next_batch).
    pub async fn next(&mut self) -> Result<Recorded, ReadError> {
        loop {
            if let Some(event) = self.pop() {
                return Ok(event);
            }
            self.refill().await?;
        }
    }
}

impl<E: Event> Subscription<E> {
    /// The next event, taken through its chain of versions. Waits while there is none.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or the event does not fit its type: see [`SubscriptionError`].
    pub async fn next(&mut self) -> Result<Recorded<E>, SubscriptionError> {
        loop {
            if let Some(part) = self.pop_part() {
                return Ok(part);
            }
            let Some(event) = self.rest.next() else {
                self.refill().await?;
                continue;
            };
            let place = self.places.iter().find(|place| place.is_here(&event));
            match place.map(|place| place.read(&event)) {
                // It is passed with the last of them.
                Some(Ok(parts)) if !parts.is_empty() => self.parts = parts.into_iter(),
                Some(Ok(_)) => self.pass(&event),
                Some(Err(reason)) => {
                    self.pass(&event);
                    return Err(SubscriptionError::Undecodable { event, reason });
                }
                None => {
                    self.pass(&event);
                    return event.decode().map_err(|reason| SubscriptionError::Undecodable { event, reason });
                }
            }
        }
    }

    fn pop_part(&mut self) -> Option<Recorded<E>> {
        let part = self.parts.next()?;
        if self.parts.as_slice().is_empty() {
            self.pass(&part);
        }
        Some(part)
    }
}

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("filter", &self.feed.filter)
            .field("cursor", self.cursor())
            .finish_non_exhaustive()
    }
}
