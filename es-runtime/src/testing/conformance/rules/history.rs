//! Many clients at once, and a check that everything they were told fits into one order.

use crate::testing::conformance::draft::{commit, exactly, id, stream};
use crate::testing::conformance::rules::ids;
use crate::testing::conformance::{Broken, Kept, Subject, ensure, ensure_eq};
use crate::{Adapter, AppendError, Appended, CommitId, Expected, Recorded, StreamName, Version};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::spawn;

const CLIENTS: usize = 5;
const CALLS: usize = 60;
const STREAMS: usize = 3;

/// What a client asked and was told, between two ticks of a clock that all share.
struct Call {
    invoked: u64,
    answered: u64,
    stream: StreamName,
    said: Said,
}

enum Said {
    Stored {
        id: CommitId,
        expected: Expected,
        appended: Appended,
    },
    Conflict {
        id: CommitId,
        expected: Expected,
        actual: Version,
    },
    /// The client gave up: it was told nothing.
    Nothing {
        id: CommitId,
    },
    /// The stream had so many events.
    Read {
        events: u64,
    },
}

/// Clients append, send again, give up and read, on a few streams. In the end the log tells the order,
/// and everything that anybody was told must fit into it (I1 to I8): each stream is a linearizable object.
pub async fn t2_a_concurrent_history_has_an_order<A: Adapter>(store: Subject<A>) -> Kept {
    let ticks = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> =
        (0..CLIENTS).map(|client| spawn(be_a_client(store.clone(), client as u64, ticks.clone()))).collect();
    let mut calls = Vec::new();
    for client in clients {
        calls.extend(client.await??);
    }
    settle_given_up(&store, &calls).await?;
    let streams: Vec<_> = (0..STREAMS).map(stream).collect();
    let mut count = 0;
    for name in &streams {
        let events = store.stream(name).await?;
        count += events.len();
        check_stream(&events, calls.iter().filter(|call| call.stream == *name))?;
    }
    let log = store.log(count).await?;
    for name in &streams {
        let in_log: Vec<_> = log.iter().filter(|event| event.stream() == name).cloned().collect();
        ensure_eq!(ids(&in_log), ids(&store.stream(name).await?), "{name} in the log");
    }
    Ok(())
}

async fn be_a_client<A: Adapter>(
    store: Subject<A>,
    client: u64,
    ticks: Arc<AtomicU64>,
) -> Result<Vec<Call>, Broken> {
    let tick = || ticks.fetch_add(1, Ordering::SeqCst);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(client + 1);
    let mut dice = move |sides: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % sides
    };
    let (mut calls, mut known) = (Vec::new(), [0; STREAMS]);
    for n in 0..CALLS {
        let at = dice(STREAMS as u64) as usize;
        let stream = stream(at);
        let name = format!("{client}.{n}");
        let expected =
            [exactly(known[at]), exactly(known[at]), Expected::Any, Expected::Exists][dice(4) as usize];
        let draft = commit(&name, &stream, expected, 1 + dice(3) as usize);
        let what = dice(10);
        let invoked = tick();
        let said = match what {
            0..3 => {
                let events = store.stream(&stream).await?;
                known[at] = events.len() as u64;
                Said::Read { events: known[at] }
            }
            3 => {
                let _ = tokio::time::timeout(std::time::Duration::ZERO, store.append(draft)).await;
                Said::Nothing { id: id(&name) }
            }
            _ => {
                let mut outcome = store.append(draft.clone()).await;
                if what == 4 {
                    outcome = store.append(draft).await;
                }
                match outcome {
                    Ok(appended) => {
                        known[at] = appended.range().last.get();
                        Said::Stored { id: id(&name), expected, appended }
                    }
                    Err(AppendError::Conflict { actual, expected, .. }) => {
                        known[at] = actual.get();
                        Said::Conflict { id: id(&name), expected, actual }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        calls.push(Call { invoked, answered: tick(), stream, said });
        if dice(2) == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(calls)
}

/// Waits until what was given up is stored or never will be.
async fn settle_given_up<A: Adapter>(store: &Subject<A>, calls: &[Call]) -> Kept {
    // A store that works on after its caller has gone works in order, so one more append comes after.
    for at in 0..STREAMS {
        store.append(commit(format!("last {at}"), &stream(at), Expected::Any, 1)).await?;
    }
    for call in calls {
        if let Said::Nothing { id } = call.said {
            let found = store.find_commit(id).await?;
            let events = store.stream(&call.stream).await?;
            let stored = events.iter().filter(|event| event.commit() == id).count() as u64;
            let promised = found.map_or(0, |found| found.range.last.get() - found.range.first.get() + 1);
            ensure_eq!(stored, promised, "events of the commit {id} that was given up");
        }
    }
    Ok(())
}

/// When a commit may have become visible: not before it was sent, and by the time it was answered.
struct Window {
    invoked: u64,
    answered: u64,
    last: u64,
}

fn check_stream<'a>(events: &[Recorded], calls: impl Iterator<Item = &'a Call>) -> Kept {
    let calls: Vec<_> = calls.collect();
    let mut sent: HashMap<CommitId, &Call> = HashMap::new();
    for call in &calls {
        match call.said {
            Said::Stored { id, .. } | Said::Conflict { id, .. } | Said::Nothing { id } => {
                ensure!(sent.insert(id, call).is_none(), "the test used an id twice");
            }
            Said::Read { .. } => {}
        }
    }
    let (mut windows, mut stored) = (Vec::new(), HashMap::new());
    let mut seen = HashSet::new();
    for commit in events.chunk_by(|a, b| a.commit() == b.commit()) {
        let (id, first) = (commit[0].commit(), commit[0].version());
        ensure!(seen.insert(id), "commit {id} is in two parts");
        for (index, event) in (0..).zip(commit) {
            ensure_eq!(event.version(), first.plus(index), "a version");
            ensure_eq!(event.index(), index, "a place in a commit");
        }
        let last = commit[commit.len() - 1].version();
        stored.insert(id, (first, last));
        // What settles the stream in the end is not in the history.
        let call = sent.get(&id);
        let answered = call.filter(|call| matches!(call.said, Said::Stored { .. }));
        windows.push(Window {
            invoked: call.map_or(u64::MAX - 1, |call| call.invoked),
            answered: answered.map_or(u64::MAX, |call| call.answered),
            last: last.get(),
        });
    }
    // Real time: what was answered before another was sent comes before it.
    let mut latest = 0;
    for window in &windows {
        ensure!(window.answered > latest, "a commit up to version {} comes too late", window.last);
        latest = latest.max(if window.invoked == u64::MAX - 1 { 0 } else { window.invoked });
    }
    for call in calls {
        match &call.said {
            Said::Stored { id, expected, appended } => {
                let range = appended.range();
                let before = Version::new(range.first.get() - 1);
                ensure!(expected.accepts(before), "commit {id} was taken at {before}, but needs {expected}");
                let wanted = Some(&(range.first, range.last));
                ensure_eq!(stored.get(id), wanted, "where the acknowledged commit {id} is");
            }
            Said::Conflict { id, expected, actual } => {
                ensure!(!stored.contains_key(id), "commit {id} is stored, but a conflict was told");
                ensure!(!expected.accepts(*actual), "a conflict, though {expected} holds at {actual}");
                check_seen(&windows, call, actual.get())?;
            }
            Said::Nothing { .. } => {}
            Said::Read { events } => check_seen(&windows, call, *events)?,
        }
    }
    Ok(())
}

/// Whether the stream can have had `version` events at some moment of `call`.
fn check_seen(windows: &[Window], call: &Call, version: u64) -> Kept {
    let is_end = version == 0 || windows.iter().any(|window| window.last == version);
    ensure!(is_end, "{} was seen at version {version}, inside a commit", call.stream);
    for window in windows {
        let (was_seen, last) = (window.last <= version, window.last);
        ensure!(
            !was_seen || window.invoked < call.answered,
            "version {version} was seen before the commit up to {last} was sent"
        );
        ensure!(
            was_seen || window.answered > call.invoked,
            "version {version} was seen after the commit up to {last} was acknowledged"
        );
    }
    Ok(())
}
