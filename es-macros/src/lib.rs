//! The macros of `es-runtime`: [`event`](macro@event) and [`Aggregate`](derive@Aggregate).
//!
//! Each is a straight line: tokens become a model, completed where they are wrong; the model becomes
//! tokens; and every mistake met on the way becomes an error of its own. What they write is data. The
//! code that works on it is in the runtime, written once.

mod aggregate;
mod args;
mod errors;
mod event;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a struct or enum an event.
#[proc_macro_attribute]
pub fn event(args: TokenStream, item: TokenStream) -> TokenStream {
    event::expand(args.into(), item.into()).into()
}

/// Folds a closed list of events into state.
#[proc_macro_derive(Aggregate, attributes(aggregate))]
pub fn derive_aggregate(item: TokenStream) -> TokenStream {
    aggregate::expand(item.into()).into()
}
