//! Every event that is linked into the program. Behind the feature `registry`.
//!
//! For listing and for the check when a store is opened by its URL. Nothing is decoded by it: the events of a crate
//! that nothing else refers to are not linked, and so not here.

use crate::error::ConnectError;
use crate::schema::EventSchema;

inventory::collect!(EventSchema);

/// Every event that is linked into the program, in no particular order.
///
/// ```
/// # use es_runtime::prelude::*;
/// #[event("order.placed")]
/// pub struct OrderPlaced {}
///
/// assert!(es_runtime::registry::all().any(|event| event.name() == "order.placed"));
/// ```
pub fn all() -> impl Iterator<Item = &'static EventSchema> {
    inventory::iter::<EventSchema>.into_iter()
}

/// Finds two different events that are stored under one name.
///
/// # Errors
///
/// [`DuplicateName`](ConnectError::DuplicateName), naming both and where they stand.
pub fn check() -> Result<(), ConnectError> {
    let mut names: Vec<(&str, &EventSchema)> = all().flat_map(names_of).collect();
    names.sort_by_key(|(name, event)| (*name, event.version()));
    for pair in names.windows(2) {
        let [(name, one), (other_name, other)] = pair else { continue };
        // The versions of one event share its name by right.
        if name == other_name && !other.follows(one) {
            return Err(ConnectError::DuplicateName(format!(
                "`{}` ({}) and `{}` ({}) are both stored as `{name}`",
                one.origin().type_name(),
                one.origin(),
                other.origin().type_name(),
                other.origin(),
            )));
        }
    }
    Ok(())
}

fn names_of(event: &'static EventSchema) -> impl Iterator<Item = (&'static str, &'static EventSchema)> {
    std::iter::once(event.name()).chain(event.aliases().iter().copied()).map(move |name| (name, event))
}
