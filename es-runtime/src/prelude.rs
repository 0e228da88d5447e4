//! What most programs need: `use es_runtime::prelude::*;`

pub use crate::{
    Aggregate, AppendError, Apply, CommandError, CommitId, DecideError, DecodeError, Event, Events, Handle,
    Metadata, Outcome, Recorded, Repository, Root, Store, StoreError, Version, event,
};
