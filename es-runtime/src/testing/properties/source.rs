//! Where the events of a property test come from: samples, and shapes.

use super::generate::values;
use crate::aggregate::Aggregate;
use crate::format::{Encoded, Format};
use crate::lock::{Probe, Unwritten};
use crate::schema::EventSchema;
use crate::shape::Reach;
use crate::testing::shown::Shown;
use proptest::prelude::{Just, Strategy};
use proptest::strategy::{BoxedStrategy, Union, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// Applies an event that was never encoded.
pub(super) type Live<A> = Arc<dyn Fn(&mut A) + Send + Sync>;

/// An event that an aggregate knows.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) schema: &'static EventSchema,
    pub(super) probe: &'static Probe,
    /// Whether it is raised.
    is_current: bool,
    /// Whether stored ones are looked into.
    is_read: bool,
}

/// All that `A` knows: those that it raises, then those of the past.
pub(super) fn all<A: Aggregate>() -> impl Iterator<Item = Known> {
    let current = A::EVENTS.iter().map(|fold| Known {
        schema: fold.schema(),
        probe: fold.probe(),
        is_current: true,
        is_read: true,
    });
    let past = A::PAST.iter().map(|past| Known {
        schema: past.schema(),
        probe: past.probe(),
        is_current: false,
        is_read: past.fate().reason().is_none(),
    });
    current.chain(past)
}

/// An event as the user wrote it.
pub(super) struct Sample<A> {
    /// Which of all.
    pub(super) row: usize,
    pub(super) version: u16,
    pub(super) payload: Encoded,
    /// Applies the value itself, with all that encoding may lose.
    pub(super) apply: Option<Live<A>>,
}

/// An event of a sequence.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) row: usize,
    pub(super) name: &'static str,
    pub(super) version: u16,
    /// As JSON, in the way in which the type writes it.
    pub(super) payload: Encoded,
    /// As JSON, in the way in which it was made up: with what the type perhaps does not write.
    pub(super) raw: Encoded,
    /// Which of the samples it is.
    pub(super) sample: Option<usize>,
}

impl Item {
    pub(super) fn shown(&self) -> String {
        match Shown::of(self.name, self.version, &self.payload) {
            Ok(shown) => shown.to_string(),
            Err(error) => error,
        }
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Every event of `A` in every version, as the samples have them and as their shapes allow.
pub(super) fn items<A: Aggregate>(
    samples: &[Sample<A>],
    reach: Reach,
) -> Result<BoxedStrategy<Item>, String> {
    let mut sources = Vec::new();
    for (row, known) in all::<A>().enumerate().filter(|(_, known)| known.is_read) {
        for version in 1..=known.schema.version() {
            sources.push(of_version(row, known, version, samples, reach)?);
        }
    }
    Ok(Union::new(sources).boxed())
}

fn of_version<A: Aggregate>(
    row: usize,
    known: Known,
    version: u16,
    samples: &[Sample<A>],
    reach: Reach,
) -> Result<BoxedStrategy<Item>, String> {
    let name = known.schema.name();
    let mine =
        samples.iter().enumerate().filter(|(_, sample)| (sample.row, sample.version) == (row, version));
    let (mut given, mut payloads) = (Vec::new(), Vec::new());
    for (at, sample) in mine {
        payloads.push(
            serde_json::from_slice::<Value>(sample.payload.bytes()).map_err(|error| error.to_string())?,
        );
        let payload = sample.payload.clone();
        let raw = payload.clone();
        given.push(Just(Item { row, name, version, payload, raw, sample: Some(at) }).boxed());
    }
    match made_up(row, known, version, &payloads, reach) {
        Ok(source) => given.push(source),
        Err(reason) if given.is_empty() => {
            let type_name = known.probe.type_name(version);
            let is_raised = known.is_current && version == known.schema.version();
            let list = if is_raised { "samples" } else { "recorded" };
            return Err(format!(
                "no value of `{type_name}` (`{name}` v{version}, {}) can be made up: {reason}\n\
                 add one: `{list} = [{type_name} {{ .. }}]`",
                known.schema.origin(),
            ));
        }
        Err(reason) => eprintln!("of `{name}` v{version} only the samples are tried: {reason}"),
    }
    Ok(Union::new(given).boxed())
}

/// Values of the shape that the type takes, if enough of them are.
fn made_up(
    row: usize,
    known: Known,
    version: u16,
    samples: &[Value],
    reach: Reach,
) -> Result<BoxedStrategy<Item>, String> {
    let name = known.schema.name();
    let shape = known.probe.trace(version, samples).map_err(|error| error.to_string())?;
    let values = values(&shape, reach).ok_or("its shape is without end")?;
    let item = move |value: Value| {
        let raw = Encoded::new(Format::Json, value.to_string().as_bytes());
        let payload = match known.probe.rewrite(version, &raw, Format::Json) {
            Ok(payload) => payload,
            // Whoever looks at it will say so.
            Err(Unwritten::Unwritable(_)) => raw.clone(),
            Err(Unwritten::Unreadable(_)) => return None,
        };
        let is_refused = version < known.schema.version() && known.probe.is_refused(version, &raw);
        (!is_refused).then_some(Item { row, name, version, payload, raw, sample: None })
    };
    let mut runner = TestRunner::deterministic();
    let mut is_taken = || values.new_tree(&mut runner).is_ok_and(|tree| item(tree.current()).is_some());
    let taken = (0..100).filter(|_| is_taken()).count();
    if taken < 5 {
        return Err(format!(
            "its type, or a hop from it, refuses {} of 100 values of its shape",
            100 - taken
        ));
    }
    Ok(values.prop_filter_map("the type takes the value", item).boxed())
}
