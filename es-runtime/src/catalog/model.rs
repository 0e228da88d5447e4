//! What the documents are made of: the registry and the lock in one, in order.

use super::CatalogError;
use super::prose;
use crate::lock::{Code, Lock, Made, Places, Verdict};
use crate::registry::{self, AggregateEntry, EventEntry, FollowerEntry, FollowerKind};
use crate::schema::Origin;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) title: String,
    pub(super) version: String,
    pub(super) aggregates: BTreeMap<String, Aggregate>,
    pub(super) events: BTreeMap<String, Event>,
    /// By kind and name.
    pub(super) consumers: BTreeMap<(FollowerKind, String), Consumer>,
    /// Names of events that were, each with when and why it ended.
    pub(super) retired: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(super) struct Aggregate {
    pub(super) doc: String,
    /// Its Rust path.
    pub(super) path: String,
    pub(super) revision: u32,
    /// By their Rust names, the events that each may lead to.
    pub(super) commands: BTreeMap<String, Vec<String>>,
    pub(super) events: BTreeSet<String>,
    /// Those that are stored and read, and happen no more.
    pub(super) past: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) aliases: BTreeSet<String>,
    pub(super) versions: BTreeMap<u16, Version>,
}

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) doc: String,
    pub(super) path: String,
    pub(super) places: Places,
    pub(super) examples: Vec<Value>,
}

#[derive(Debug, Clone)]
pub(super) struct Consumer {
    pub(super) doc: String,
    pub(super) path: String,
    /// By the names of aggregates, the events it takes of each, and those it ignores.
    pub(super) follows: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
}

impl Model {
    pub(super) fn linked(title: &str, lock: &str) -> Result<Self, CatalogError> {
        let code = Code::linked(&[]).map_err(|error| CatalogError::DuplicateName(error.to_string()))?;
        let old = Lock::parse(lock).map_err(|error| CatalogError::Lock(error.to_string()))?;
        Self::of(title, &code, &old)
    }

    pub(super) fn of(title: &str, code: &Code<'_>, old: &Lock) -> Result<Self, CatalogError> {
        let Made { lock, findings } = Made::of(code, old);
        let mut events = BTreeMap::new();
        for (name, entry) in &code.events {
            let Some(locked) = lock.events.get(*name) else { continue };
            let mut versions = BTreeMap::new();
            for number in 1..=entry.schema().version() {
                let Some(version) = locked.versions.get(&number) else {
                    let subject = format!("`{name}` version {number}");
                    let about = findings
                        .iter()
                        .find(|finding| finding.subject == subject && finding.verdict == Verdict::Breaking);
                    let what = about.map_or_else(String::new, |finding| finding.what.clone());
                    return Err(CatalogError::Unseen { event: subject, what });
                };
                let source = source(entry, number);
                // One that is read no more is for the test of the lock to tell.
                let examples = version.goldens.iter().filter(|golden| golden.reads.contains_key(&number));
                versions.insert(
                    number,
                    Version {
                        doc: source.map(|entry| prose::of_doc(entry.doc())).unwrap_or_default(),
                        path: source.map(|entry| path(entry.schema().origin())).unwrap_or_default(),
                        places: version.places.clone(),
                        examples: examples.map(|golden| golden.payload.clone()).collect(),
                    },
                );
            }
            events.insert((*name).to_owned(), Event { aliases: locked.aliases.clone(), versions });
        }
        let aggregates = code.aggregates.iter().map(|entry| (entry.name().to_owned(), aggregate(entry)));
        let consumers =
            code.followers.iter().map(|entry| ((entry.kind(), entry.name().to_owned()), consumer(entry)));
        Ok(Self {
            title: title.to_owned(),
            version: "1".to_owned(),
            aggregates: aggregates.collect(),
            consumers: consumers.collect(),
            events,
            retired: lock.retired,
        })
    }

    /// The aggregates that raise it.
    pub(super) fn raised_by(&self, event: &str) -> impl Iterator<Item = &str> {
        let raises = move |(_, aggregate): &(&String, &Aggregate)| aggregate.events.contains(event);
        self.aggregates.iter().filter(raises).map(|(name, _)| name.as_str())
    }

    /// The aggregates in whose past it is.
    pub(super) fn past_of(&self, event: &str) -> impl Iterator<Item = &str> {
        let has = move |(_, aggregate): &(&String, &Aggregate)| aggregate.past.contains(event);
        self.aggregates.iter().filter(has).map(|(name, _)| name.as_str())
    }

    /// Who takes it of whichever aggregate.
    pub(super) fn taken_by(&self, event: &str) -> impl Iterator<Item = (FollowerKind, &str)> {
        let takes = move |(_, consumer): &(&(FollowerKind, String), &Consumer)| {
            consumer.follows.values().any(|(taken, _)| taken.contains(event))
        };
        self.consumers.iter().filter(takes).map(|((kind, name), _)| (*kind, name.as_str()))
    }
}

impl Event {
    /// The number of its newest version.
    pub(super) fn newest(&self) -> u16 {
        self.versions.last_key_value().map_or(1, |(number, _)| *number)
    }

    pub(super) fn doc(&self) -> &str {
        self.versions.last_key_value().map_or("", |(_, version)| &version.doc)
    }
}

/// What a version of an event is called wherever it needs one name: as `order.paid.v1`.
pub(super) fn versioned(event: &str, number: u16) -> String {
    format!("{event}.v{number}")
}

/// The type of a version, found from the newest one down.
fn source(newest: &EventEntry, number: u16) -> Option<&EventEntry> {
    let mut entry = newest;
    while entry.schema().version() > number {
        entry = registry::events().find(|older| entry.schema().follows(older.schema()))?;
    }
    Some(entry)
}

/// Without the line, which changes with whatever stands above.
fn path(origin: &Origin) -> String {
    format!("{}::{}", origin.module(), origin.type_name())
}

fn aggregate(entry: &AggregateEntry) -> Aggregate {
    Aggregate {
        doc: prose::of_doc(entry.doc()),
        path: path(entry.origin()),
        revision: entry.revision(),
        commands: entry
            .commands()
            .iter()
            .map(|command| {
                let events = command.events().into_iter().map(str::to_owned).collect();
                (command.name().to_owned(), events)
            })
            .collect(),
        events: entry.events().into_iter().map(|event| event.name().to_owned()).collect(),
        past: entry.past().into_iter().map(|(event, _)| event.name().to_owned()).collect(),
    }
}

fn consumer(entry: &FollowerEntry) -> Consumer {
    let mut follows = BTreeMap::<_, (BTreeSet<_>, BTreeSet<_>)>::new();
    for followed in entry.follows() {
        let (taken, ignored) = follows.entry(followed.aggregate.to_owned()).or_default();
        let set = if followed.is_ignored { ignored } else { taken };
        set.insert(followed.event.name().to_owned());
    }
    Consumer { doc: prose::of_doc(entry.doc()), path: path(entry.origin()), follows }
}
