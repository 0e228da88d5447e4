//! Types as they were and as they are, and what serde makes of the payloads of one and the other.

use crate::aggregate::Aggregate;
use crate::event::Event;
use crate::lock::check::check_code;
use crate::lock::compare::{compare, compare_payloads};
use crate::lock::explore::{Explored, explore};
use crate::lock::made::Code;
use crate::lock::{LockError, Mode, Report, Verdict};
use crate::registry::{AggregateEntry, EventEntry};
use crate::schema::Origin;
use crate::shape::{Reach, trace};
use crate::testing::__properties::generate::values;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use tempfile::TempDir;

/// One side of a change.
pub(super) struct Side {
    pub(super) explored: Explored,
    /// Payloads that programs of this side may have stored.
    pub(super) stored: Vec<Value>,
}

/// Reads a payload and writes it again, as a stored one is looked at.
pub(super) fn read<T: Serialize + DeserializeOwned>(value: &Value) -> Option<Value> {
    serde_json::to_value(serde_json::from_str::<T>(&value.to_string()).ok()?).ok()
}

pub(super) fn side<T: Serialize + DeserializeOwned>(samples: &[Value]) -> Side {
    let shape = trace::<T>(samples).expect("it can be looked at");
    let explored = explore(&shape, samples, &read::<T>).expect("it is shown");
    let mut stored = explored.goldens.clone();
    // What the type itself would write, of whatever it takes.
    if let Some(values) = values(&shape, Reach::Full) {
        let mut runner = TestRunner::deterministic();
        let made = (0..200).filter_map(|_| Some(values.new_tree(&mut runner).ok()?.current()));
        stored.extend(made.filter_map(|value| read::<T>(&value)));
    }
    Side { explored, stored }
}

/// The verdict on a change from one type to another, as the lock comes to it: by the shapes, and by the golden
/// payloads of the old one.
pub(super) fn verdict<New: Serialize + DeserializeOwned>(old: &Side, new: &Side) -> Verdict {
    let changes = compare(&old.explored.places, &new.explored.places);
    let is_read = old.explored.goldens.iter().all(|golden| read::<New>(golden).is_some());
    let known: Vec<_> = old.explored.goldens.iter().collect();
    let others =
        compare_payloads((&old.explored.places, &known), (&new.explored.places, &new.explored.goldens));
    let breaks = |of: [Verdict; 2]| changes.iter().any(|change| of.contains(&change.verdict));
    let backward = !is_read || breaks([Verdict::Forward, Verdict::Breaking]);
    let forward = others.is_some() || breaks([Verdict::Backward, Verdict::Breaking]);
    match (backward, forward) {
        (false, false) => Verdict::Full,
        (false, true) => Verdict::Backward,
        (true, false) => Verdict::Forward,
        (true, true) => Verdict::Breaking,
    }
}

/// Fails where the verdict on a change is another, or laxer than serde.
pub(super) fn expect_verdict<Old, New>(expected: Verdict, old_samples: &[Value], new_samples: &[Value])
where
    Old: Serialize + DeserializeOwned,
    New: Serialize + DeserializeOwned,
{
    let (old, new) = (side::<Old>(old_samples), side::<New>(new_samples));
    let found = verdict::<New>(&old, &new);
    let changes = compare(&old.explored.places, &new.explored.places);
    let said = || format!("{:#?}\n{changes:#?}", old.explored.places);
    if matches!(found, Verdict::Full | Verdict::Backward) {
        for payload in &old.stored {
            let read = serde_json::from_str::<New>(&payload.to_string()).map(drop);
            assert!(read.is_ok(), "{found}, but serde does not read {payload}: {read:?}\n{}", said());
        }
    }
    if matches!(found, Verdict::Full | Verdict::Forward) {
        for payload in &new.stored {
            let read = serde_json::from_str::<Old>(&payload.to_string()).map(drop);
            assert!(
                read.is_ok(),
                "{found}, but serde of the older program does not read {payload}: {read:?}\n{}",
                said()
            );
        }
    }
    assert_eq!(found, expected, "{}\n{:#?}", said(), new.explored.places);
}

/// A program that has some events, and its lock in a directory of its own.
pub(super) struct Program {
    events: Vec<EventEntry>,
    aggregates: Vec<AggregateEntry>,
    dir: Rc<TempDir>,
}

impl Program {
    pub(super) fn new() -> Self {
        let dir = Rc::new(tempfile::tempdir().expect("a directory"));
        Self { events: Vec::new(), aggregates: Vec::new(), dir }
    }

    /// The next release: the same lock, and no events yet.
    pub(super) fn anew(&self) -> Self {
        Self { events: Vec::new(), aggregates: Vec::new(), dir: Rc::clone(&self.dir) }
    }

    pub(super) fn event<E: Event>(mut self) -> Self {
        self.events.push(EventEntry::of::<E>(""));
        self
    }

    pub(super) fn aggregate<A: Aggregate>(mut self) -> Self {
        self.aggregates.push(AggregateEntry::of::<A>(Origin::new("A", "test", "src/test.rs", 7), "", &[]));
        self
    }

    pub(super) fn check(&self, mode: &Mode) -> Result<Report, LockError> {
        let code = Code {
            events: self.events.iter().map(|event| (event.schema().name(), event)).collect(),
            aggregates: self.aggregates.iter().collect(),
            followers: Vec::new(),
            samples: &[],
        };
        check_code(&code, &self.path(), mode)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("events.lock")
    }

    pub(super) fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap_or_default()
    }

    pub(super) fn write(&self, text: &str) {
        fs::write(self.path(), text).expect("written");
    }
}

/// An event that is not in the registry, where each name is to be there once.
macro_rules! event {
    ($name:literal $([$($alias:literal),*])? 1 = Genesis; $($item:tt)*) => {
        $crate::lock::tests::kit::event! {
            @ $name [$($($alias),*)?] 1, $crate::Genesis, $crate::event::from_nothing; $($item)*
        }
    };
    ($name:literal $([$($alias:literal),*])? $version:literal = $previous:path; $($item:tt)*) => {
        $crate::lock::tests::kit::event! {
            @ $name [$($($alias),*)?] $version, $previous, $crate::event::Upcast::hop; $($item)*
        }
    };
    (
        @ $name:literal [$($alias:literal),*] $version:literal, $previous:path, $hop:path;
        $vis:vis struct $event:ident $fields:tt
    ) => {
        #[derive(Serialize, Deserialize)]
        $vis struct $event $fields

        impl $crate::Event for $event {
            const NAME: &'static str = $name;
            const ALIASES: &'static [&'static str] = &[$($alias),*];
            const VERSION: u16 = $version;
            const ORIGIN: $crate::Origin =
                $crate::Origin::new(stringify!($event), module_path!(), file!(), line!());
            type Previous = $previous;
            const UPCAST: $crate::event::Hop<$previous, Self> = $hop;
        }
    };
}
pub(super) use event;
