//! What the two services have stored can be read for ever: see `events.lock` beside the workspace's `Cargo.toml`.
#![allow(missing_docs)]

// So that they are linked.
use order as _;

es_runtime::events_lock!();
