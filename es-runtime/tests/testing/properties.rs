//! The generated tests: of aggregates that keep to what they should, and of some that do not.

use crate::failure;
use es_runtime::prelude::*;
use es_runtime::testing::properties;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

/// An aggregate with one event, which `$apply` applies, in a module of its own.
macro_rules! aggregate {
    (
        $module:ident: $(#[$attribute:meta])* { $($field:ident: $state:ty),* },
        $(#[$event:meta])* { $($(#[$told:meta])* $told_field:ident: $type:ty),* },
        $apply:expr, $($argument:tt)*
    ) => {
        mod $module {
            use super::*;

            #[event("thing.happened")]
            $(#[$event])*
            pub(crate) struct Happened {
                $($(#[$told])* pub(crate) $told_field: $type),*
            }

            $(#[$attribute])*
            #[derive(Aggregate, Default)]
            #[aggregate("thing", id = String, events(Happened) $($argument)*)]
            pub(crate) struct Thing { $(pub(crate) $field: $state),* }

            impl Apply<Happened> for Thing {
                fn apply(&mut self, event: &Happened) {
                    let apply: fn(&mut Self, &Happened) = $apply;
                    apply(self, event);
                }
            }
        }
    };
}

aggregate!(
    good: #[derive(Debug, PartialEq, Serialize, Deserialize)] { sum: i64, last: Option<String> },
    #[derive(Debug, PartialEq)] { by: i64, ratio: f64, note: Option<String>, at: es_runtime::Timestamp },
    |thing, event| {
        thing.sum += event.by;
        thing.last.clone_from(&event.note);
    },
    , snapshot(every = 2)
);

properties!(good_things: good::Thing);
properties!(
    good_things_with_samples: good::Thing,
    samples = [good::Happened { by: 1, ratio: 0.1, note: None, at: es_runtime::Timestamp::MAX }],
);

/// Has a state that can only be shown.
#[derive(Aggregate, Default, Debug)]
#[aggregate("shown", id = String, events(Renamed))]
pub(crate) struct Shown {
    names: Vec<String>,
}

#[event("shown.named")]
pub(crate) struct NamedV1 {
    pub(crate) name: Sku,
}

#[event("shown.renamed", version = 2, from = NamedV1, alias = "shown.named")]
pub(crate) struct Renamed {
    pub(crate) name: String,
}

impl From<NamedV1> for Renamed {
    fn from(old: NamedV1) -> Self {
        Self { name: old.name.into() }
    }
}

impl Apply<Renamed> for Shown {
    fn apply(&mut self, event: &Renamed) {
        self.names.push(event.name.clone());
    }
}

#[derive(Serialize, Deserialize, Clone)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Sku(String);

impl From<Sku> for String {
    fn from(sku: Sku) -> Self {
        sku.0
    }
}

impl TryFrom<String> for Sku {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.starts_with("sku-") { Ok(Self(text)) } else { Err("a sku starts with `sku-`") }
    }
}

properties!(old_versions: Shown, recorded = [NamedV1 { name: Sku("sku-1".into()) }]);

/// The tests of `$aggregate`, to be called by hand.
macro_rules! by_hand {
    ($aggregate:ty $(, samples = [$sample:expr])?) => {
        es_runtime::__properties_of!($aggregate, [$($sample)?], [])
    };
}

#[test]
fn a_value_that_cannot_be_made_up_is_asked_for() {
    let said = failure(|| by_hand!(Shown).check_replay());
    let (first, last) = said.split_once(" (`shown.renamed` v1, ").expect("the event");
    assert_eq!(first, "no value of `NamedV1`");
    assert!(
        last.ends_with(
            "can be made up: at `name`: a sku starts with `sku-`\nadd one: `recorded = [NamedV1 { .. }]`"
        ),
        "{last}"
    );
}

aggregate!(
    hidden: #[derive(Debug, PartialEq)] { number: u64 },
    { by: u8 },
    |thing, _| {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        thing.number = COUNT.fetch_add(1, Ordering::Relaxed);
    },
);

#[test]
fn a_state_that_depends_on_something_hidden() {
    let said = failure(|| by_hand!(hidden::Thing).check_replay());
    let first = "`thing`: two replays of the same events differ, so `apply` depends on something else than them\n\n\
                 events, as json:\n    thing.happened v1 { \"by\": 0 }\ndifference (- one, + the other):\n\
                 \u{20}   Thing {\n  -     number: ";
    assert!(said.starts_with(first), "{said}");
}

aggregate!(
    skipped: #[derive(Debug, PartialEq)] { sum: u64 },
    { by: u8, #[serde(skip)] bonus: u64 },
    |thing, event| thing.sum += u64::from(event.by) + event.bonus,
);

#[test]
fn a_field_that_serde_does_not_see() {
    let properties = by_hand!(skipped::Thing, samples = [skipped::Happened { by: 1, bonus: 7 }]);
    // Nothing can be seen of the event, as it has neither `PartialEq` nor `Debug`.
    properties.check_events();
    let said = failure(|| properties.check_replay());
    let wanted = "`thing`: a replay is not what was lived\n\n\
                  events, as json:\n    thing.happened v1 { \"by\": 1 }\ndifference (- lived, + replayed):\n\
                  \u{20}   Thing {\n  -     sum: 8,\n  +     sum: 1,\n    }\n";
    assert_eq!(said, wanted);
}

aggregate!(
    unnoticed: #[derive(Debug, PartialEq)] { sum: u64 },
    #[derive(Debug, PartialEq)] { by: u8, #[serde(skip)] bonus: u64 },
    |thing, event| thing.sum += u64::from(event.by),
);

#[test]
fn a_field_that_serde_does_not_see_and_no_state_shows() {
    let properties = by_hand!(unnoticed::Thing, samples = [unnoticed::Happened { by: 1, bonus: 7 }]);
    let said = failure(|| properties.check_events());
    let wanted = "`thing`: a sample of `thing.happened` is another after it was stored as json\n\n\
                  difference (- written, + read):\n\
                  \u{20}   Happened {\n        by: 1,\n  -     bonus: 7,\n  +     bonus: 0,\n    }";
    assert!(said.starts_with(wanted), "{said}");
}

/// Counts, but tells serde only whether there is anything.
#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub(crate) struct Lossy(u64);

impl From<bool> for Lossy {
    fn from(is_any: bool) -> Self {
        Self(is_any.into())
    }
}

impl From<Lossy> for bool {
    fn from(lossy: Lossy) -> Self {
        lossy.0 > 0
    }
}

impl Clone for Lossy {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

aggregate!(
    forgetful: #[derive(Debug, PartialEq, Serialize, Deserialize)] { count: Lossy },
    { by: u8 },
    |thing, _| thing.count.0 += 1,
    , snapshot(every = 5)
);

#[test]
fn a_snapshot_that_loses_something() {
    let properties = by_hand!(forgetful::Thing);
    properties.check_replay();
    let said = failure(|| properties.check_snapshots());
    let wanted = "`thing`: a snapshot after event 2 is another state\n\n\
                  events, as json:\n    thing.happened v1 { \"by\": 0 }\n    thing.happened v1 { \"by\": 0 }\n\
                  difference (- without it, + with it):\n    Thing {\n        count: Lossy(\n\
                  \u{20} -         2,\n  +         1,\n        ),\n    }\n";
    assert_eq!(said, wanted);
}

aggregate!(
    unordered: #[derive(Debug, PartialEq)] { sum: u64 },
    { notes: HashMap<String, u8> },
    |thing, event| thing.sum += event.notes.len() as u64,
);

aggregate!(
    ordered: #[derive(Debug, PartialEq)] { notes: BTreeMap<String, u8> },
    #[derive(Debug, PartialEq)] { notes: BTreeMap<String, u8> },
    |thing, event| thing.notes.extend(event.notes.clone()),
);

properties!(ordered_maps: ordered::Thing);

#[test]
fn a_map_without_an_order() {
    let said = failure(|| by_hand!(unordered::Thing).check_events());
    assert!(said.starts_with("`thing`: an event is not written twice in the same way as "), "{said}");
    assert!(
        said.contains("`HashMap`") && said.contains("event:\n    thing.happened v1 { \"notes\": { "),
        "{said}"
    );
}

aggregate!(
    first_of_a_map: #[derive(Debug, PartialEq)] { first: String },
    { notes: HashMap<String, u8> },
    |thing, event| thing.first = event.notes.keys().next().cloned().unwrap_or_default(),
);

#[test]
fn a_state_that_takes_its_order_from_a_map() {
    let said = failure(|| by_hand!(first_of_a_map::Thing).check_replay());
    // In a map's order, so by chance, it is the life or another replay that the first one differs from.
    let mistakes = ["two replays of the same events differ", "a replay is not what was lived"];
    assert!(mistakes.iter().any(|mistake| said.starts_with(&format!("`thing`: {mistake}"))), "{said}");
}

aggregate!(
    narrow: #[derive(Debug, PartialEq)] { last: f64 },
    #[derive(Debug, PartialEq)] { #[serde(with = "as_f32")] ratio: f64 },
    |thing, event| thing.last = event.ratio,
);

mod as_f32 {
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::cast_possible_truncation, reason = "that is the mistake")]
    pub(super) fn serialize<S: Serializer>(ratio: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f32(*ratio as f32)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        f64::deserialize(deserializer)
    }
}

#[test]
fn a_number_that_loses_digits() {
    let properties = by_hand!(narrow::Thing, samples = [narrow::Happened { ratio: 1.0 / 3.0 }]);
    let said = failure(|| properties.check_events());
    let wanted = "`thing`: a sample of `thing.happened` is another after it was stored as json\n\n\
                  difference (- written, + read):\n    Happened {\n\
                  \u{20} -     ratio: 0.3333333333333333,\n  +     ratio: 0.33333334,\n    }\n";
    assert_eq!(said, wanted);
    let said = failure(|| by_hand!(narrow::Thing).check_replay());
    assert!(said.starts_with("`thing`: a replay is not what was lived\n"), "{said}");
}

aggregate!(
    clipped: #[derive(Debug, PartialEq)] { is_large: bool },
    { #[serde(deserialize_with = "below_a_thousand")] by: u64 },
    |thing, event| thing.is_large |= event.by > 10,
);

fn below_a_thousand<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    u64::deserialize(deserializer).map(|number| if number < 1000 { number + 1 } else { number })
}

#[test]
fn an_event_that_is_read_as_another() {
    let said = failure(|| by_hand!(clipped::Thing).check_events());
    assert!(said.starts_with("`thing`: an event is another after it was stored as json\n"), "{said}");
}

aggregate!(
    extreme: #[derive(Debug, PartialEq)] { count: u64 },
    #[derive(Debug)] { #[serde(serialize_with = "not_the_largest")] by: u64, other: Vec<(i8, String)> },
    |thing, _| thing.count += 1,
);

fn not_the_largest<S: serde::Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    if *number > u64::MAX / 2 {
        return Err(serde::ser::Error::custom("too large"));
    }
    serializer.serialize_u64(*number)
}

#[test]
fn an_event_that_can_be_read_and_not_written() {
    let properties = by_hand!(extreme::Thing);
    properties.check_replay();
    let said = failure(|| properties.check_events());
    let first = "`thing`: an event that was read cannot be written again: `thing.happened` cannot be written as \
                 json: too large\n\nevent:\n    thing.happened v1 { \"by\": ";
    // What has nothing to do with it is shrunk away.
    assert!(said.starts_with(first) && said.ends_with(", \"other\": [] }\n"), "{said}");
}

aggregate!(
    not_a_number: #[derive(Debug, PartialEq)] { last: f64 },
    { ratio: f64 },
    |thing, event| thing.last = event.ratio * f64::NAN,
);

#[test]
fn a_state_that_is_not_equal_to_itself() {
    let said = failure(|| by_hand!(not_a_number::Thing).check_replay());
    assert!(
        said.ends_with("they look the same, but are not equal; a NaN is not even equal to itself\n"),
        "{said}"
    );
}

#[test]
fn a_sample_that_cannot_be_written() {
    let properties = by_hand!(narrow::Thing, samples = [narrow::Happened { ratio: f64::NAN }]);
    let said = failure(|| properties.check_events());
    assert!(
        said.contains("a sample of `thing.happened`: `thing.happened` cannot be written as json"),
        "{said}"
    );
}

aggregate!(
    panicking: #[derive(Debug, PartialEq)] { count: u8 },
    { by: u8 },
    |thing, event| {
        assert!(thing.count < 2 || event.by != 7, "seven is too much");
        thing.count += 1;
    },
);

#[test]
fn an_event_whose_apply_panics() {
    let said = failure(|| by_hand!(panicking::Thing).check_replay());
    let wanted = "`thing`: the last of these events cannot be applied: it panicked: seven is too much\n\n\
                  events:\n    thing.happened v1 { \"by\": 0 }\n    thing.happened v1 { \"by\": 0 }\n\
                  \u{20}   thing.happened v1 { \"by\": 7 }\n";
    assert_eq!(said, wanted);
}
