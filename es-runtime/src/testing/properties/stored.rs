//! Events on their way into a store and back.

use super::source::{Item, all};
use crate::Limit;
use crate::aggregate::{self, Aggregate};
use crate::commit::{Commit, Expected, NewEvent, NonEmpty};
use crate::format::{Encoded, Format};
use crate::id::CommitId;
use crate::lock::Unwritten;
use crate::memory::Memory;
use crate::name::StreamName;
use crate::position::Version;
use crate::recorded::Recorded;
use crate::store::Store;
use crate::time::Timestamp;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub(super) fn rewrite<A: Aggregate>(
    item: &Item,
    payload: &Encoded,
    format: Format,
) -> Result<Encoded, String> {
    let rewritten = match all::<A>().nth(item.row) {
        Some(known) => known.probe.rewrite(item.version, payload, format),
        None => return Err("its row is not known".to_owned()),
    };
    rewritten.map_err(|error| {
        let what = match error {
            Unwritten::Unreadable(error) => {
                format!("an event that was stored as {} cannot be read again: {error}", payload.format())
            }
            Unwritten::Unwritable(error) => {
                format!("an event that was read cannot be written again: {error}")
            }
        };
        format!("`{}`: {what}\n\nevent:\n    {}\n", A::NAME, item.shown())
    })
}

/// Calls what is the user's, which may panic.
pub(super) fn apply<A: Aggregate>(
    items: &[Item],
    apply: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let outcome = catch_unwind(AssertUnwindSafe(apply)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(format!("it panicked: {text}"))
    });
    outcome.map_err(|error| {
        format!(
            "`{}`: the last of these events cannot be applied: {error}\n\nevents:\n{}",
            A::NAME,
            list(items)
        )
    })
}

pub(super) fn replay<A: Aggregate>(items: &[Item], stored: &[Recorded]) -> Result<A, String> {
    let mut state = A::default();
    for (at, event) in stored.iter().enumerate() {
        apply::<A>(&items[..=at.min(items.len().saturating_sub(1))], || {
            let payload = event.event().as_payload();
            let replayed = aggregate::replay(&mut state, event.name(), event.schema_version(), payload);
            replayed.ok_or("its name is not known")?.map_err(text)
        })?;
    }
    Ok(state)
}

/// What a store gives back of the events, a commit for every three of them.
pub(super) async fn store<A: Aggregate>(items: &[Item], format: Format) -> Result<Vec<Recorded>, String> {
    let store = Store::builder().format(format).adapter(Memory::new());
    let stream = StreamName::new(A::NAME, "1").map_err(text)?;
    for (number, part) in items.chunks(3).enumerate() {
        let event = |item: &Item| {
            Ok::<_, String>(NewEvent {
                name: item.name.into(),
                schema_version: item.version,
                payload: rewrite::<A>(item, &item.raw, format)?,
                metadata: Arc::default(),
                occurred_at: Timestamp::EPOCH,
            })
        };
        let Some(events) = NonEmpty::new(part.iter().map(event).collect::<Result<_, _>>()?) else { continue };
        let id = CommitId::derive(&CommitId::ROOT, &number.to_string());
        let commit =
            Commit { id, stream: stream.clone(), expected: Expected::Any, events, requires: Vec::new() };
        store.append(commit).await.map_err(text)?;
    }
    let (mut stored, mut next) = (Vec::new(), Some(Version::new(1)));
    while let Some(from) = next {
        let page = store.read_stream(&stream, from, Limit::default()).await.map_err(text)?;
        stored.extend(page.events);
        next = page.next;
    }
    Ok(stored)
}

pub(super) fn list(items: &[Item]) -> String {
    items.iter().map(|item| format!("    {}\n", item.shown())).collect()
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}
