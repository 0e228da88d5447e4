//! A log of a million events, and what it takes to go through it.

use crate::Failure;
use crate::cart::ItemAdded;
use es_runtime::{Commit, CommitId, Cursor, Encoded, Event, Expected, Filter, Format, Limit, NewEvent};
use es_runtime::{NonEmpty, Store, StreamName, Timestamp, Version};
use std::sync::Arc;

/// How many events a commit has.
const COMMIT: u64 = 100;

/// How many streams there are.
const STREAMS: u64 = 1000;

/// Writes `events` events, a thousandth of them to each stream.
///
/// # Errors
///
/// When the store fails.
pub async fn fill(store: &Store, events: u64) -> Result<(), Failure> {
    let metadata = Arc::default();
    for commit in 0..events / COMMIT {
        let (stream, version) = (commit % STREAMS, commit / STREAMS * COMMIT);
        let event = |number| -> Result<_, Failure> {
            let payload = serde_json::to_vec(&ItemAdded::nth(number))?;
            Ok(NewEvent {
                name: ItemAdded::NAME.into(),
                schema_version: ItemAdded::VERSION,
                payload: Encoded::new(Format::Json, payload),
                metadata: Arc::clone(&metadata),
                occurred_at: Timestamp::EPOCH,
            })
        };
        let events = (0..COMMIT).map(|n| event(commit * COMMIT + n)).collect::<Result<_, _>>()?;
        let commit = Commit {
            id: CommitId::derive(&CommitId::ROOT, &commit.to_string()),
            stream: StreamName::new("cart", stream)?,
            expected: Expected::Exactly(Version::new(version)),
            events: NonEmpty::new(events).ok_or("no events")?,
            requires: Vec::new(),
        };
        store.append(commit).await?;
    }
    Ok(())
}

/// Decodes every event of the log; answers with how many there are.
///
/// # Errors
///
/// When the store fails, or an event does not decode.
pub async fn replay(store: &Store) -> Result<u64, Failure> {
    let (mut cursor, mut events) = (Cursor::start(), 0);
    loop {
        let page = store.read_all(&cursor, &Filter::all(), Limit::default()).await?;
        for event in &page.events {
            event.decode::<ItemAdded>()?;
            events += 1;
        }
        if page.is_end {
            return Ok(events);
        }
        cursor = page.next;
    }
}

/// Bytes of memory this process uses now, and the most it used since [`forget_peak`].
///
/// # Errors
///
/// Where there is no `/proc`.
pub fn memory() -> Result<(u64, u64), Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such field")?;
        Ok::<_, Failure>(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// Starts the peak of [`memory`] anew.
///
/// # Errors
///
/// Where there is no `/proc`.
pub fn forget_peak() -> Result<(), Failure> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}

/// How far the peak of memory rises above the start while `work` runs.
///
/// # Errors
///
/// Those of `work`, and where there is no `/proc`.
pub async fn peak_of(work: impl Future<Output = Result<u64, Failure>>) -> Result<(u64, u64), Failure> {
    forget_peak()?;
    let (start, _) = memory()?;
    let answer = work.await?;
    let (_, peak) = memory()?;
    Ok((answer, peak.saturating_sub(start)))
}
