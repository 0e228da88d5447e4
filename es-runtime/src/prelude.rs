//! What most programs need: `use es_runtime::prelude::*;`

pub use crate::{
    Aggregate, AppendError, Apply, Attempt, CommandError, CommitId, DecideError, DecodeError, Effects, Event,
    Events, Handle, Handled, Metadata, On, Outcome, Projection, Reaction, Recorded, Repository, Root, Sql,
    Store, StoreError, Tables, Version, event,
};
