//! What the registry knows of each thing that is linked.

use crate::aggregate::Aggregate;
use crate::command::Handle;
use crate::decision::Decision;
use crate::event::Event;
use crate::fate::Fate;
use crate::follow::Follower;
use crate::former::Former;
use crate::schema::{EventSchema, Origin};
use core::fmt;

/// An event type, one entry for each version of it.
pub struct EventEntry {
    schema: EventSchema,
    doc: &'static str,
    #[cfg(feature = "schema")]
    pub(crate) probe: crate::lock::Probe,
    #[cfg(feature = "schema")]
    pub(crate) split: Option<crate::lock::Split>,
}

impl EventEntry {
    #[doc(hidden)]
    pub const fn of<E: Event>(doc: &'static str) -> Self {
        Self {
            schema: EventSchema::of::<E>(),
            doc,
            #[cfg(feature = "schema")]
            probe: crate::lock::Probe::of::<E>(),
            #[cfg(feature = "schema")]
            split: None,
        }
    }

    /// An event that does not happen any more.
    #[doc(hidden)]
    pub const fn former<E: Former>(doc: &'static str) -> Self {
        Self {
            #[cfg(feature = "schema")]
            split: Some(crate::lock::split::<E>),
            ..Self::of::<E>(doc)
        }
    }

    /// What is known of it at compile time.
    pub const fn schema(&self) -> &EventSchema {
        &self.schema
    }

    /// What its doc comment says.
    pub const fn doc(&self) -> &'static str {
        self.doc
    }
}

/// An aggregate.
pub struct AggregateEntry {
    name: &'static str,
    origin: Origin,
    doc: &'static str,
    revision: u32,
    commands: &'static [CommandEntry],
    events: fn() -> Vec<&'static EventSchema>,
    past: fn() -> Vec<(&'static EventSchema, Fate)>,
    #[cfg(feature = "schema")]
    pub(crate) folding: Option<crate::lock::Folding>,
}

impl AggregateEntry {
    #[doc(hidden)]
    pub const fn of<A: Aggregate>(
        origin: Origin,
        doc: &'static str,
        commands: &'static [CommandEntry],
    ) -> Self {
        Self {
            name: A::NAME,
            origin,
            doc,
            revision: A::REVISION,
            commands,
            events: || A::EVENTS.iter().map(|fold| fold.schema()).collect(),
            past: || A::PAST.iter().map(|past| (past.schema(), past.fate())).collect(),
            #[cfg(feature = "schema")]
            folding: crate::lock::Folding::of::<A>(),
        }
    }

    /// The category its streams are stored under.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is defined.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What its doc comment says.
    pub const fn doc(&self) -> &'static str {
        self.doc
    }

    /// The revision of its handlers.
    pub const fn revision(&self) -> u32 {
        self.revision
    }

    /// The commands that are listed with it.
    pub const fn commands(&self) -> &'static [CommandEntry] {
        self.commands
    }

    /// The events it is folded from, in their newest version.
    pub fn events(&self) -> Vec<&'static EventSchema> {
        (self.events)()
    }

    /// The events that it does not raise any more, and what became of each.
    pub fn past(&self) -> Vec<(&'static EventSchema, Fate)> {
        (self.past)()
    }
}

/// A command that an aggregate handles, from `#[aggregate(commands(...))]`.
pub struct CommandEntry {
    name: &'static str,
    events: fn(&mut Vec<&'static str>),
}

impl CommandEntry {
    #[doc(hidden)]
    pub const fn of<A: Handle<C>, C>(name: &'static str) -> Self {
        Self { name, events: <A::Decision as Decision<A>>::names }
    }

    /// The Rust name of its type.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The names of the events that it may lead to, as far as the types of the decision tell.
    pub fn events(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        (self.events)(&mut names);
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// What kind of follower one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FollowerKind {
    /// It keeps a read model.
    Projection,
    /// It acts.
    Reaction,
    /// It plans, over a state of its own.
    Workflow,
}

impl fmt::Display for FollowerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Projection => "projection",
            Self::Reaction => "reaction",
            Self::Workflow => "workflow",
        })
    }
}

/// A projection, a reaction or a workflow.
pub struct FollowerEntry {
    kind: FollowerKind,
    name: &'static str,
    origin: Origin,
    doc: &'static str,
    follows: fn() -> Vec<FollowedEntry>,
}

/// An event of an aggregate that is followed.
#[derive(Debug, Clone, Copy)]
pub struct FollowedEntry {
    /// The name of the aggregate.
    pub aggregate: &'static str,
    /// The event, in its newest version.
    pub event: &'static EventSchema,
    /// Whether it is named in `ignore(...)`.
    pub is_ignored: bool,
}

impl FollowerEntry {
    #[doc(hidden)]
    pub const fn of<F: Follower>(kind: FollowerKind, origin: Origin, doc: &'static str) -> Self {
        Self { kind, name: F::NAME, origin, doc, follows: followed::<F> }
    }

    /// What kind it is.
    pub const fn kind(&self) -> FollowerKind {
        self.kind
    }

    /// The name under which it is noted how far it has come.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is defined.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What its doc comment says.
    pub const fn doc(&self) -> &'static str {
        self.doc
    }

    /// Every event of the aggregates it follows.
    pub fn follows(&self) -> Vec<FollowedEntry> {
        (self.follows)()
    }
}

fn followed<F: Follower>() -> Vec<FollowedEntry> {
    let rows = F::FOLLOWS.iter().flat_map(|followed| {
        let aggregate = followed.category();
        followed.rows().iter().map(move |row| FollowedEntry {
            aggregate,
            event: row.schema(),
            is_ignored: row.is_ignored(),
        })
    });
    rows.collect()
}

impl fmt::Debug for EventEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.schema.fmt(f)
    }
}

impl fmt::Debug for AggregateEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateEntry").field("name", &self.name).field("origin", &self.origin).finish()
    }
}

impl fmt::Debug for CommandEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandEntry").field("name", &self.name).finish()
    }
}

impl fmt::Debug for FollowerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, origin, .. } = self;
        f.debug_struct("FollowerEntry")
            .field("kind", kind)
            .field("name", name)
            .field("origin", origin)
            .finish()
    }
}
