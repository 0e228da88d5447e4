//! How a subscription is asked for.

use super::feed::Feed;
use super::places::Place;
use super::{Subscription, reading};
use crate::adapter::{Filter, Limit};
use crate::error::ReadError;
use crate::event::Event;
use crate::format::Encoded;
use crate::former::Former;
use crate::position::Cursor;
use crate::store::Store;
use std::fmt;
use std::time::Duration;

/// A subscription that has not begun. Made by [`Store::subscribe`] and [`Store::subscribe_to`].
#[must_use = "it begins with `start`"]
pub struct Subscribe<E = Encoded> {
    store: Store,
    filter: Filter,
    from: From,
    limit: Limit,
    progress: Duration,
    places: Vec<Place<E>>,
}

enum From {
    Cursor(Cursor),
    Now,
}

impl Store {
    /// The events of the log that the filter lets through: those that are stored, then those that will be.
    ///
    /// ```standalone_crate
    /// # use es_runtime::prelude::*;
    /// # use es_runtime::Filter;
    /// # #[event("order.paid")]
    /// # pub struct OrderPaid {}
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("order", id = String, events(OrderPaid))]
    /// # pub struct Order {}
    /// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = Store::connect("memory:").await?;
    /// let mut orders = store.subscribe(Filter::all().category("order")).start().await?;
    ///
    /// let id = "o-1".to_string();
    /// store.repository::<Order>().execute(&id, |_| Ok::<_, String>(OrderPaid {})).await?;
    /// assert_eq!(orders.next().await?.name(), "order.paid");
    /// let kept = orders.cursor().to_bytes();
    /// # let _ = kept;
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe(&self, filter: Filter) -> Subscribe {
        Subscribe::new(self.clone(), filter)
    }

    /// The events of one type, under whatever name and in whatever version they are stored. Those that are read in
    /// the place of others come too where [`also_in`](Subscribe::also_in) says so.
    ///
    /// ```
    /// # use es_runtime::prelude::*;
    /// # #[event("order.paid")]
    /// # pub struct OrderPaid { pub cents: u64 }
    /// # async fn count(store: Store) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut payments = store.subscribe_to::<OrderPaid>().from_now().start().await?;
    /// loop {
    ///     let paid = payments.next().await?;
    ///     println!("{}: {} cents", paid.stream(), paid.event().cents);
    /// }
    /// # }
    /// ```
    pub fn subscribe_to<E: Event>(&self) -> Subscribe<E> {
        Subscribe::new(self.clone(), names_of::<E>().fold(Filter::all(), Filter::event))
    }
}

/// Every name that events of type `E` are, or were once, stored under.
pub(crate) fn names_of<E: Event>() -> impl Iterator<Item = &'static str> {
    [E::NAME].into_iter().chain(E::ALIASES.iter().copied())
}

impl<E> Subscribe<E> {
    fn new(store: Store, filter: Filter) -> Self {
        Self {
            store,
            filter,
            from: From::Cursor(Cursor::start()),
            limit: Limit::default(),
            progress: Duration::from_secs(1),
            places: Vec::new(),
        }
    }

    /// From behind this place on: what [`Subscription::cursor`] said when it was kept. From the beginning of the
    /// log, unless set.
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.from = From::Cursor(cursor);
        self
    }

    /// Only what is stored from now on: every commit that is acknowledged after `start` has answered.
    pub fn from_now(mut self) -> Self {
        self.from = From::Now;
        self
    }

    /// How much a batch, and a page that is read from the store, may hold. As [`Limit::default`], unless set.
    pub fn batch(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }

    /// How long the log may go on without anything for this subscriber before
    /// [`next_batch`](Subscription::next_batch) answers with a batch without events, so that a cursor that is kept
    /// does not stay behind. A second, unless set.
    pub fn progress(mut self, every: Duration) -> Self {
        self.progress = every;
        self
    }

    /// Begins. Nothing runs for it while it is behind, and one reader for all subscribers once it is not.
    ///
    /// # Errors
    ///
    /// When the end of the log cannot be found, which only [`from_now`](Self::from_now) asks for.
    pub async fn start(self) -> Result<Subscription<E>, ReadError> {
        match &self.from {
            From::Cursor(cursor) => {
                let cursor = cursor.clone();
                Ok(self.begin(cursor))
            }
            From::Now => {
                let end = reading::head(&self.store).await?;
                Ok(self.begin(end))
            }
        }
    }

    /// Begins behind `cursor`, whatever was set before.
    pub(crate) fn begin(self, cursor: Cursor) -> Subscription<E> {
        let Self { store, filter, limit, progress, places, .. } = self;
        Subscription::new(Feed::new(store, filter, limit, progress, cursor), places)
    }
}

impl<E: Event> Subscribe<E> {
    /// Also those that are read in the place of events of type `P`, which do not happen any more: see `into(...)` in
    /// [`#[event]`](macro@crate::event). It does not compile where the `into(...)` of `P` does not name `E`.
    ///
    /// An aggregate and what follows it read them without being told. A subscription to one type knows of no
    /// aggregate, so it is given only what is stored under the names of that type, unless it asks.
    ///
    /// ```
    /// # use es_runtime::prelude::*;
    /// #[event("order.paid")]
    /// pub struct OrderPaid { pub cents: u64 }
    ///
    /// #[event("order.placed")]
    /// pub struct OrderPlaced {}
    ///
    /// #[event("order.bought", into(OrderPlaced, OrderPaid))]
    /// pub struct OrderBought { pub cents: u64 }
    ///
    /// impl From<OrderBought> for (OrderPlaced, OrderPaid) {
    ///     fn from(old: OrderBought) -> Self {
    ///         (OrderPlaced {}, OrderPaid { cents: old.cents })
    ///     }
    /// }
    ///
    /// # async fn sum(store: Store) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut payments = store.subscribe_to::<OrderPaid>().also_in::<OrderBought>().start().await?;
    /// let cents = payments.next().await?.event().cents;
    /// # Ok(())
    /// # }
    /// # fn main() {}
    /// ```
    /// ```compile_fail,E0080
    /// # use es_runtime::prelude::*;
    /// # #[event("order.paid")]
    /// # pub struct OrderPaid {}
    /// # #[event("order.shipped")]
    /// # pub struct OrderShipped {}
    /// # #[event("order.settled", into(OrderPaid))]
    /// # pub struct OrderSettled {}
    /// # impl From<OrderSettled> for OrderPaid {
    /// #     fn from(_: OrderSettled) -> Self { Self {} }
    /// # }
    /// # fn shipments(store: &Store) {
    /// let _ = store.subscribe_to::<OrderShipped>().also_in::<OrderSettled>(); // whose `into(...)` is `OrderPaid`
    /// # }
    /// # fn main() { let _: fn(&Store) = shipments; }
    /// ```
    pub fn also_in<P: Former>(mut self) -> Self {
        self.filter = names_of::<P>().fold(self.filter, Filter::event);
        self.places.push(Place::of::<P>());
        self
    }
}

impl<E> fmt::Debug for Subscribe<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe")
            .field("filter", &self.filter)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
