//! Looks at every version of every event, on all processors: the types are the user's, and there may be hundreds.

use super::explore::{Explored, explore};
use super::made::{Code, upcast};
use super::samples::Sample;
use crate::registry::EventEntry;
use serde_json::Value;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::thread;

/// What was found out about each version of an event, or why nothing could be.
pub(crate) type Versions = BTreeMap<u16, Result<Explored, String>>;

/// What was found out about each event, by its name.
pub(crate) fn look<'a>(code: &Code<'a>) -> BTreeMap<&'a str, Versions> {
    let events: Vec<(&'a str, &'a EventEntry)> =
        code.events.iter().map(|(name, event)| (*name, *event)).collect();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let each = events.len().div_ceil(threads).max(1);
    let samples = code.samples;
    thread::scope(|scope| {
        let parts: Vec<_> = events
            .chunks(each)
            .map(|events| {
                scope.spawn(move || {
                    let looked = events.iter().map(|(name, event)| (*name, versions(event, samples)));
                    looked.collect::<Vec<_>>()
                })
            })
            .collect();
        // A type that panics fails the test as it would without threads.
        let looked =
            parts.into_iter().flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        looked.collect()
    })
}

fn versions(entry: &EventEntry, samples: &[Sample]) -> Versions {
    let schema = entry.schema();
    let look = |number| {
        let samples: Vec<Value> = samples
            .iter()
            .filter(|sample| sample.version == number && schema.is_named(sample.name))
            .map(|sample| sample.json.clone())
            .collect();
        let read = |value: &Value| upcast(entry, number, number, value).ok();
        let shape = entry.probe.trace(number, &samples).map_err(|error| error.to_string())?;
        explore(&shape, &samples, &read)
    };
    (1..=schema.version()).map(|number| (number, look(number))).collect()
}
