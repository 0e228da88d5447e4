//! The macros of `es-runtime`: [`event`](macro@event) and [`Aggregate`](derive@Aggregate), and of those that
//! follow aggregates [`Projection`](derive@Projection) and [`Reaction`](derive@Reaction).
//!
//! Each is a straight line: tokens become a model, completed where they are wrong; the model becomes
//! tokens; and every mistake met on the way becomes an error of its own. What they write is data. The
//! code that works on it is in the runtime, written once.

mod aggregate;
mod args;
mod errors;
mod event;
mod fate;
mod follower;
mod past;
mod projection;
mod reaction;
#[cfg(test)]
mod tests;
mod workflow;

use proc_macro::TokenStream;

/// Makes a struct or enum an event: it gets a stored name, a version of its shape and, for later
/// versions, a link to the one before.
///
/// ```
/// use es_runtime::prelude::*;
///
/// /// What orders looked like until 2025: every one was paid in euros.
/// #[event("order.placed")]
/// pub struct OrderPlacedV1 {
///     pub cents: u64,
/// }
///
/// #[event("order.placed", version = 2, from = OrderPlacedV1, alias = "order.created")]
/// #[derive(Debug, Clone, PartialEq)]
/// pub struct OrderPlaced {
///     pub cents: u64,
///     pub currency: String,
///     #[serde(default)]
///     pub note: Option<String>,
/// }
///
/// impl From<OrderPlacedV1> for OrderPlaced {
///     fn from(old: OrderPlacedV1) -> Self {
///         Self { cents: old.cents, currency: "EUR".into(), note: None }
///     }
/// }
///
/// assert_eq!((OrderPlaced::NAME, OrderPlaced::VERSION), ("order.placed", 2));
/// ```
///
/// # Arguments
///
/// | argument | meaning |
/// | --- | --- |
/// | `"order.placed"` | The stored name, first and always written out. It outlives the Rust name: were it inferred, a rename in the code would rename history. 1 to 200 bytes of ASCII letters, digits, `.`, `_` and `-`, which is what every store and broker can carry. |
/// | `version = 2` | The version of the shape, 1 to 65535. Left out, it is 1. |
/// | `from = OrderPlacedV1` | The event type that is exactly one version older, and as visible as this one. Needed above version 1, with an `impl From<OrderPlacedV1> for OrderPlaced`: stored events are read through the chain of versions, one hop at a time. |
/// | `try_from = OrderPlacedV1` | In the place of `from`, where not all that is stored can be taken: with an `impl TryFrom<OrderPlacedV1> for OrderPlaced`, whose `Error` is an error. What it refuses is a `DecodeError::Refused` for whoever reads it. |
/// | `alias = "order.created"` | A name it was stored under before. May be given several times. An event renamed between two versions needs the older name as its alias. |
/// | `into(OrderPlaced, Option<OrderPaid>)` | It does not happen any more, and these are read in its place, in this order: one to eight events, each once; in an `Option` where it perhaps happened, in a `Vec` where it happened several times. With an `impl From<This> for (OrderPlaced, Option<OrderPaid>)`; of one alone, without the parentheses. See `past(...)` of [`Aggregate`](derive@Aggregate). |
/// | `retired = "flags moved to the risk service"` | It does not happen any more, and nothing is read in its place, for this reason. The type stays, so that its name is never used again and its history can be read. |
/// | `crate = my_crate::es` | Where the runtime is, when it is not `::es_runtime`. `$crate::...` works in a `macro_rules!` macro. |
///
/// A field that is added needs `#[serde(default)]`, a change of the shape a new version, a new name for
/// the Rust type nothing at all.
///
/// An event with nothing to say is best written `pub struct OrderPaid {}`. Without the braces, and as a tuple,
/// a struct is stored without the names of fields, so that one that is added is a change of the shape.
///
/// # Serde
///
/// `Serialize` and `Deserialize` are derived where they are missing, and no dependency on serde is
/// needed for that. Serde's own attributes work below `#[event]`.
///
/// To derive them by hand, write the derive **below** `#[event]`, as `Serialize` or `serde::Serialize`.
/// A derive above is expanded first and cannot be seen from here, so that rustc finds two impls (E0119).
/// Where both are ours, so is the path to serde. With one of them by hand, the generated code looks for
/// serde where the other does: in the crate `serde`, or where `#[serde(crate = "...")]` says. An `impl`
/// written out cannot be seen either: say it with serde's `into`, `from`, `try_from` or `with` instead.
///
/// # What is refused
///
/// Every mistake is an error of its own, at the word that is wrong, and all of an attribute are reported
/// at once: a missing or malformed name, an unknown or repeated argument, a version above 1 without
/// `from` or `try_from`, a chain that skips a version or loses a name, a missing `From` or `TryFrom`, an alias that
/// says nothing new, what became of an event said of an older version. Unions cannot be events, nor can generic types: an event is stored under one name, with one shape.
#[proc_macro_attribute]
pub fn event(args: TokenStream, item: TokenStream) -> TokenStream {
    event::expand(args.into(), item.into()).into()
}

/// Makes a struct or enum an aggregate: state, folded from a closed list of events.
///
/// ```
/// use es_runtime::prelude::*;
///
/// #[event("order.placed")]
/// pub struct OrderPlaced {
///     pub cents: u64,
/// }
///
/// #[event("order.paid")]
/// pub struct OrderPaid {}
///
/// #[derive(Aggregate, Default)]
/// #[aggregate("order", id = String, events(OrderPlaced, OrderPaid))]
/// pub struct Order {
///     cents: u64,
///     paid: bool,
/// }
///
/// impl Apply<OrderPlaced> for Order {
///     fn apply(&mut self, event: &OrderPlaced) {
///         self.cents = event.cents;
///     }
/// }
///
/// impl Apply<OrderPaid> for Order {
///     fn apply(&mut self, _: &OrderPaid) {
///         self.paid = true;
///     }
/// }
///
/// let mut order = Root::<Order>::new("o-1".to_string())?;
/// order.raise(OrderPlaced { cents: 500 })?;
/// assert_eq!((order.cents, order.paid), (500, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Arguments
///
/// All in one `#[aggregate(...)]`:
///
/// | argument | meaning |
/// | --- | --- |
/// | `"order"` | The stored name, first: the category of its streams. The rules are those of an event's name. |
/// | `id = OrderId` | The type that tells one from another. Its `Display` is stored, so `String`, `u64` or a type of yours with `Display`, `Clone`, `Send` and `Sync`. |
/// | `events(OrderPlaced, sales::OrderPaid)` | Every event it is folded from, in its newest version; older ones are read through `from`. Events may come from other modules and crates, and be shared with other aggregates. |
/// | `past(OrderBought, OrderShipped = "shipments have streams of their own")` | Events that its streams hold, but that it does not raise any more. An event with `into(...)` is read as those, which are events of this aggregate; one with `retired` is passed over. An event that moved to another aggregate is passed over here for the reason that is given. |
/// | `snapshot(every = 100)` | Keep a snapshot, anew after so many events. The state needs serde's `Serialize` and `Deserialize`, derived with a dependency on serde (feature `derive`) of your own; they must skip none of its fields. Left out, nothing is kept. |
/// | `revision = 2` | Raise it when the logic of a handler or of a `From` between versions changes, or the inside of a type that a field has: older snapshots are thrown away then. From 1 on, which is the default. Changed fields of the state itself, and changed names and versions of events, of those in `past(...)` too, are noticed without it. |
/// | `crate = my_crate::es` | Where the runtime is, when it is not `::es_runtime`. |
///
/// # What is checked
///
/// From the list the compiler knows every event, and so it refuses, at the word in the list: a type that
/// is no event, an event without `impl Apply<Event>`, two events stored under one name (aliases included),
/// an old version beside the newest, an event that does not happen any more among those that do, and one of the past
/// that does not say what became of it or is read as an event that is not listed. Elsewhere: an event raised that is
/// not listed, or is of the past. Names shared between aggregates are found by `es_runtime::catalog!`.
///
/// The state must be `Default`: what it is before its first event. It cannot be generic, because its events
/// are stored under one name.
#[proc_macro_derive(Aggregate, attributes(aggregate))]
pub fn derive_aggregate(item: TokenStream) -> TokenStream {
    aggregate::expand(item.into()).into()
}

/// Makes a struct or enum a projection: a read model, kept up to date with the events of some aggregates.
///
/// ```
/// # #[event("order.placed")]
/// # pub struct OrderPlaced { pub day: String }
/// # #[event("order.shipped")]
/// # pub struct OrderShipped {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderPlaced, OrderShipped))]
/// # pub struct Order {}
/// # impl Apply<OrderPlaced> for Order { fn apply(&mut self, _: &OrderPlaced) {} }
/// # impl Apply<OrderShipped> for Order { fn apply(&mut self, _: &OrderShipped) {} }
/// use es_runtime::prelude::*;
///
/// /// How many orders were placed on each day.
/// #[derive(Projection)]
/// #[projection("orders-by-day", follows(Order), ignore(OrderShipped))]
/// pub struct OrdersByDay;
///
/// impl Tables for OrdersByDay {
///     async fn create(&self, sql: &mut Sql) -> Handled {
///         let days = sql.table("days");
///         sql.batch(&format!("CREATE TABLE {days} (day TEXT PRIMARY KEY, orders BIGINT NOT NULL)")).await?;
///         Ok(())
///     }
/// }
///
/// impl On<OrderPlaced> for OrdersByDay {
///     async fn on(&self, placed: &Recorded<OrderPlaced>, sql: &mut Sql) -> Handled {
///         let days = sql.table("days");
///         let count = format!(
///             "INSERT INTO {days} (day, orders) VALUES ($1, 1)
///              ON CONFLICT (day) DO UPDATE SET orders = {days}.orders + 1"
///         );
///         sql.execute(&count, &[&placed.event().day]).await?;
///         Ok(())
///     }
/// }
/// ```
///
/// # Arguments
///
/// All in one `#[projection(...)]`:
///
/// | argument | meaning |
/// | --- | --- |
/// | `"orders-by-day"` | The stored name, first: how far it has come is noted under it, so it stays when the type is renamed. The rules are those of an event's name. |
/// | `follows(Order, sales::Payment)` | The aggregates whose events it is made of. They may come from other modules and crates. |
/// | `ignore(OrderShipped)` | Those of their events that change nothing in it. They are not even decoded. |
/// | `version = 2` | Raise it when what the projection keeps changes: it is built anew then, beside the old one. From 1 on, which is the default. |
/// | `delivery = AtLeastOnce` | How often each event is handled. Left out, it is `ExactlyOnce`: handlers are given a `Sql`, in the transaction that also notes how far the projection has come, and `Tables` makes what they write. With `AtLeastOnce` they are given an `Attempt` and write elsewhere, in a way that may be repeated. |
/// | `crate = my_crate::es` | Where the runtime is, when it is not `::es_runtime`. |
///
/// # What is checked
///
/// An event of a followed aggregate that is neither handled by an `impl On<Event>` nor named in `ignore(...)` does
/// not compile, so an event added to an aggregate is asked for in everything that follows it:
///
/// ```compile_fail,E0277
/// # use es_runtime::prelude::*;
/// # #[event("order.placed")]
/// # pub struct OrderPlaced { pub day: String }
/// # #[event("order.shipped")]
/// # pub struct OrderShipped {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderPlaced, OrderShipped))]
/// # pub struct Order {}
/// # impl Apply<OrderPlaced> for Order { fn apply(&mut self, _: &OrderPlaced) {} }
/// # impl Apply<OrderShipped> for Order { fn apply(&mut self, _: &OrderShipped) {} }
/// #[derive(Projection)]
/// #[projection("orders-by-day", follows(Order), ignore(OrderPlaced))]
/// pub struct OrdersByDay; // `OrdersByDay` neither handles nor ignores `OrderShipped`
/// ```
///
/// So are refused, at the word that is wrong: an event both handled and ignored (E0119, which shows the two places),
/// an ignored event that no followed aggregate lists, an old version of one, and what is followed but is no aggregate,
/// followed twice, or stored under the name of another. Handlers take `&Recorded<Event>`, as an event is read through
/// its chain of versions, and the context of the delivery.
///
/// What cannot be seen is a handler too many: one for an event of an aggregate that is not followed is never called.
///
/// A projection cannot be generic, because how far it has come is noted under one name.
#[proc_macro_derive(Projection, attributes(projection))]
pub fn derive_projection(item: TokenStream) -> TokenStream {
    projection::expand(item.into()).into()
}

/// Makes a struct or enum a reaction: what is done in the world, or to other aggregates, because something happened.
///
/// ```
/// # #[event("order.placed")]
/// # pub struct OrderPlaced { pub customer: String }
/// # #[event("order.shipped")]
/// # pub struct OrderShipped {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, events(OrderPlaced, OrderShipped))]
/// # pub struct Order {}
/// # impl Apply<OrderPlaced> for Order { fn apply(&mut self, _: &OrderPlaced) {} }
/// # impl Apply<OrderShipped> for Order { fn apply(&mut self, _: &OrderShipped) {} }
/// # #[derive(Clone)]
/// # pub struct Mailer;
/// # impl Mailer {
/// #     async fn send(&self, _: &str, _: String) -> Result<(), std::io::Error> { Ok(()) }
/// # }
/// use es_runtime::prelude::*;
///
/// /// Thanks the customer.
/// #[derive(Reaction)]
/// #[reaction("thank", follows(Order), ignore(OrderShipped))]
/// pub struct Thank {
///     mailer: Mailer,
/// }
///
/// impl On<OrderPlaced> for Thank {
///     async fn on(&self, placed: &Recorded<OrderPlaced>, _: &mut Effects) -> Handled {
///         // The mailer knows a mail that it has sent by the id of the event.
///         self.mailer.send(&placed.event().customer, placed.id().to_string()).await?;
///         Ok(())
///     }
/// }
/// ```
///
/// Each event is handled at least once, and again after a crash: let what is called know the second time by an id
/// such as the event's. A reaction has no version and is never built anew: what it did is done.
///
/// # Arguments
///
/// All in one `#[reaction(...)]`:
///
/// | argument | meaning |
/// | --- | --- |
/// | `"thank"` | The stored name, first: how far it has come is noted under it. Under another name it begins anew. The rules are those of an event's name. |
/// | `follows(Order, sales::Payment)` | The aggregates to whose events it reacts. |
/// | `ignore(OrderShipped)` | Those of their events that it does nothing about. |
/// | `crate = my_crate::es` | Where the runtime is, when it is not `::es_runtime`. |
///
/// # What is checked
///
/// The same as for a [projection](derive@Projection): every event of what it follows is handled or ignored.
/// Its handlers are given `Effects`, the way to the outside that a projection does not have.
#[proc_macro_derive(Reaction, attributes(reaction))]
pub fn derive_reaction(item: TokenStream) -> TokenStream {
    reaction::expand(item.into()).into()
}

/// Makes an aggregate a workflow: it follows aggregates, its own kind perhaps among them, and tells others what to do.
///
/// ```
/// use es_runtime::prelude::*;
/// use es_runtime::{Plan, When, Workflow};
/// use std::time::Duration;
///
/// #[event("order.placed")]
/// pub struct OrderPlaced {}
/// #[event("order.paid")]
/// pub struct OrderPaid {}
/// #[event("order.cancelled")]
/// pub struct OrderCancelled {}
///
/// #[derive(Aggregate, Default)]
/// #[aggregate("order", id = String, events(OrderPlaced, OrderPaid, OrderCancelled))]
/// pub struct Order { is_paid: bool }
///
/// impl Apply<OrderPlaced> for Order { fn apply(&mut self, _: &OrderPlaced) {} }
/// impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) { self.is_paid = true; } }
/// impl Apply<OrderCancelled> for Order { fn apply(&mut self, _: &OrderCancelled) {} }
///
/// pub struct Cancel;
/// impl Handle<Cancel> for Order {
///     type Decision = OrderCancelled;
///     type Error = &'static str;
///     fn handle(&self, _: &Cancel) -> Result<OrderCancelled, &'static str> {
///         if self.is_paid { Err("it is paid") } else { Ok(OrderCancelled {}) }
///     }
/// }
///
/// #[event("checkout.time_is_up")]
/// pub struct TimeIsUp {}
///
/// /// Cancels an order that nobody pays.
/// #[derive(Aggregate, Workflow, Default)]
/// #[aggregate("checkout", id = String, events(TimeIsUp))]
/// #[workflow("checkout", follows(Order, Checkout), ignore(OrderCancelled))]
/// pub struct Checkout {}
///
/// impl Apply<TimeIsUp> for Checkout { fn apply(&mut self, _: &TimeIsUp) {} }
///
/// impl When<OrderPlaced> for Checkout {
///     fn correlate(event: &Recorded<OrderPlaced>) -> Option<String> { Some(event.stream().key().into()) }
///     fn when(&self, _: &Recorded<OrderPlaced>, plan: &mut Plan<Self>) {
///         plan.after("payment", Duration::from_secs(600), TimeIsUp {});
///     }
/// }
/// impl When<OrderPaid> for Checkout {
///     fn correlate(event: &Recorded<OrderPaid>) -> Option<String> { Some(event.stream().key().into()) }
///     fn when(&self, _: &Recorded<OrderPaid>, plan: &mut Plan<Self>) { plan.cancel("payment") }
/// }
/// impl When<TimeIsUp> for Checkout {
///     fn correlate(event: &Recorded<TimeIsUp>) -> Option<String> { Some(event.stream().key().into()) }
///     fn when(&self, event: &Recorded<TimeIsUp>, plan: &mut Plan<Self>) {
///         // Where it was paid in the last moment it refuses, and that is well.
///         plan.send_or::<Order, _, _>(&event.stream().key().into(), Cancel, |_| ());
///     }
/// }
/// ```
///
/// # Arguments
///
/// | argument | meaning |
/// | --- | --- |
/// | `"checkout"` | The name under which it is noted how far it has come, first. It may be that of the aggregate. |
/// | `follows(Order, Checkout)` | The aggregates whose events drive it. It follows its own kind to act on events of its own, such as those that a timer lets happen. |
/// | `ignore(OrderShipped)` | Events of theirs that do not concern it. Every other needs an `impl When<Event>`. |
/// | `crate = my_crate::es` | Where the runtime is, when it is not `::es_runtime`. |
#[proc_macro_derive(Workflow, attributes(workflow))]
pub fn derive_workflow(item: TokenStream) -> TokenStream {
    workflow::expand(item.into()).into()
}
