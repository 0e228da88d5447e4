//! Projections: each event is handled in its order, as often as the type says, whatever fails.
#![allow(missing_docs, unreachable_pub, reason = "a test")]

mod account;
mod basics;
