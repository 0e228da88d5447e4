//! What `events.lock` holds, and how it is written: each line says all there is to it, so that lines of two branches
//! can be put together in any order.

use super::path::Path;
use super::place::{Place, Places};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Write};

/// A lock, read or made.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Lock {
    pub(crate) events: BTreeMap<String, Event>,
    /// Names that were events once, each with when and why it ended.
    pub(crate) retired: BTreeMap<String, String>,
    pub(crate) aggregates: BTreeMap<String, Aggregate>,
    /// By `projection orders-by-day` and the like, the names of the events that it handles.
    pub(crate) followers: BTreeMap<String, BTreeSet<String>>,
    /// Breaking changes that were recorded all the same, each with when, what and why.
    pub(crate) forced: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Event {
    /// What became of it, if it does not happen any more.
    pub(crate) past: Option<String>,
    pub(crate) aliases: BTreeSet<String>,
    pub(crate) versions: BTreeMap<u16, Version>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Version {
    pub(crate) places: Places,
    pub(crate) goldens: Vec<Golden>,
}

/// A payload, and what it is read as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Golden {
    pub(crate) payload: Value,
    /// By schema version, from its own to the newest.
    pub(crate) reads: BTreeMap<u16, Value>,
    /// What is read in its place, each as a pair of name and value, if others are.
    pub(crate) parts: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Aggregate {
    pub(crate) events: BTreeSet<String>,
    pub(crate) revision: u32,
    /// Of an aggregate that keeps snapshots.
    pub(crate) kept: Option<Kept>,
}

/// What the handlers of an aggregate make of the golden payloads.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Kept {
    /// Another one where the type of the state changes, so that nobody reads a snapshot from before.
    pub(crate) shape: u64,
    /// By the names of the events whose golden payloads were folded.
    pub(crate) states: BTreeMap<String, Value>,
}

/// A line that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {number} cannot be read: `{text}`. Take the file from version control; where branches were merged, keep \
     the lines of both"
)]
pub(crate) struct Unreadable {
    pub(crate) number: usize,
    pub(crate) text: String,
}

const HEAD: &str = "\
# What this program has stored, and will read for ever: every event with its shape and golden payloads.
# Written by `ES_LOCK=accept cargo test`, and to be committed. Each line stands for itself: where branches meet,
# keep the lines of both, or let git do it with `events.lock merge=union` in .gitattributes.
";

impl Lock {
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut lock = Self::default();
        let mut goldens = Goldens::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            lock.read(line, &mut goldens)
                .ok_or_else(|| Unreadable { number, text: line.chars().take(200).collect() })?;
        }
        // Numbers only tell which lines belong together: two branches may have taken the same.
        for ((name, version, _), mut golden) in goldens.all {
            golden.reads.entry(version).or_insert_with(|| golden.payload.clone());
            let version = lock.events.entry(name).or_default().versions.entry(version).or_default();
            match version.goldens.iter_mut().find(|other| other.payload == golden.payload) {
                Some(other) => {
                    other.reads.append(&mut golden.reads);
                    other.parts = other.parts.take().or(golden.parts);
                }
                None => version.goldens.push(golden),
            }
        }
        Ok(lock)
    }

    fn read(&mut self, line: &str, goldens: &mut Goldens) -> Option<()> {
        let (what, rest) = line.split_once(' ')?;
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        match what {
            "event" => read_event(name, self.events.entry(name.to_owned()).or_default(), rest, goldens),
            "retired" => {
                self.retired.insert(name.to_owned(), rest.to_owned());
                Some(())
            }
            "forced" => {
                self.forced.insert(format!("{name} {rest}"));
                Some(())
            }
            "aggregate" => self.aggregates.entry(name.to_owned()).or_default().read(rest),
            "projection" | "reaction" | "workflow" => {
                let events = self.followers.entry(format!("{what} {name}")).or_default();
                if !rest.is_empty() {
                    events.insert(rest.strip_prefix("takes ")?.to_owned());
                }
                Some(())
            }
            _ => None,
        }
    }
}

/// The event, its version, and what tells one payload from another.
type Tag = (String, u16, String);

/// In the order of their lines.
#[derive(Default)]
struct Goldens {
    places: HashMap<Tag, usize>,
    all: Vec<(Tag, Golden)>,
}

impl Goldens {
    fn of(&mut self, tag: Tag) -> &mut Golden {
        let at = *self.places.entry(tag.clone()).or_insert(self.all.len());
        if at == self.all.len() {
            self.all.push((tag, Golden { payload: Value::Null, reads: BTreeMap::new(), parts: None }));
        }
        &mut self.all[at].1
    }
}

fn read_event(name: &str, event: &mut Event, rest: &str, goldens: &mut Goldens) -> Option<()> {
    if rest.is_empty() {
        return Some(());
    }
    let (version, rest) = rest.split_once(' ')?;
    if version == "alias" {
        event.aliases.insert(rest.to_owned());
        return Some(());
    }
    if version == "past" {
        event.past = Some(rest.to_owned());
        return Some(());
    }
    let version: u16 = version.strip_prefix('v')?.parse().ok()?;
    let (what, rest) = rest.split_once(' ')?;
    if what != "golden" {
        let places = &mut event.versions.entry(version).or_default().places;
        places.insert(Path::parse(what)?, Place::parse(rest)?);
        return Some(());
    }
    let (number, rest) = rest.split_once(' ')?;
    let key = (name.to_owned(), version, number.to_owned());
    let golden = goldens.of(key);
    if let Some(parts) = rest.strip_prefix("as parts ") {
        golden.parts = Some(serde_json::from_str(parts).ok()?);
        return Some(());
    }
    match rest.strip_prefix("as v") {
        Some(rest) => {
            let (as_version, value) = rest.split_once(' ')?;
            golden.reads.insert(as_version.parse().ok()?, serde_json::from_str(value).ok()?);
        }
        None => golden.payload = serde_json::from_str(rest.strip_prefix("is ")?).ok()?,
    }
    Some(())
}

impl Aggregate {
    fn read(&mut self, rest: &str) -> Option<()> {
        match rest.split_once(' ')? {
            ("takes", event) => {
                self.events.insert(event.to_owned());
            }
            ("revision", revision) => self.revision = revision.parse().ok()?,
            ("state", hex) => {
                self.kept.get_or_insert_default().shape = u64::from_str_radix(hex, 16).ok()?;
            }
            ("after", rest) => {
                let (event, state) = rest.split_once(' ')?;
                let state = serde_json::from_str(state).ok()?;
                self.kept.get_or_insert_default().states.insert(event.to_owned(), state);
            }
            _ => return None,
        }
        Some(())
    }
}

/// Which payload it is, in the lock: the same for the same payload, so that two branches that add different ones do
/// not take the same number.
fn tag(payload: &Value) -> String {
    let hash = crate::text::Hash::of(&payload.to_string());
    format!("{:08x}", hash as u32)
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        for (name, event) in &self.events {
            writeln!(f, "\nevent {name}")?;
            if let Some(past) = &event.past {
                writeln!(f, "event {name} past {past}")?;
            }
            for alias in &event.aliases {
                writeln!(f, "event {name} alias {alias}")?;
            }
            for (number, version) in &event.versions {
                for (path, place) in &version.places {
                    writeln!(f, "event {name} v{number} {path} {place}")?;
                }
                for golden in &version.goldens {
                    let tag = tag(&golden.payload);
                    writeln!(f, "event {name} v{number} golden {tag} is {}", golden.payload)?;
                    // What is read as it is written needs no line.
                    let is_same = |(as_version, value): &(&u16, &Value)| {
                        *as_version == number && **value == golden.payload
                    };
                    for (as_version, value) in golden.reads.iter().filter(|read| !is_same(read)) {
                        writeln!(f, "event {name} v{number} golden {tag} as v{as_version} {value}")?;
                    }
                    if let Some(parts) = &golden.parts {
                        writeln!(f, "event {name} v{number} golden {tag} as parts {parts}")?;
                    }
                }
            }
        }
        for (name, aggregate) in &self.aggregates {
            f.write_char('\n')?;
            for event in &aggregate.events {
                writeln!(f, "aggregate {name} takes {event}")?;
            }
            writeln!(f, "aggregate {name} revision {}", aggregate.revision)?;
            if let Some(kept) = &aggregate.kept {
                writeln!(f, "aggregate {name} state {:016x}", kept.shape)?;
                for (event, state) in &kept.states {
                    writeln!(f, "aggregate {name} after {event} {state}")?;
                }
            }
        }
        for (name, events) in &self.followers {
            writeln!(f, "\n{name}")?;
            for event in events {
                writeln!(f, "{name} takes {event}")?;
            }
        }
        for (what, lines) in [
            ("retired", self.retired.iter().map(|(name, why)| format!("{name} {why}")).collect::<Vec<_>>()),
            ("forced", self.forced.iter().cloned().collect()),
        ] {
            if !lines.is_empty() {
                f.write_char('\n')?;
            }
            for line in lines {
                writeln!(f, "{what} {line}")?;
            }
        }
        Ok(())
    }
}
