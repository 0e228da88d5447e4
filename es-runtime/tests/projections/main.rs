//! Projections: each event is handled in its order, as often as the type says, whatever fails.
#![allow(missing_docs)]

mod account;
mod basics;
