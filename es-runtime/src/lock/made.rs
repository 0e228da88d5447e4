//! The lock of this program, made from its registry, and what became of what an older lock holds.

use super::compare::{Change, compare, compare_payloads};
use super::explore::Explored;
use super::file::{Aggregate, Event, Golden, Kept, Lock, Version};
use super::folding::Stored;
use super::looked::{Versions, look};
use super::place::Places;
use super::repair;
use super::samples::Sample;
use super::{Finding, Verdict};
use crate::error::ConnectError;
use crate::fate::Fate;
use crate::format::{Encoded, Format};
use crate::registry::{self, AggregateEntry, EventEntry, FollowerEntry};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What of a program goes into its lock.
pub(crate) struct Code<'a> {
    /// The newest version of each event.
    pub(crate) events: BTreeMap<&'a str, &'a EventEntry>,
    pub(crate) aggregates: Vec<&'a AggregateEntry>,
    pub(crate) followers: Vec<&'a FollowerEntry>,
    pub(crate) samples: &'a [Sample],
}

impl<'a> Code<'a> {
    /// Everything that is linked, if each name is there once.
    pub(crate) fn linked(samples: &'a [Sample]) -> Result<Self, ConnectError> {
        registry::check()?;
        registry::check_followers()?;
        let mut events = BTreeMap::new();
        for event in registry::events() {
            let is_older = registry::all().any(|other| other.follows(event.schema()));
            if !is_older {
                events.insert(event.schema().name(), event);
            }
        }
        let (aggregates, followers) = (registry::aggregates().collect(), registry::followers().collect());
        Ok(Self { events, aggregates, followers, samples })
    }
}

/// A lock, and how it differs from the one before.
pub(crate) struct Made {
    pub(crate) lock: Lock,
    pub(crate) findings: Vec<Finding>,
}

impl Made {
    /// The lock of `code`, in which everything of `old` that still holds is kept as it is.
    pub(crate) fn of(code: &Code<'_>, old: &Lock) -> Self {
        let mut made = Self { lock: Lock::default(), findings: Vec::new() };
        made.lock.retired = old.retired.clone();
        made.lock.forced = old.forced.clone();
        let mut looked = look(code);
        for (name, event) in &code.events {
            made.event(name, event, looked.remove(name).unwrap_or_default(), old);
        }
        made.lost_events(code, old);
        for aggregate in &code.aggregates {
            made.aggregate(aggregate, old);
        }
        for (name, locked) in &old.aggregates {
            if !made.lock.aggregates.contains_key(name) && !locked.events.is_empty() {
                made.lost_aggregate(name);
            }
        }
        for follower in &code.followers {
            let name = format!("{} {}", follower.kind(), follower.name());
            let handled = follower.follows().into_iter().filter(|followed| !followed.is_ignored);
            let events = handled.map(|followed| followed.event.name().to_owned()).collect();
            if old.followers.get(&name) != Some(&events) {
                made.find(name.clone(), Verdict::Full, "handles other events".into(), String::new());
            }
            made.lock.followers.insert(name, events);
        }
        made
    }

    fn find(&mut self, subject: String, verdict: Verdict, what: String, repair: String) {
        self.findings.push(Finding { subject, verdict, what, repair });
    }

    fn event(&mut self, name: &str, entry: &EventEntry, versions: Versions, old: &Lock) {
        let schema = entry.schema();
        for taken in schema.every_name() {
            if let Some(why) = self.lock.retired.get(taken) {
                let what = format!("uses the name `{taken}`, which was retired: {why}");
                let repair =
                    "choose another name: events that are stored under this one would be read as it".into();
                self.find(format!("`{name}`"), Verdict::Breaking, what, repair);
            }
        }
        // Under its older name, if it was renamed.
        let locked = schema.every_name().find_map(|name| old.events.get(name).map(|event| (name, event)));
        let past = match schema.fate() {
            Fate::Current => None,
            Fate::Replaced => Some("others are read in its place".to_owned()),
            Fate::Retired(reason) => Some(format!("retired: {reason}")),
        };
        let mut event = Event { past, ..Event::default() };
        event.aliases.extend(schema.aliases().iter().map(|alias| (*alias).to_owned()));
        match locked {
            None => {
                let what = "is new".to_owned();
                self.find(format!("`{name}`"), Verdict::Full, what, String::new());
            }
            Some((older, locked)) => {
                if older != name {
                    let what = format!("was `{older}`");
                    self.find(format!("`{name}`"), Verdict::Backward, what, String::new());
                }
                if locked.past != event.past {
                    let what = match &event.past {
                        Some(past) => format!("happens no more, {past}"),
                        None => "happens again".to_owned(),
                    };
                    self.find(format!("`{name}`"), Verdict::Backward, what, String::new());
                }
                self.lost_names(name, entry, locked);
            }
        }
        let explored = self.explored(entry, versions);
        for number in 1..=schema.version() {
            let locked = locked.and_then(|(_, event)| event.versions.get(&number));
            let version = match explored.contains_key(&number) {
                true => Some(self.version(entry, number, &explored, locked)),
                false => locked.cloned(),
            };
            event.versions.extend(version.map(|version| (number, version)));
        }
        self.lock.events.insert(name.to_owned(), event);
    }

    fn lost_names(&mut self, name: &str, entry: &EventEntry, locked: &Event) {
        let schema = entry.schema();
        for alias in locked.aliases.iter().filter(|alias| !schema.is_named(alias)) {
            let what = format!("lost the alias `{alias}`");
            let repair = format!("add `alias = \"{alias}\"`: events may be stored under it");
            self.find(format!("`{name}`"), Verdict::Breaking, what, repair);
        }
        for number in locked.versions.keys().filter(|number| **number > schema.version()) {
            let what = format!("lost its version {number}");
            let repair = format!(
                "put back the type of version {number}: events that are stored in it cannot be read without ({})",
                schema.origin()
            );
            self.find(format!("`{name}`"), Verdict::Breaking, what, repair);
        }
    }

    fn explored(&mut self, entry: &EventEntry, versions: Versions) -> BTreeMap<u16, Explored> {
        let mut all = BTreeMap::new();
        for (number, explored) in versions {
            match explored {
                Ok(explored) => {
                    all.insert(number, explored);
                }
                Err(reason) => {
                    let subject = format!("`{}` version {number}", entry.schema().name());
                    let what = format!("cannot be looked at: {reason}");
                    let type_name = entry.probe.type_name(number);
                    let repair = format!("give a sample: `events_lock!(samples = [{type_name} {{ .. }}])`");
                    self.find(subject, Verdict::Breaking, what, repair);
                }
            }
        }
        all
    }

    fn version(
        &mut self,
        entry: &EventEntry,
        number: u16,
        all: &BTreeMap<u16, Explored>,
        locked: Option<&Version>,
    ) -> Version {
        let subject = format!("`{}` version {number}", entry.schema().name());
        let explored = &all[&number];
        let mut goldens = Vec::new();
        let mut is_new = true;
        if let Some(locked) = locked {
            let mut changes = compare(&locked.places, &explored.places);
            let known: Vec<_> = locked.goldens.iter().map(|golden| &golden.payload).collect();
            let shown = (&explored.places, &*explored.goldens);
            changes.extend(compare_payloads((&locked.places, &known), shown));
            is_new = !changes.is_empty() || locked.places != explored.places;
            self.changes(&subject, entry, number, &changes, locked, &explored.places);
            for golden in &locked.goldens {
                let golden = self.golden(&subject, entry, number, golden, all);
                // What is not read any more stays only where nothing is written; or it would fail for ever after.
                goldens.extend(golden.reads.contains_key(&number).then_some(golden));
            }
        } else if number > 1 {
            self.find(subject.clone(), Verdict::Backward, "is new".into(), String::new());
        }
        if is_new {
            for payload in &explored.goldens {
                if !goldens.iter().any(|golden| golden.payload == *payload) {
                    goldens.push(golden_of(entry, number, payload));
                }
            }
        }
        let newest = entry.schema().version();
        if !goldens.iter().any(|golden| golden.reads.contains_key(&newest)) {
            let what = format!("has no golden payload that becomes version {newest}");
            let type_name = entry.probe.type_name(number);
            let repair = format!(
                "give a sample that does: `events_lock!(samples = [{type_name} {{ .. }}])`, or mend the hops"
            );
            self.find(subject, Verdict::Breaking, what, repair);
        }
        Version { places: explored.places.clone(), goldens }
    }

    fn changes(
        &mut self,
        subject: &str,
        entry: &EventEntry,
        number: u16,
        changes: &[Change],
        locked: &Version,
        places: &Places,
    ) {
        let first = changes.iter().position(|change| !change.verdict.is_allowed());
        for (n, change) in changes.iter().enumerate() {
            // One repair is enough for all that happened to a version.
            let repair = if first == Some(n) {
                repair::of_version(entry, number, &locked.places, places)
            } else {
                String::new()
            };
            self.find(subject.to_owned(), change.verdict, change.what.clone(), repair);
        }
    }

    /// What has become of a payload that was read once.
    fn golden(
        &mut self,
        subject: &str,
        entry: &EventEntry,
        number: u16,
        golden: &Golden,
        all: &BTreeMap<u16, Explored>,
    ) -> Golden {
        let now = golden_of(entry, number, &golden.payload);
        if golden.parts.is_some() && golden.parts != now.parts {
            let parts = |golden: &Golden| golden.parts.as_ref().map(Value::to_string).unwrap_or_default();
            let what = format!(
                "reads `{}` as `{}`, and read it as `{}`",
                golden.payload,
                parts(&now),
                parts(golden)
            );
            let repair =
                "let the conversion into others do as it did: what is stored has been read so".into();
            self.find(subject.to_owned(), Verdict::Breaking, what, repair);
        }
        for (as_version, expected) in &golden.reads {
            let as_version = *as_version;
            if as_version > entry.schema().version() {
                continue; // That this version is gone was said.
            }
            // As it would be written today.
            let mut expected = expected.clone();
            if let Some(explored) = all.get(&as_version) {
                rename(&mut expected, &explored.places);
            }
            let what = match upcast(entry, number, as_version, &golden.payload) {
                Err(error) => format!("does not read `{}` any more: {error}", golden.payload),
                Ok(value) if !is_kept(&expected, &value) => {
                    let hops = if as_version == number {
                        String::new()
                    } else {
                        format!(" as version {as_version}")
                    };
                    format!("reads `{}`{hops} as `{value}`, and read it as `{expected}`", golden.payload)
                }
                Ok(_) => continue,
            };
            let repair = if as_version == number {
                "what is stored would mean something else; make a new version, or let serde read it as before"
                    .into()
            } else {
                "let the conversions between the versions do as they did: what is stored has been read so"
                    .into()
            };
            self.find(subject.to_owned(), Verdict::Breaking, what, repair);
            break;
        }
        now
    }

    fn lost_events(&mut self, code: &Code<'_>, old: &Lock) {
        for (name, locked) in &old.events {
            let is_there = code.events.values().any(|event| event.schema().is_named(name));
            if !is_there {
                let repair = format!(
                    "put it back, with `retired = \"why\"` or `into(...)` if it does not happen any more: events that \
                     are stored as `{name}` cannot be read without"
                );
                self.find(format!("`{name}`"), Verdict::Breaking, "is gone".into(), repair);
                self.lock.events.insert(name.clone(), locked.clone());
            }
        }
    }

    fn lost_aggregate(&mut self, name: &str) {
        let repair = "its streams may be stored, and nothing reads them any more".into();
        self.find(format!("aggregate `{name}`"), Verdict::Breaking, "is gone".into(), repair);
    }

    fn aggregate(&mut self, entry: &AggregateEntry, old: &Lock) {
        let (name, subject) = (entry.name(), format!("aggregate `{}`", entry.name()));
        let mut schemas = entry.events();
        schemas.extend(entry.past().into_iter().map(|(schema, _)| schema));
        let events = schemas.iter().map(|schema| schema.name().to_owned()).collect();
        let mut aggregate = Aggregate { events, revision: entry.revision(), kept: None };
        let locked = old.aggregates.get(name);
        for event in locked.iter().flat_map(|locked| &locked.events) {
            if !schemas.iter().any(|schema| schema.is_named(event)) {
                let what = format!("does not list `{event}` any more");
                let repair = format!(
                    "list it again, or say in `past(...)` what became of it ({}): streams of `{name}` may hold it, \
                     and could not be loaded",
                    entry.origin()
                );
                self.find(subject.clone(), Verdict::Breaking, what, repair);
            }
        }
        if let Some(folding) = entry.folding {
            let states = schemas.iter().filter_map(|schema| {
                let first = schemas.first()?.name();
                let mut stored = self.stored(first, 1);
                let mut key = first.to_owned();
                if schema.name() != first {
                    key = format!("{first},{}", schema.name());
                    stored.extend(self.stored(schema.name(), usize::MAX));
                }
                Some((key, folding.fold(&stored)?))
            });
            let kept = Kept { shape: folding.shape(), states: states.collect() };
            let before = locked.filter(|locked| locked.revision == entry.revision());
            let before = before.and_then(|locked| locked.kept.as_ref());
            if let Some(before) = before.filter(|before| before.shape == kept.shape) {
                self.compare_states(&subject, entry, before, &kept);
            }
            aggregate.kept = Some(kept);
        }
        if locked != Some(&aggregate) {
            let what = "has other events, another state, or another revision".into();
            self.find(subject, Verdict::Full, what, String::new());
        }
        self.lock.aggregates.insert(name.to_owned(), aggregate);
    }

    fn compare_states(&mut self, subject: &str, entry: &AggregateEntry, before: &Kept, now: &Kept) {
        let revision = entry.revision();
        let raise = format!(
            "if the handlers are meant to have changed, say `revision = {}` ({}): snapshots of the old ones would \
             be taken for right",
            revision.saturating_add(1),
            entry.origin()
        );
        for (events, state) in &before.states {
            if let Some(after) = now.states.get(events).filter(|after| !is_kept(state, after)) {
                let what = format!("is `{after}` after `{events}`, and was `{state}`");
                self.find(subject.to_owned(), Verdict::Breaking, what, raise.clone());
            }
            // A state of a snapshot that the program takes for its own.
            let reread = entry.folding.and_then(|folding| folding.reread(state).err());
            if let Some(error) = reread {
                let what = format!("does not read its snapshot `{state}` any more: {error}");
                self.find(subject.to_owned(), Verdict::Breaking, what, raise.clone());
            }
        }
    }

    /// The golden payloads of an event in its newest version, so many at most.
    fn stored(&self, name: &str, most: usize) -> Vec<Stored> {
        let newest = self.lock.events.get(name).and_then(|event| event.versions.last_key_value());
        let goldens = newest.iter().flat_map(|(number, version)| {
            let payloads = version.goldens.iter().map(|golden| encoded(&golden.payload));
            payloads.map(|payload| Stored { name: name.to_owned(), version: **number, payload })
        });
        goldens.take(most).collect()
    }
}

fn encoded(payload: &Value) -> Encoded {
    Encoded::new(Format::Json, payload.to_string().into_bytes())
}

pub(super) fn upcast(entry: &EventEntry, from: u16, to: u16, payload: &Value) -> Result<Value, String> {
    let event = entry.probe.upcast(from, to, &encoded(payload))?;
    event.decode().map_err(|error| error.to_string())
}

fn golden_of(entry: &EventEntry, number: u16, payload: &Value) -> Golden {
    let parts = (entry.schema().fate() == Fate::Replaced).then_some(entry.split).flatten();
    let parts = parts.and_then(|split| split(number, &encoded(payload)).ok());
    let parts = parts.map(|parts| parts.into_iter().map(|(name, value)| json!([name, value])).collect());
    Golden { payload: payload.clone(), reads: reads(entry, number, payload), parts }
}

/// What a payload is read as, in each version from its own on that it gets to.
fn reads(entry: &EventEntry, number: u16, payload: &Value) -> BTreeMap<u16, Value> {
    let versions = number..=entry.schema().version();
    versions.filter_map(|to| Some((to, upcast(entry, number, to, payload).ok()?))).collect()
}

/// Calls fields and variants as they are called today.
fn rename(value: &mut Value, places: &Places) {
    for (path, place) in places.iter().filter(|(_, place)| !place.aliases.is_empty()) {
        let (Some(name), Some(parent)) = (path.name(), path.parent()) else {
            continue;
        };
        parent.each(value, &mut |value| match value {
            Value::Object(fields) => {
                for alias in &place.aliases {
                    if let Some(value) = fields.remove(alias) {
                        fields.entry(name).or_insert(value);
                    }
                }
            }
            Value::String(text) if place.aliases.contains(text) => name.clone_into(text),
            _ => {}
        });
    }
}

/// Whether everything that was there is there still. What is more is new, and `null` is as good as nothing.
fn is_kept(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before
            .iter()
            .all(|(name, value)| after.get(name).map_or(value.is_null(), |after| is_kept(value, after))),
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len() && before.iter().zip(after).all(|(a, b)| is_kept(a, b))
        }
        (a, b) => a == b,
    }
}
