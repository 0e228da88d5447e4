//! The tests of an aggregate, in a line of the user's.

/// Tests of what every aggregate should keep to, in a module of the name that is given.
///
/// ```
/// # use es_runtime::prelude::*;
/// # #[event("order.placed")]
/// # pub struct OrderPlaced { pub total: u32 }
/// # #[event("order.paid")]
/// # pub struct OrderPaid {}
/// # #[derive(Aggregate, Default, Debug, PartialEq)]
/// # #[aggregate("order", id = String, events(OrderPlaced, OrderPaid))]
/// # pub struct Order { total: u32 }
/// # impl Apply<OrderPlaced> for Order { fn apply(&mut self, event: &OrderPlaced) { self.total = event.total; } }
/// # impl Apply<OrderPaid> for Order { fn apply(&mut self, _: &OrderPaid) {} }
/// es_runtime::testing::properties!(order_properties: Order, samples = [OrderPlaced { total: 5 }]);
/// # fn main() {}
/// ```
///
/// On events and on sequences of events that are made up by chance, in every format that is built in:
///
/// - `events_are_read_as_they_were_written`: an event that is written, read and written again is the same, to the
///   byte. So is each sample, with what serde does not see of it.
/// - `a_replay_is_what_was_lived`: the events, stored, loaded, decoded and taken through their upcasts, add up to
///   the state that they led to when they were new; each time to the same one.
/// - `a_snapshot_is_what_was_replayed`: so they do from a snapshot taken after any of them.
///
/// A failure is shrunk, and shows the events as JSON and the difference line by line.
///
/// # Where events come from
///
/// From the samples, and from the shapes of the events: the kit gives the type's `Deserialize` what it asks for,
/// sees what that is, and makes up the rest. Samples are needed where a type takes only values that cannot be
/// guessed, and where it describes itself (`tag`, `untagged`, `flatten`); the test says so, and names the line to
/// add. Older versions are made up as well, and events of the past in whose place others are read: samples of those
/// go into a list of their own, `recorded = [OrderPlacedV1 { .. }]`. Values that a `TryFrom` between versions refuses
/// are not tried.
///
/// In sequences numbers are small, from -10 to 10, as an aggregate may rely on its decisions for sums that do not
/// overflow. It may not rely on them for the order of its events: `apply` takes every event in every state.
///
/// # What it asks of the types
///
/// States are compared by `PartialEq` and shown by `Debug`. One of them will do; with `Debug` alone, a map or a
/// set without an order seems to differ from itself. Events need neither; where they have one, samples are
/// compared with what is read of them.
///
/// The events are the same in each run. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` in the environment make others,
/// or more.
#[doc(hidden)]
#[macro_export]
macro_rules! __properties {
    (
        $name:ident: $aggregate:ty
        $(, samples = [$($sample:expr),* $(,)?])?
        $(, recorded = [$($recorded:expr),* $(,)?])?
        $(,)?
    ) => {
        #[allow(unused_imports, dead_code, reason = "an empty list uses nothing, and so does a program without tests")]
        mod $name {
            use super::*;

            fn properties() -> $crate::testing::__properties::Properties<$aggregate> {
                $crate::__properties_of!($aggregate, [$($($sample),*)?], [$($($recorded),*)?])
            }

            #[test]
            fn events_are_read_as_they_were_written() {
                properties().check_events();
            }

            #[test]
            fn a_replay_is_what_was_lived() {
                properties().check_replay();
            }

            #[test]
            fn a_snapshot_is_what_was_replayed() {
                properties().check_snapshots();
            }
        }
    };
}

/// What is tested, with comparisons that suit the types.
#[doc(hidden)]
#[macro_export]
macro_rules! __properties_of {
    ($aggregate:ty, [$($sample:expr),*], [$($recorded:expr),*]) => {{
        #[allow(unused_imports, reason = "the best is used, which is another for each type")]
        use $crate::testing::__properties::compare::{Best as _, Fair as _, Good as _, Sight};
        let properties = {
            #[allow(unused_imports, reason = "as above")]
            use $crate::testing::__properties::compare::Refused as _;
            $crate::testing::__properties::Properties::new((&&&&Sight::<$aggregate>::new()).comparison())
        };
        $(let properties = {
            #[allow(unused_imports, reason = "as above")]
            use $crate::testing::__properties::compare::Blind as _;
            let sample = $sample;
            let comparison = (&&&&Sight::of(&sample)).comparison();
            properties.sample(sample, comparison)
        };)*
        $(let properties = properties.recorded(&$recorded);)*
        properties
    }};
}
