//! Everything that is linked into the program and has a stored name. Behind the feature `registry`.
//!
//! For listing and for the check when a store is opened by its URL. Nothing is decoded by it: the events of a crate
//! that nothing else refers to are not linked, and so not here.

mod entries;

pub use self::entries::{AggregateEntry, EventEntry, FollowedEntry, FollowerEntry, FollowerKind};

pub use crate::command::CommandEntry;

use crate::error::ConnectError;
use crate::schema::{EventSchema, Origin};

inventory::collect!(EventEntry);
inventory::collect!(AggregateEntry);
inventory::collect!(FollowerEntry);

/// Every event that is linked into the program, in each of its versions and in no particular order.
///
/// ```
/// # use es_runtime::prelude::*;
/// #[event("order.placed")]
/// pub struct OrderPlaced {}
///
/// assert!(es_runtime::registry::all().any(|event| event.name() == "order.placed"));
/// ```
pub fn all() -> impl Iterator<Item = &'static EventSchema> {
    events().map(EventEntry::schema)
}

/// The same with what only the registry knows of them.
pub fn events() -> impl Iterator<Item = &'static EventEntry> {
    inventory::iter::<EventEntry>.into_iter()
}

/// Every aggregate that is linked into the program, in no particular order.
///
/// ```
/// # use es_runtime::prelude::*;
/// # #[event("order.placed")] pub struct OrderPlaced {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = u64, events(OrderPlaced))]
/// # pub struct Order {}
/// # impl Apply<OrderPlaced> for Order { fn apply(&mut self, _: &OrderPlaced) {} }
/// let order = es_runtime::registry::aggregates().find(|aggregate| aggregate.name() == "order");
/// assert_eq!(order.expect("it is linked").events()[0].name(), "order.placed");
/// ```
pub fn aggregates() -> impl Iterator<Item = &'static AggregateEntry> {
    inventory::iter::<AggregateEntry>.into_iter()
}

/// Every projection, reaction and workflow that is linked into the program, in no particular order.
pub fn followers() -> impl Iterator<Item = &'static FollowerEntry> {
    inventory::iter::<FollowerEntry>.into_iter()
}

/// Finds two different events, or two aggregates, that are stored under one name.
///
/// # Errors
///
/// [`DuplicateName`](ConnectError::DuplicateName), naming both and where they stand.
pub fn check() -> Result<(), ConnectError> {
    let names = all().flat_map(|event| event.every_name().map(move |name| (name, event)));
    let mut names: Vec<(&str, &EventSchema)> = names.collect();
    names.sort_by_key(|(name, event)| (*name, event.version()));
    for pair in names.windows(2) {
        let [(name, one), (other_name, other)] = pair else { continue };
        // The versions of one event share its name by right.
        if name == other_name && !other.follows(one) {
            return Err(duplicate(name, one.origin(), other.origin()));
        }
    }
    let mut aggregates: Vec<_> = aggregates().collect();
    aggregates.sort_by_key(|aggregate| aggregate.name());
    for pair in aggregates.windows(2) {
        if pair[0].name() == pair[1].name() {
            return Err(duplicate(pair[0].name(), pair[0].origin(), pair[1].origin()));
        }
    }
    Ok(())
}

/// Finds two projections, or two reactions or workflows, that note under one name how far they have come.
///
/// # Errors
///
/// [`DuplicateName`](ConnectError::DuplicateName), naming both and where they stand.
pub fn check_followers() -> Result<(), ConnectError> {
    let mut followers: Vec<_> = followers().collect();
    followers.sort_by_key(|follower| follower.name());
    for pair in followers.windows(2) {
        let (one, other) = (pair[0], pair[1]);
        if one.name() == other.name() {
            return Err(ConnectError::DuplicateName(format!(
                "the {} `{}` ({}) and the {} `{}` ({}) are both named `{}`, and would take each other's events for \
                 their own",
                one.kind(),
                one.origin().type_name(),
                one.origin(),
                other.kind(),
                other.origin().type_name(),
                other.origin(),
                one.name(),
            )));
        }
    }
    Ok(())
}

fn duplicate(name: &str, one: &Origin, other: &Origin) -> ConnectError {
    ConnectError::DuplicateName(format!(
        "`{}` ({one}) and `{}` ({other}) are both stored as `{name}`",
        one.type_name(),
        other.type_name(),
    ))
}
