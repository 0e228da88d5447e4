//! Typed aggregates on an event store.
//!
//! An *aggregate* is state that changes by *events* only: what happened is kept, in a *stream* of its own, and
//! the state is what the events add up to. This crate reads and writes streams; the macros tie them to types.
//!
//! # Events
//!
//! A struct, and the name it is stored under. The name outlives the Rust name, so it is written out.
//!
//! ```
//! use es_runtime::prelude::*;
//!
//! /// A customer placed an order.
//! #[event("order.placed")]
//! pub struct OrderPlaced {
//!     pub total_cents: u64,
//! }
//! # fn main() {}
//! ```
//!
//! When its shape changes, the old one stays as an event of its own, and [`From`] leads to the new one, or
//! [`TryFrom`] where it may refuse. The compiler checks that the chain is whole; a name that was changed stays known
//! as an `alias`. See [`#[event]`](macro@event), and [Evolution](#evolution) for events that do not happen any more.
//!
//! # Aggregates
//!
//! State, the list of its events, and one [`Apply`] for each: how the state changes when it has happened.
//!
//! ```
//! # use es_runtime::prelude::*;
//! # #[event("order.placed")]
//! # pub struct OrderPlaced { pub total_cents: u64 }
//! #[event("order.paid", alias = "order.settled")]
//! pub struct OrderPaid {}
//!
//! #[derive(Aggregate, Default)]
//! #[aggregate("order", id = String, events(OrderPlaced, OrderPaid))]
//! pub struct Order {
//!     total_cents: u64,
//!     is_paid: bool,
//! }
//!
//! impl Apply<OrderPlaced> for Order {
//!     fn apply(&mut self, event: &OrderPlaced) {
//!         self.total_cents = event.total_cents;
//!     }
//! }
//!
//! impl Apply<OrderPaid> for Order {
//!     fn apply(&mut self, _: &OrderPaid) {
//!         self.is_paid = true;
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! See [`#[derive(Aggregate)]`](derive@Aggregate), and [`catalog!`] for the check across aggregates.
//!
//! # Decisions
//!
//! A method that looks at the state and answers with events, or refuses. It takes `&self`, so it cannot change
//! anything, and it is tested without a store. One event, a tuple, an array, an `Option`, a `Vec` or
//! [`Events`]: see [`Decision`].
//!
//! ```
//! # use es_runtime::prelude::*;
//! # #[event("order.paid")]
//! # #[derive(Debug, PartialEq)]
//! # pub struct OrderPaid {}
//! # #[derive(Aggregate, Default)]
//! # #[aggregate("order", id = String, events(OrderPaid))]
//! # pub struct Order { is_paid: bool }
//! # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) { self.is_paid = true; } }
//! #[derive(Debug, PartialEq)]
//! pub struct AlreadyPaid;
//!
//! impl Order {
//!     pub fn pay(&self) -> Result<OrderPaid, AlreadyPaid> {
//!         if self.is_paid { Err(AlreadyPaid) } else { Ok(OrderPaid {}) }
//!     }
//! }
//!
//! assert_eq!(Order::default().pay(), Ok(OrderPaid {}));
//! assert_eq!(Order { is_paid: true }.pay(), Err(AlreadyPaid));
//! ```
//!
//! # Stores
//!
//! [`Store::connect`] picks one by its URL, [`Store::new`] takes any [`Adapter`]. A [`Repository`] takes
//! aggregates out and puts them back.
//!
//! ```standalone_crate
//! # use es_runtime::prelude::*;
//! # #[event("order.paid")]
//! # pub struct OrderPaid {}
//! # #[derive(Aggregate, Default)]
//! # #[aggregate("order", id = String, events(OrderPaid))]
//! # pub struct Order { is_paid: bool }
//! # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) { self.is_paid = true; } }
//! # impl Order {
//! #     pub fn pay(&self) -> Result<OrderPaid, &'static str> {
//! #         if self.is_paid { Err("already paid") } else { Ok(OrderPaid {}) }
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::connect("memory:").await?;
//! let orders = store.repository::<Order>();
//! let id = "o-1".to_string();
//!
//! let outcome = orders.execute(&id, |order| order.pay()).await?;
//! assert_eq!(outcome.version(), Version::new(1));
//!
//! let refused = orders.execute(&id, |order| order.pay()).await;
//! assert!(matches!(refused, Err(CommandError::Refused("already paid"))));
//! # Ok(())
//! # }
//! ```
//!
//! [`execute`](Repository::execute) loads, decides, appends, and decides again after a conflict.
//! [`command`](Repository::command) is the same with a [`CommitId`], so that a command given twice is done once,
//! with [`Metadata`], and with a [`Guard`] on other streams. [`load`](Repository::load) and
//! [`save`](Repository::save) are its parts, with a [`Root`] in between; [`Store::save_all`] saves several.
//!
//! A commit id is any UUID, parsed from its text, or [derived](CommitId::derive) from a name that the caller can say
//! again, such as that of a request.
//!
//! # Snapshots
//!
//! With `snapshot(every = 100)` in `#[aggregate(...)]` a load begins at the newest snapshot and not at the first
//! event. The state needs serde's `Serialize` and `Deserialize` then, and `revision = 2` when its handlers change:
//! see [`SnapshotPlan`].
//!
//! # The past
//!
//! [`load_at`](Repository::load_at) and [`load_as_of`](Repository::load_as_of) answer with the aggregate as it
//! was; [`history`](Repository::history) with its events, each [`Recorded`] in its envelope;
//! [`Store::read_all`] with the whole log, page by page.
//!
//! # Evolution
//!
//! What is stored stays. What a program makes of it may change:
//!
//! | what changes | what to write |
//! | --- | --- |
//! | a field is added | `#[serde(default)]` above it |
//! | the shape | the old one stays, with a new Rust name; `version = 2, from = OrderPlacedV1`, and a `From` |
//! | the shape, and not all that is stored fits | `version = 2, try_from = OrderPlacedV1`, and a `TryFrom` |
//! | the stored name | `alias = "order.settled"` |
//! | an event turns out to be several, or another | `into(OrderPlaced, OrderPaid)`, a `From`, and `past(...)` of the aggregate |
//! | an event is nobody's concern any more | `retired = "why"`, and `past(...)` of the aggregate |
//! | an event moves to another aggregate | it is listed there, and here in `past(OrderShipped = "why")` |
//!
//! Whether a change bears what is stored is told by a test that a line makes, `es_runtime::events_lock!()` (feature
//! `schema`, which `testing` brings): it compares every event with what `events.lock` says of it.
//!
//! An event that does not happen any more stays as a type, for its history, and says what became of it. The
//! aggregates whose streams hold it name it in `past(...)`: then it cannot be raised, and stored ones are read as what
//! came after it.
//!
//! ```
//! # use es_runtime::prelude::*;
//! # #[event("order.placed")]
//! # pub struct OrderPlaced {}
//! # #[event("order.paid")]
//! # pub struct OrderPaid { pub cents: u64 }
//! /// Until orders could be paid later.
//! #[event("order.bought", into(OrderPlaced, Option<OrderPaid>))]
//! pub struct OrderBought {
//!     pub cents: u64,
//! }
//!
//! impl From<OrderBought> for (OrderPlaced, Option<OrderPaid>) {
//!     fn from(old: OrderBought) -> Self {
//!         let paid = OrderPaid { cents: old.cents };
//!         (OrderPlaced {}, (old.cents > 0).then_some(paid))
//!     }
//! }
//!
//! #[event("order.flagged", retired = "flags moved to the risk service")]
//! pub struct OrderFlagged {}
//!
//! #[derive(Aggregate, Default)]
//! #[aggregate("order", id = String, events(OrderPlaced, OrderPaid), past(OrderBought, OrderFlagged))]
//! pub struct Order {
//!     is_paid: bool,
//! }
//! # impl Apply<OrderPlaced> for Order { fn apply(&mut self, _: &OrderPlaced) {} }
//! # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) { self.is_paid = true } }
//! # fn main() {}
//! ```
//!
//! - The parts are events of the aggregate. They are applied in the order of the `into(...)`, all of them or, where
//!   the stored one cannot be read, none. It stays one event: versions, positions and expected versions count it once.
//! - What follows the aggregate needs nothing new: its handlers of the parts are called, in order, and where all parts
//!   are ignored, none. The event is handled when all of its parts are: where one fails, all of them are tried
//!   again, or undone together in a transaction. Each has an [id](Recorded::id), and so a key of a reaction, of its
//!   own, and tells [which part](Recorded::part) it is.
//! - A retired event is passed over without being decoded, whatever its version. Versions stay dense.
//! - An aggregate that leaves a name out of both lists does not load a stream that has it, and says so.
//! - Snapshots know what was in the past when they were taken. Parked events are retried through the code that
//!   retries them.
//! - A subscription to one type asks for what is read elsewhere as it: [`also_in`](Subscribe::also_in). A [`Bus`] does
//!   not: it tells of events by the names under which they are stored.
//!
//! To move an event, leave its type and its name as they are: list it in the aggregate that raises it from now on, and
//! in the other's `past(...)` with the reason. What the old streams have of it is history; where the new aggregate
//! needs it, write it there as new events, as an import does.
//!
//! # Reading
//!
//! A [`Subscription`] follows the log, from what is past to what comes: [`Store::subscribe`], or
//! [`Store::subscribe_to`] for the events of one type. Above it stand those that keep note of how far
//! they have come, and go on there after a crash, in this program or in another:
//!
//! | | | how often |
//! | --- | --- | --- |
//! | [`Projection`] | keeps a read model: [`Store::projection`] | exactly once, in a transaction with the checkpoint, or at least once |
//! | [`Reaction`] | acts on what has happened: [`Store::reaction`] | at least once, under a key that makes it once |
//! | [`Workflow`] | an aggregate that follows others, waits and gives commands: [`Store::workflow`] | the same |
//!
//! Each of them handles every event of the aggregates that it follows, by an [`On`] or a [`When`], or names it in
//! `ignore(...)`: an event that is added to an aggregate is asked for by the compiler in everything that follows it.
//! Effects are impossible from a projection, so that it can be built anew at any time. A [`Bus`] tells listeners in
//! this process of what is committed, and keeps note of nothing.
//!
//! # When something goes wrong
//!
//! What the domain refuses is [`CommandError::Refused`], with the domain's own error. What the store could not do
//! is a [`StoreError`]; an [`AppendError`] in it says whether the commit is stored, is not, or
//! [nobody knows](AppendError::Unknown), which is when the same commit is to be sent again. [`Retry`] says how
//! often that is done before a caller hears of it.
//!
//! Whether everything that is stored is read by this program, and whether snapshots and read models are what the
//! events add up to, is found out by an [audit](Store::audit): before a release, and after somebody was in the database.
//!
//! # Features
//!
//! | feature | |
//! | --- | --- |
//! | `sqlite` (default) | the embedded store: `Store::connect("sqlite:orders.db")` |
//! | `postgres` | `Store::connect("postgres://app@localhost/shop")` |
//! | `postgres-tls` | the same over TLS: `?sslmode=require` |
//! | `messagepack`, `cbor` | more formats for payloads: [`Format`] |
//! | `registry` | lists every event linked into the program and checks their names when a store is opened by its URL |
//! | `schema` | `events.lock`, which notices when a stored shape changes: [`events_lock!`]; the [catalog](mod@catalog) of what is stored |
//! | `metrics` | counters and histograms by the `metrics` facade: `es_runtime::metrics` |
//! | `testing` | what tests are written with: given, when, then; clocks and ids; stores that fail: `es_runtime::testing` |

mod adapter;
mod aggregate;
pub mod audit;
mod bus;
#[cfg(feature = "schema")]
pub mod catalog;
mod command;
mod commit;
mod decision;
mod error;
mod event;
mod fate;
mod follow;
mod following;
mod format;
mod former;
mod id;
#[cfg(feature = "schema")]
pub mod lock;
mod metadata;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(not(feature = "metrics"))]
mod metrics;
mod name;
mod parts;
mod past;
mod position;
pub mod prelude;
mod projection;
mod reaction;
mod recorded;
mod register;
#[cfg(feature = "registry")]
pub mod registry;
mod repository;
mod root;
mod save_all;
mod schema;
mod shape;
mod snapshot;
mod sql;
mod store;
mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod time;
mod workflow;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use crate::adapter::{
    Adapter, Bare, Capabilities, Direction, Durability, Filter, Found, Freshness, Idempotency, Limit,
    LogPage, Page, Reader,
};
pub use crate::aggregate::{Aggregate, AggregateId, Apply, EventOf, Fold};
pub use crate::bus::{Bus, Consumer, Hear, Listen, ListenSync, Listener};
pub use crate::command::{Command, CommandError, Guard, Handle, Outcome};
pub use crate::commit::{Appended, Commit, Expected, NewEvent, NonEmpty, Range};
pub use crate::decision::{Decision, Events, Raised};
pub use crate::error::{AppendError, ConnectError, ReadError};
pub use crate::event::{Event, Genesis, TryUpcast, Upcast};
pub use crate::fate::Fate;
pub use crate::follow::{Followed, Follower, Handled, On, Row};
pub use crate::following::{EventPlace, FollowError, OnFailure, OnUnknown, Parked};
pub use crate::format::{Cause, DecodeError, EncodeError, Encoded, Format};
pub use crate::former::{Former, PastEvent};
pub use crate::id::{CommitId, Entropy, EventId, StoreId, SystemEntropy};
pub use crate::metadata::Metadata;
pub use crate::name::{EventName, InvalidName, StreamName};
pub use crate::parts::{Part, Parts};
pub use crate::past::Past;
pub use crate::position::{Cursor, InvalidPosition, Position, Version};
pub use crate::projection::{
    AtLeastOnce, Attempt, Build, BuildState, Delivery, ExactlyOnce, Progress, Projection, Projections,
    Projector, ReadModel, Running, Status, Tables,
};
pub use crate::reaction::{Effects, Reacting, Reaction, Reactor, StartAt};
pub use crate::recorded::{Envelope, Recorded};
pub use crate::register::{Register, Registers, Write};
pub use crate::repository::{Repository, StoreError};
pub use crate::root::{DecideError, ReplayError, Root};
pub use crate::save_all::AnyRoot;
pub use crate::schema::{EventSchema, Origin};
pub use crate::snapshot::{Snapshot, SnapshotPlan, Snapshots};
pub use crate::sql::{FromSql, Sql, SqlDriver, SqlError, SqlRow, SqlValue, ToSql, Transactions, Work};
#[cfg(feature = "postgres")]
pub use crate::store::postgres;
#[cfg(feature = "sqlite")]
pub use crate::store::sqlite;
pub use crate::store::{Limits, Retry, Stats, Store, StoreBuilder, memory};
pub use crate::subscription::{Batch, Subscribe, Subscription, SubscriptionError};
pub use crate::time::{Clock, InvalidTimestamp, SystemClock, Timestamp};
pub use crate::workflow::{Plan, When, Workflow};
pub use es_macros::{Aggregate, Projection, Reaction, Workflow, event};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
