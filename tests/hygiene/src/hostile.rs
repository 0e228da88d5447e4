//! Local items with the names of the prelude, of the runtime and of what generated code uses.
#![allow(dead_code, unused_macros, non_camel_case_types)]

use crate::nested;

/// Not the one of the prelude.
#[derive(::std::fmt::Debug)]
pub struct Option;
/// Not the one of the prelude.
#[derive(::std::fmt::Debug)]
pub struct Some;
/// Not the one of the prelude.
#[derive(::std::fmt::Debug)]
pub struct None;
/// Not the one of the prelude.
#[derive(::std::fmt::Debug)]
pub struct Result;
/// Not the one of the prelude.
#[derive(::std::fmt::Debug)]
pub struct Ok;
/// Not the one of the prelude.
#[derive(::std::fmt::Debug)]
pub struct Err;
/// Not the one of the prelude.
#[derive(::std::fmt::Debug)]
pub struct String;
/// Not the one of the prelude.
#[derive(::std::fmt::Debug)]
pub struct Vec;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Fold;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Genesis;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Origin;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct SnapshotPlan;
/// Not the one of serde.
#[derive(::std::fmt::Debug)]
pub struct Serialize;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Followed;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Row;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Recorded;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Handled;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Sql;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Attempt;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Effects;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct ExactlyOnce;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct AtLeastOnce;

/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct PastEvent;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Fate;
/// Not the one of the runtime.
#[derive(::std::fmt::Debug)]
pub struct Hop;

/// Not the one of the runtime.
pub trait Former {}
/// Not the one of the runtime.
pub trait Raises {}
/// Not the one of the runtime.
pub trait Upcast {}
/// Not the one of the runtime.
pub trait CoversPast {}
/// Not the one of the runtime.
pub trait Event {}
/// Not the one of the runtime.
pub trait Aggregate {}
/// Not the one of the runtime.
pub trait Apply<E> {}
/// Not the one of the runtime.
pub trait EventOf<A> {}
/// Not the one of the runtime.
pub trait Covers<E> {}
/// Not the one of the runtime.
pub trait FollowedBy<P> {}
/// Not the one of the runtime.
pub trait Follower {}
/// Not the one of the runtime.
pub trait On<E> {}
/// Not the one of the runtime.
pub trait Projection {}
/// Not the one of the runtime.
pub trait Reaction {}
/// Not the one of the prelude.
pub trait Default {}
/// Not the one of the prelude.
pub trait From<T> {}

/// Not the crate.
pub mod core {}
/// Not the crate.
pub mod std {}
/// Not the crate.
pub mod alloc {}
/// Not the crate.
pub mod serde {}
/// Not the crate.
pub mod es_runtime {}
/// Not the crate.
pub mod framework {}
/// Not the runtime's.
pub mod __private {}

/// Not the one of the runtime.
pub const fn expect_link() {}
/// Not the one of the runtime.
pub const fn expect_unique() {}
/// Not the one of the runtime.
pub const fn from_nothing() {}
/// Not the one of the runtime.
pub const fn into_nothing() {}
/// Not the one of the runtime.
pub const fn never_applied() {}
/// Not the one of the runtime.
pub const fn expect_followed_once() {}
/// Not the one of the runtime.
pub const fn expect_listed() {}

macro_rules! stringify { ($($tokens:tt)*) => { not a name }; }
macro_rules! module_path { ($($tokens:tt)*) => { not a path }; }
macro_rules! file { ($($tokens:tt)*) => { not a file }; }
macro_rules! line { ($($tokens:tt)*) => { not a line }; }
macro_rules! origin { ($($tokens:tt)*) => { not an origin }; }
macro_rules! register { ($($tokens:tt)*) => { not a registration }; }

/// The first shape.
#[nested::es::event("order.created", crate = nested::es)]
#[derive(::std::fmt::Debug)]
pub struct PlacedV1 {
    /// How much.
    pub cents: u64,
}

/// The second shape.
#[nested::es::event(
    "order.placed",
    version = 2,
    from = PlacedV1,
    alias = "order.created",
    alias = "order.ordered",
    crate = super::nested::es,
)]
#[derive(::std::fmt::Debug)]
pub struct Placed {
    /// How much.
    pub cents: u64,
    /// Of what.
    pub currency: ::std::string::String,
}

impl ::std::convert::From<PlacedV1> for Placed {
    fn from(old: PlacedV1) -> Self {
        Self { cents: old.cents, currency: ::std::convert::Into::into("EUR") }
    }
}

/// An event of the name that the bound on followers might use.
#[crate::facade::event("order.postponed", crate = ::framework)]
#[derive(::std::fmt::Debug, ::std::clone::Clone, ::std::marker::Copy)]
pub struct F;

/// The shape of another number.
#[nested::es::event("order.counted", crate = nested::es)]
#[derive(::std::fmt::Debug)]
pub struct CountedV1 {}

/// It is no event of orders any more.
#[nested::es::event("order.counted", version = 2, try_from = CountedV1, crate = nested::es)]
#[derive(::std::fmt::Debug)]
pub struct Counted {}

impl ::std::convert::TryFrom<CountedV1> for Counted {
    type Error = ::std::fmt::Error;

    fn try_from(_: CountedV1) -> ::std::result::Result<Self, ::std::fmt::Error> {
        ::std::result::Result::Err(::std::fmt::Error)
    }
}

/// Two at once.
#[nested::es::event("order.deferred", into(self::Placed, ::std::option::Option<F>), crate = nested::es)]
#[derive(::std::fmt::Debug)]
pub struct Deferred {}

impl ::std::convert::From<Deferred> for (Placed, ::std::option::Option<F>) {
    fn from(_: Deferred) -> Self {
        (::std::convert::From::from(PlacedV1 { cents: 1 }), ::std::option::Option::Some(F))
    }
}

/// Nobody's concern.
#[nested::es::event("order.flagged", retired = "nobody asks", crate = nested::es)]
#[derive(::std::fmt::Debug)]
pub struct Flagged {}

/// The state.
#[derive(
    nested::es::Aggregate,
    ::std::default::Default,
    ::std::fmt::Debug,
    nested::es::__private::serde::Serialize,
    nested::es::__private::serde::Deserialize,
)]
#[serde(crate = "nested::es::__private::serde")]
#[aggregate(
    "order",
    id = ::std::string::String,
    events(Placed, self::F),
    past(Deferred, self::Flagged, Counted = "it is counted elsewhere"),
    revision = 2,
    snapshot(every = 3),
    crate = crate::nested::es,
)]
pub struct Order {
    /// How much.
    pub cents: u64,
    /// Whether it waits.
    #[serde(default)]
    pub is_postponed: bool,
}

impl nested::es::Apply<Placed> for Order {
    fn apply(&mut self, event: &Placed) {
        self.cents = event.cents;
    }
}

impl nested::es::Apply<F> for Order {
    fn apply(&mut self, _: &F) {
        self.is_postponed = true;
    }
}

/// A read model.
#[derive(::std::fmt::Debug, nested::es::Projection)]
#[projection(
    "orders",
    version = 2,
    follows(Order, crate::primitives::Simple),
    ignore(self::F),
    delivery = ExactlyOnce,
    crate = crate::nested::es,
)]
pub struct Orders;

impl nested::es::On<Placed> for Orders {
    async fn on(&self, _: &nested::es::Recorded<Placed>, _: &mut nested::es::Sql) -> nested::es::Handled {
        ::std::result::Result::Ok(())
    }
}

/// What is done because of it.
#[derive(::std::fmt::Debug, nested::es::Reaction)]
#[reaction("remind", follows(self::Order), ignore(Placed), crate = nested::es)]
pub struct Remind;

impl nested::es::On<F> for Remind {
    async fn on(&self, _: &nested::es::Recorded<F>, _: &mut nested::es::Effects) -> nested::es::Handled {
        ::std::result::Result::Ok(())
    }
}
