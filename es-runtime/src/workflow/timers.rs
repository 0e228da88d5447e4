//! Timers that outlive the program: registers, ordered by when they run out.

use super::Workflow;
use super::plan::Timer;
use crate::aggregate::Aggregate;
use crate::commit::{Commit, Expected, NewEvent, NonEmpty};
use crate::decision::Encoder;
use crate::error::ReadError;
use crate::follow::Handled;
use crate::following::{Board, is_told, race, told};
use crate::format::{Cause, Encoded, Format};
use crate::id::CommitId;
use crate::metadata::Metadata;
use crate::name::StreamName;
use crate::reaction::Effects;
use crate::register::{Register, Write};
use crate::repository::StoreError;
use crate::store::Store;
use crate::store::erased::DynRegisters;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How many timers are looked at at once.
const MANY: usize = 100;

/// How often a change is tried again that somebody else was faster with.
const RACES: usize = 8;

/// What is to happen when a timer runs out.
#[derive(Debug, Serialize, Deserialize)]
struct Alarm {
    stream: String,
    event: String,
    schema_version: u16,
    format: u8,
    payload: Vec<u8>,
    metadata: Metadata,
}

/// Sets timers and takes them back. Done again it changes nothing.
pub(super) async fn change<W: Workflow>(
    stream: &StreamName,
    since: Timestamp,
    timers: Vec<Timer<W>>,
    effects: &Effects,
) -> Handled {
    for timer in timers {
        let set = match &timer.set {
            Some((delay, event)) => {
                let mut encoder = Encoder::new(effects.store().format());
                event.encode(&mut encoder)?;
                let due = since.as_micros().saturating_add(micros(*delay)).min(Timestamp::MAX.as_micros());
                let raised = encoder.into_raised().into_iter().next();
                raised.map(|raised| {
                    let alarm = Alarm {
                        stream: stream.as_str().to_owned(),
                        event: raised.name.to_owned(),
                        schema_version: raised.schema_version,
                        format: raised.payload.format().code(),
                        payload: raised.payload.bytes().to_vec(),
                        metadata: effects.metadata().clone(),
                    };
                    (due, alarm)
                })
            }
            None => None,
        };
        let id = CommitId::derive(&CommitId::derive(&CommitId::ROOT, stream.as_str()), timer.name);
        replace(&**registers(effects.store())?, <W as Aggregate>::NAME, id, set.as_ref()).await?;
    }
    Ok(())
}

/// Puts the timer `id` of a workflow in the place of the one it had, if it had one.
///
/// There are two registers: one is found by the time, the other by the name, and tells the time.
async fn replace(
    registers: &dyn DynRegisters,
    workflow: &str,
    id: CommitId,
    set: Option<&(u64, Alarm)>,
) -> Result<(), ReadError> {
    let named = format!("alarm/{workflow}/{id}");
    for _ in 0..RACES {
        let old = registers.read(&named).await?;
        let old_key = old.as_ref().map(|old| key(workflow, &String::from_utf8_lossy(&old.value), id));
        let new_key = set.map(|(due, _)| key(workflow, &digits(*due), id));
        if old_key == new_key {
            return Ok(());
        }
        let mut writes = vec![Write {
            key: named.clone(),
            expected: revision(old.as_ref()),
            value: set.map(|(due, _)| digits(*due).into_bytes()),
        }];
        if let Some(key) = old_key
            && let Some(timer) = registers.read(&key).await?
        {
            writes.push(Write { key, expected: timer.revision, value: None });
        }
        if let (Some(key), Some((_, alarm))) = (new_key, set) {
            writes.push(Write { key, expected: 0, value: Some(json(alarm)) });
        }
        if registers.write(writes).await? {
            return Ok(());
        }
    }
    Err(ReadError::Unavailable(Cause::new("somebody else changes the same timer all the time")))
}

/// How often to look whether a timer is due: another program may have set it.
const LOOK: Duration = Duration::from_millis(100);

/// Lets timers of `W` run out as long as this program acts for its workflows, until it is told to stop.
pub(crate) async fn run_timers<W: Workflow>(store: Store, board: Board, stop: watch::Receiver<bool>) {
    while !is_told(&stop) {
        let mut wait = LOOK;
        if board.all().iter().any(|(_, report)| report.is_ours) {
            match due::<W>(&store).await {
                Ok(next) => wait = next.unwrap_or(LOOK).min(LOOK),
                Err(error) => tracing::warn!(%error, "the timers of a workflow wait for the store"),
            }
        }
        race(sleep(wait), told(stop.clone())).await;
    }
}

/// Lets happen what timers of `W` are due for, and says when the next one is.
///
/// # Errors
///
/// When the store could not do it; a retry goes on where it was.
async fn due<W: Workflow>(store: &Store) -> Result<Option<Duration>, StoreError> {
    let registers = registers(store)?;
    let prefix = format!("timer/{}/", <W as Aggregate>::NAME);
    loop {
        let timers = registers.list(&prefix, MANY).await?;
        for (key, timer) in &timers {
            let Some((due, id)) = key[prefix.len()..].split_once('/') else { continue };
            let due: u64 = due.parse().unwrap_or(0);
            let now = store.now().as_micros();
            if due > now {
                return Ok(Some(Duration::from_micros(due - now)));
            }
            run_out(store, <W as Aggregate>::NAME, key, id, timer).await?;
        }
        if timers.len() < MANY {
            return Ok(None);
        }
    }
}

async fn run_out(
    store: &Store,
    workflow: &str,
    key: &str,
    id: &str,
    timer: &Register,
) -> Result<(), StoreError> {
    let registers = registers(store)?;
    let corrupt = |detail: String| ReadError::Corrupt { at: format!("register `{key}`"), detail };
    let alarm: Alarm = serde_json::from_slice(&timer.value).map_err(|error| corrupt(error.to_string()))?;
    let stream: StreamName = alarm.stream.parse()?;
    let format = Format::from_code(alarm.format)
        .ok_or_else(|| corrupt(format!("its format has the unknown code {}", alarm.format)))?;
    let event = NewEvent {
        name: Arc::<str>::from(alarm.event).into(),
        schema_version: alarm.schema_version,
        payload: Encoded::new(format, alarm.payload),
        metadata: store.share(alarm.metadata),
        occurred_at: store.now(),
    };
    // A step that is being taken decides first, and perhaps takes the timer back.
    let _turn = store.turn(&stream).await;
    let Some(timer) = registers.read(key).await?.filter(|now| now.revision == timer.revision) else {
        return Ok(());
    };
    let commit = Commit {
        id: CommitId::derive(&CommitId::ROOT, key),
        stream,
        expected: Expected::Any,
        events: NonEmpty::collect([event]).unwrap_or_else(|| unreachable!("there is one")),
        requires: Vec::new(),
    };
    store.send(&commit, false).await?;
    let named = format!("alarm/{workflow}/{id}");
    let mut writes = vec![Write { key: key.to_owned(), expected: timer.revision, value: None }];
    if let Some(named_now) = registers.read(&named).await?
        && key.contains(&*String::from_utf8_lossy(&named_now.value))
    {
        writes.push(Write { key: named, expected: named_now.revision, value: None });
    }
    // Where it was not as expected, somebody set the timer anew: that one stays.
    registers.write(writes).await?;
    Ok(())
}

fn registers(store: &Store) -> Result<&Arc<dyn DynRegisters>, ReadError> {
    store.registers().ok_or(ReadError::Unsupported("registers, in which timers are kept"))
}

/// So that the order of the keys is that of the times.
fn digits(due: u64) -> String {
    format!("{due:020}")
}

fn key(workflow: &str, due: &str, id: CommitId) -> String {
    format!("timer/{workflow}/{due}/{id}")
}

fn revision(register: Option<&Register>) -> u64 {
    register.map_or(0, |register| register.revision)
}

fn micros(delay: Duration) -> u64 {
    u64::try_from(delay.as_micros()).unwrap_or(u64::MAX)
}

fn json(alarm: &Alarm) -> Vec<u8> {
    serde_json::to_vec(alarm).unwrap_or_else(|_| unreachable!("text and numbers always serialize"))
}
