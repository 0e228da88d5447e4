//! The audit of a store: whether this program reads everything that is stored, and whether what is kept beside the
//! events is what they add up to.
//!
//! - Every event is decoded, through its chain of versions, and every stream is folded.
//! - A snapshot is compared with a fresh fold up to its version. One of another program, which a load would throw
//!   away, is counted and no more.
//! - A read model is compared with tables that are made beside it, folded up to where it has come, and dropped.
//! - [`against`](Audit::against) compares the states with those of another program, before this one is released.
//!
//! ```standalone_crate
//! # use es_runtime::prelude::*;
//! use es_runtime::audit::Seen;
//! # #[event("order.paid")]
//! # pub struct OrderPaid {}
//! # #[derive(Aggregate, Default)]
//! # #[aggregate("order", id = String, events(OrderPaid))]
//! # pub struct Order {}
//! # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::connect("memory:").await?;
//! # let orders = store.repository::<Order>();
//! # orders.execute(&"o-1".to_string(), |_| Ok::<_, String>(OrderPaid {})).await?;
//! let audit = store.audit().aggregate::<Order>();
//! let summary = audit
//!     .run(|seen| {
//!         if let Seen::Finding(finding) = seen {
//!             println!("{finding}");
//!         }
//!     })
//!     .await?;
//! assert_eq!((summary.events, summary.streams, summary.findings), (1, 1, 0));
//! # Ok(())
//! # }
//! ```
//!
//! # Memory and time
//!
//! The log is read once by pages, which tells of each stream when its first event comes by; then that stream is read
//! and folded. So each event is read twice, and what is held is a page of the log, a page of a stream for each of the
//! eight that are folded at a time, and of the streams that begin on the page their states, where those are shown, and a
//! hundred findings each at most. The names of streams are not held, so their number does not matter; those of categories
//! that this program does not know are.
//!
//! It sees the store as it was when the audit began, and the program may run meanwhile. Nothing is written but the
//! tables beside a read model, and those only where one was given.
//!
//! # What it does not see
//!
//! Lists are compared without regard to order, since sets are written as lists. A read model whose handlers write
//! what differs each time, such as the time of day, differs each time. Whether commands were decided rightly is not
//! asked: what is stored has happened.

mod discover;
mod examine;
mod finding;
mod read_model;
mod states;

pub use self::discover::{AuditError, AuditSummary, Progress, Seen};
pub use self::finding::{Fault, Finding};
pub use self::states::StreamState;

use self::examine::{Examine, Examiner};
use self::read_model::{CheckTables, Checker};
use crate::aggregate::Aggregate;
use crate::follow::Follower;
use crate::projection::Tables;
use crate::sql::Sql;
use crate::store::Store;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What is to be audited; made by [`Store::audit`]. See [`audit`](crate::audit).
#[must_use = "nothing is audited before it runs"]
pub struct Audit {
    store: Store,
    aggregates: BTreeMap<&'static str, Arc<dyn Examine>>,
    read_models: Vec<Box<dyn CheckTables>>,
    expected: Option<Box<dyn Iterator<Item = StreamState> + Send>>,
    shows_states: bool,
}

impl Store {
    /// An audit of this store. It is told what this program is made of, and then run.
    pub fn audit(&self) -> Audit {
        Audit {
            store: self.clone(),
            aggregates: BTreeMap::new(),
            read_models: Vec::new(),
            expected: None,
            shows_states: false,
        }
    }
}

impl Audit {
    /// Its streams are folded as aggregates of type `A`. Of one that keeps no snapshots the states are not known to
    /// anybody: see [`aggregate_with_states`](Self::aggregate_with_states).
    pub fn aggregate<A: Aggregate>(mut self) -> Self {
        self.aggregates.insert(A::NAME, Arc::new(Examiner::<A>::of_snapshots()));
        self
    }

    /// The same for one whose state can be written, so that it can be [shown](Self::show_states) and
    /// [compared](Self::against).
    pub fn aggregate_with_states<A: Aggregate + Serialize>(mut self) -> Self {
        self.aggregates.insert(A::NAME, Arc::new(Examiner::<A>::of_states()));
        self
    }

    /// Compares the tables of a projection with fresh ones. They are made in the store and dropped again, so only
    /// one audit of a projection runs at a time; one that was killed leaves them to the next. A projection that writes
    /// to other tables than those of [`Sql::table`] is not for this.
    pub fn read_model<P: Tables + Follower<Context = Sql>>(mut self, projection: P) -> Self {
        self.read_models.push(Box::new(Checker::new(projection)));
        self
    }

    /// Tells the state of each stream, as [`Seen::State`], in the order of their first events.
    pub fn show_states(mut self) -> Self {
        self.shows_states = true;
        self
    }

    /// Compares the state of each stream with one that [`show_states`](Self::show_states) has told, in this program
    /// or another, at the version it had then. They are to come in the order in which they were told. A stream that
    /// is not among them is counted as new.
    pub fn against<I>(mut self, states: I) -> Self
    where
        I: IntoIterator<Item = StreamState>,
        I::IntoIter: Send + 'static,
    {
        self.expected = Some(Box::new(states.into_iter()));
        self
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit")
            .field("store", &self.store)
            .field("aggregates", &self.aggregates.keys())
            .finish_non_exhaustive()
    }
}
