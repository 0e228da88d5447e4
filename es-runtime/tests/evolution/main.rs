//! Events outlive the code that wrote them.
#![allow(missing_docs, unreachable_pub, reason = "a test")]

mod domain;
mod followers;
mod moved;
mod parked;
mod past;
mod refused;
mod snapshots;
mod stored;
mod subscriptions;
#[cfg(feature = "sqlite")]
mod transactions;
mod versions;
