//! Typed aggregates on an event store.

mod adapter;
mod aggregate;
mod command;
mod commit;
mod decision;
mod error;
mod event;
mod format;
mod id;
mod metadata;
mod name;
mod past;
mod position;
pub mod prelude;
mod recorded;
#[cfg(feature = "registry")]
pub mod registry;
mod repository;
mod root;
mod save_all;
mod schema;
mod snapshot;
mod store;
mod text;
mod time;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use crate::adapter::{
    Adapter, Capabilities, Direction, Durability, Filter, Found, Freshness, Idempotency, Limit, LogPage, Page,
};
pub use crate::aggregate::{Aggregate, AggregateId, Apply, EventOf, Fold};
pub use crate::command::{Command, CommandError, Guard, Handle, Outcome};
pub use crate::commit::{Appended, Commit, Expected, NewEvent, NonEmpty, Range};
pub use crate::decision::{Decision, Events, Raised};
pub use crate::error::{AppendError, ConnectError, ReadError};
pub use crate::event::{Event, Genesis, Upcast};
pub use crate::format::{Cause, DecodeError, EncodeError, Encoded, Format};
pub use crate::id::{CommitId, Entropy, EventId, StoreId, SystemEntropy};
pub use crate::metadata::Metadata;
pub use crate::name::{EventName, InvalidName, StreamName};
pub use crate::past::Past;
pub use crate::position::{Cursor, Position, Version};
pub use crate::recorded::{Envelope, Recorded};
pub use crate::repository::{Repository, StoreError};
pub use crate::root::{DecideError, ReplayError, Root};
pub use crate::save_all::AnyRoot;
pub use crate::schema::{EventSchema, Origin};
pub use crate::snapshot::{Snapshot, SnapshotPlan, Snapshots};
#[cfg(feature = "sqlite")]
pub use crate::store::sqlite;
pub use crate::store::{Limits, Retry, Stats, Store, StoreBuilder, memory};
pub use crate::time::{Clock, InvalidTimestamp, SystemClock, Timestamp};
pub use es_macros::{Aggregate, event};
