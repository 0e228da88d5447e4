//! A projection of numbered commits whose tables any event that is handled twice, not at all or out of order would
//! spoil, and the check of it.

use crate::ledger::read_log;
use crate::{Counted, Numbered, Tally};
use es_runtime::prelude::*;
use es_runtime::{FollowError, Handled, On, Sql, SqlError, SqlRow, Store, Tables};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// So many values a sum can have. It times 31 is far from what a column holds.
const SUMS: i64 = 1_000_003;

/// What was counted of each tally, and by whom each event was handled.
#[derive(Projection)]
#[projection("counts", follows(Tally))]
pub struct Counts {
    /// The process it runs in.
    pub process: u32,
    /// How long each handler waits before it writes.
    pub hold: Duration,
    /// Called when a handler has written, before the transaction ends.
    pub wrote: fn(),
}

impl Tables for Counts {
    async fn create(&self, sql: &mut Sql) -> Handled {
        let counts = sql.table("counts");
        sql.batch(&format!(
            "CREATE TABLE {counts} (tally TEXT PRIMARY KEY, events BIGINT NOT NULL, sum BIGINT NOT NULL)"
        ))
        .await?;
        // Without a key, so that a row that is written twice is there twice.
        let handled = sql.table("handled");
        sql.batch(&format!("CREATE TABLE {handled} (position TEXT NOT NULL, process BIGINT NOT NULL)"))
            .await?;
        Ok(())
    }
}

impl On<Counted> for Counts {
    async fn on(&self, event: &Recorded<Counted>, sql: &mut Sql) -> Handled {
        if self.hold > Duration::ZERO {
            tokio::time::sleep(self.hold).await;
        }
        let count = format!(
            "INSERT INTO {} AS c (tally, events, sum) VALUES ($1, 1, $2)
             ON CONFLICT (tally) DO UPDATE SET events = c.events + 1, sum = (c.sum * 31 + $2) % {SUMS}",
            sql.table("counts")
        );
        sql.execute(&count, &[&event.stream().key(), &value(event.event())]).await?;
        let handled = format!("INSERT INTO {} VALUES ($1, $2)", sql.table("handled"));
        sql.execute(&handled, &[&event.position().to_string(), &i64::from(self.process)]).await?;
        (self.wrote)();
        Ok(())
    }
}

/// What an event adds to the sum, which depends on the order too.
fn value(event: &Counted) -> i64 {
    let Numbered { writer, number } = Numbered::of(event);
    ((writer * 7919 + number * 3 + event.index) % SUMS as u64) as i64
}

/// How far a projection has come, as its store says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// Grows with each process that takes the projection over.
    pub token: u64,
    /// How many events were handled, by the checkpoint.
    pub handled: u64,
}

/// Who owns the projection, where it has one part.
///
/// # Errors
///
/// When nothing was built yet, or the store does not answer.
pub async fn ownership(store: &Store) -> Result<Ownership, FollowError> {
    let select = "SELECT value FROM es_register WHERE key = 'part/counts/1/0'";
    let rows = store.read_model::<Counts>().rows(select, &[]).await?;
    let value: Vec<u8> = rows.first().expect("a part has a register").get(0)?;
    let value: serde_json::Value = serde_json::from_slice(&value).expect("registers of parts are JSON");
    let number = |name: &str| value[name].as_u64().expect("a number");
    Ok(Ownership { token: number("token"), handled: number("handled") })
}

/// How many events a process has handled, by the rows that it left.
///
/// # Errors
///
/// When nothing was built yet, or the store does not answer.
pub async fn handled_by(store: &Store, process: u32) -> Result<u64, FollowError> {
    let select = "SELECT count(*) FROM {handled} WHERE process = $1";
    let rows = store.read_model::<Counts>().rows(select, &[&i64::from(process)]).await?;
    Ok(rows.first().expect("a count").get(0)?)
}

/// What was found right.
#[derive(Debug, Clone, Copy)]
pub struct Folded {
    /// Events in the log, each handled once.
    pub events: usize,
    /// By how many processes.
    pub processes: usize,
}

impl fmt::Display for Folded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events, each handled once by one of {} processes", self.events, self.processes)
    }
}

/// Compares the tables of a projection that has caught up with a fold of the log.
///
/// # Panics
///
/// When they differ, or the checkpoint has counted otherwise.
pub async fn expect_folded(store: &Store) -> Folded {
    let log = read_log(store).await.unwrap_or_else(|error| panic!("the log cannot be read: {error}"));
    let mut folded = BTreeMap::<String, (u64, i64)>::new();
    for event in &log {
        let (events, sum) = folded.entry(event.stream().key().to_owned()).or_default();
        let event = event.decode::<Counted>().expect("one of ours");
        *events += 1;
        *sum = (*sum * 31 + value(event.event())) % SUMS;
    }
    let model = store.read_model::<Counts>();
    let rows = model.rows("SELECT tally, events, sum FROM {counts}", &[]).await.expect("readable");
    let row = |row: &SqlRow| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
    let counted: Result<BTreeMap<String, (u64, i64)>, SqlError> = rows.iter().map(row).collect();

    let rows = model.rows("SELECT position, count(*) FROM {handled} GROUP BY position", &[]).await;
    let row = |row: &SqlRow| Ok((row.get(0)?, row.get(1)?));
    let handled: Result<BTreeMap<String, u64>, SqlError> = rows.expect("readable").iter().map(row).collect();
    let mut handled = handled.expect("as written");
    for position in log.iter().map(|event| event.position().to_string()) {
        let times = handled.remove(&position).unwrap_or_default();
        assert_eq!(times, 1, "so often the event at {position} left a row");
    }
    assert!(handled.is_empty(), "rows of events that are not in the log: {handled:?}");
    assert_eq!(counted.expect("as written"), folded, "the tables, and a fold of the log");

    let status = model.status().await.expect("readable");
    assert_eq!(status.active().expect("built").handled, log.len() as u64, "what the checkpoint has counted");
    let rows = model.rows("SELECT count(DISTINCT process) FROM {handled}", &[]).await.expect("readable");
    let processes: u64 = rows[0].get(0).expect("a count");
    Folded { events: log.len(), processes: processes as usize }
}
