//! How a listener is added.

use super::Shared;
use super::catching::Hearing;
use super::listener::{Call, Counts, InTask, InTurn, Listener};
use crate::adapter::Filter;
use crate::event::Event;
use crate::format::DecodeError;
use crate::recorded::Recorded;
use crate::subscription::names_of;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A listener with a task of its own that is not added yet. Made by [`Bus::on`](super::Bus::on).
#[must_use = "it listens once it is given what to run"]
pub struct Listen<E> {
    shared: Arc<Shared>,
    is_once: bool,
    event: PhantomData<fn() -> E>,
}

impl<E: Event> Listen<E> {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, is_once: false, event: PhantomData }
    }

    /// Called once, for the first event that comes.
    pub const fn once(mut self) -> Self {
        self.is_once = true;
        self
    }

    /// Calls `listener` for each event from now on, one after the other.
    pub fn run<F, H>(self, mut listener: F) -> Listener
    where
        F: FnMut(Recorded<E>) -> H + Send + 'static,
        H: Future<Output = ()> + Send + 'static,
    {
        let call = move |recorded: &Recorded| -> Result<Hearing, DecodeError> {
            Ok(Box::pin(listener(recorded.decode::<E>()?)))
        };
        let filter = names_of::<E>().fold(Filter::all(), Filter::event);
        add(&self.shared, filter, Box::new(call), self.is_once, E::NAME)
    }
}

fn add(shared: &Arc<Shared>, filter: Filter, call: Call, is_once: bool, event: &'static str) -> Listener {
    let counts = Counts::new(event);
    let listener = Listener { shared: Arc::downgrade(shared), counts: Arc::clone(&counts) };
    shared.add(InTask { filter, call, is_once, counts });
    listener
}

/// A synchronous listener that is not added yet. Made by [`Bus::on_sync`](super::Bus::on_sync).
#[must_use = "it listens once it is given what to run"]
pub struct ListenSync<E> {
    shared: Arc<Shared>,
    is_once: bool,
    priority: i32,
    event: PhantomData<fn() -> E>,
}

impl<E: Event> ListenSync<E> {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, is_once: false, priority: 0, event: PhantomData }
    }

    /// Called before those of a lower priority, and after those of the same that were there before. 0 unless set.
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Called once, for the first event that comes.
    pub const fn once(mut self) -> Self {
        self.is_once = true;
        self
    }

    /// Calls `listener` for each event from now on.
    pub fn run(self, listener: impl Fn(&Recorded<E>) + Send + Sync + 'static) -> Listener {
        let Self { shared, is_once, priority, event: _ } = self;
        let counts = Counts::new(E::NAME);
        let call = move |recorded: &Recorded| {
            listener(&recorded.decode::<E>()?);
            Ok(())
        };
        let handle = Listener { shared: Arc::downgrade(&shared), counts: Arc::clone(&counts) };
        shared.add_sync(InTurn {
            is_for: Recorded::is::<E>,
            call: Box::new(call),
            is_once,
            priority,
            counts,
        });
        handle
    }
}

/// What a [consumer](super::Bus::consumer) does with one of the types of events that it listens to.
///
/// ```
/// use es_runtime::prelude::*;
/// use es_runtime::{Bus, Hear};
/// # #[event("order.placed")]
/// # pub struct OrderPlaced {}
/// # #[event("order.paid")]
/// # pub struct OrderPaid { pub cents: u64 }
///
/// struct Display;
///
/// impl Hear<OrderPlaced> for Display {
///     async fn hear(&self, event: Recorded<OrderPlaced>) {
///         println!("{} was placed", event.stream());
///     }
/// }
///
/// impl Hear<OrderPaid> for Display {
///     async fn hear(&self, event: Recorded<OrderPaid>) {
///         println!("{} was paid: {}", event.stream(), event.event().cents);
///     }
/// }
///
/// fn show(bus: &Bus) {
///     bus.consumer(Display).hears::<OrderPlaced>().hears::<OrderPaid>().run();
/// }
/// ```
pub trait Hear<E: Event>: Send + Sync + 'static {
    /// Does it.
    fn hear(&self, event: Recorded<E>) -> impl Future<Output = ()> + Send;
}

/// A listener to several types of events that is not added yet. Made by [`Bus::consumer`](super::Bus::consumer).
#[must_use = "it listens once it runs"]
pub struct Consumer<C> {
    shared: Arc<Shared>,
    consumer: Arc<C>,
    filter: Filter,
    rows: Vec<Row<C>>,
    is_once: bool,
}

struct Row<C> {
    is_for: fn(&Recorded) -> bool,
    hear: fn(&Arc<C>, &Recorded) -> Result<Hearing, DecodeError>,
}

impl<C: Send + Sync + 'static> Consumer<C> {
    pub(super) fn new(shared: Arc<Shared>, consumer: C) -> Self {
        Self { shared, consumer: Arc::new(consumer), filter: Filter::all(), rows: Vec::new(), is_once: false }
    }

    /// Listens to `E` too.
    pub fn hears<E: Event>(mut self) -> Self
    where
        C: Hear<E>,
    {
        self.filter = names_of::<E>().fold(self.filter, Filter::event);
        self.rows.push(Row {
            is_for: Recorded::is::<E>,
            hear: |consumer, recorded| {
                let (consumer, event) = (Arc::clone(consumer), recorded.decode::<E>()?);
                Ok(Box::pin(async move { consumer.hear(event).await }))
            },
        });
        self
    }

    /// Called once, for the first event of any of the types that comes.
    pub const fn once(mut self) -> Self {
        self.is_once = true;
        self
    }

    /// Calls it for each event from now on, one after the other. One that listens to nothing hears nothing.
    pub fn run(self) -> Listener {
        let Self { shared, consumer, filter, rows, is_once } = self;
        let has_any = !rows.is_empty();
        let call = move |recorded: &Recorded| -> Result<Hearing, DecodeError> {
            match rows.iter().find(|row| (row.is_for)(recorded)) {
                Some(row) => (row.hear)(&consumer, recorded),
                None => Ok(Box::pin(async {})),
            }
        };
        if has_any {
            return add(&shared, filter, Box::new(call), is_once, std::any::type_name::<C>());
        }
        // A filter without names lets everything through.
        let counts = Counts::new(std::any::type_name::<C>());
        counts.asked.withdraw();
        Listener { shared: Arc::downgrade(&shared), counts }
    }
}

macro_rules! debug {
    ($($type:ident<$parameter:ident>),*) => {
        $(impl<$parameter> fmt::Debug for $type<$parameter> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        })*
    };
}

debug!(Listen<E>, ListenSync<E>, Consumer<C>);
