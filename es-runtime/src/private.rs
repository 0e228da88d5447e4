//! What generated code names. Not public API: anything here may change in a patch release.

pub use crate::aggregate::{Aggregate, Apply, EventOf, Fold};
pub use crate::command::expect_handled;
pub use crate::event::{Event, Genesis, Hop, TryUpcast, Upcast, expect_link, from_nothing};
pub use crate::fate::Fate;
pub use crate::follow::{
    Covers, Followed, FollowedBy, Follower, Handled, On, Row, expect_followed_once, expect_listed,
};
pub use crate::former::{CoversPast, Former, PastEvent, Raises, into_nothing, never_applied};
pub use crate::projection::{AtLeastOnce, Attempt, ExactlyOnce, Projection};
pub use crate::reaction::{Effects, Reaction};
pub use crate::recorded::Recorded;
#[cfg(feature = "registry")]
pub use crate::registry::{AggregateEntry, CommandEntry, EventEntry, FollowerEntry, FollowerKind};
pub use crate::schema::{EventSchema, Origin, expect_disjoint, expect_unique};
pub use crate::snapshot::SnapshotPlan;
pub use crate::sql::Sql;
pub use crate::workflow::{Plan, When, Workflow};
pub use core::option::Option::{self, None, Some};
pub use core::primitive::{bool, str, u16, u32, usize};
pub use core::result::Result::Ok;
#[cfg(feature = "registry")]
pub use inventory;
pub use serde;

/// Where the type is defined: a macro, so that `module_path!` and `line!` are the user's.
#[doc(hidden)]
#[macro_export]
macro_rules! __origin {
    ($event:ident) => {
        $crate::__private::Origin::new(
            ::core::stringify!($event),
            ::core::module_path!(),
            ::core::file!(),
            ::core::line!(),
        )
    };
}
pub use crate::__origin as origin;

/// Tells the link-time registry about a type: a macro, so that the features of this crate decide, not those of the
/// user's.
#[cfg(feature = "registry")]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    (event $event:ident $($doc:literal)*) => {
        $crate::__private::inventory::submit! {
            $crate::__private::EventEntry::of::<$event>(::core::concat!($($doc, "\n"),*))
        }
    };
    (former $event:ident $($doc:literal)*) => {
        $crate::__private::inventory::submit! {
            $crate::__private::EventEntry::former::<$event>(::core::concat!($($doc, "\n"),*))
        }
    };
    (aggregate $aggregate:ident ($($command:ty),*) $($doc:literal)*) => {
        $crate::__private::inventory::submit! {
            $crate::__private::AggregateEntry::of::<$aggregate>(
                $crate::__private::origin!($aggregate),
                ::core::concat!($($doc, "\n"),*),
                &[$($crate::__private::CommandEntry::of::<$aggregate, $command>(
                    ::core::stringify!($command),
                )),*],
            )
        }
    };
    ($kind:ident $follower:ident $($doc:literal)*) => {
        $crate::__private::inventory::submit! {
            $crate::__private::FollowerEntry::of::<$follower>(
                $crate::__private::FollowerKind::$kind,
                $crate::__private::origin!($follower),
                ::core::concat!($($doc, "\n"),*),
            )
        }
    };
}
#[cfg(not(feature = "registry"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($($anything:tt)*) => {};
}
pub use crate::__register as register;
