//! The fence: up to which position the log will never change.
//!
//! Positions are taken before their transactions can be seen, so a reader that simply asked for what comes after
//! its last one would pass some by. It asks in this order: which position is the newest that was taken, which
//! transactions hold a writer's lock, and, until each of those has ended, which of them still do. What is read
//! then, in a snapshot that is newer than all of it, holds every event up to that position that there will ever
//! be. Nobody who writes waits for it.

use super::connection::Connection;
use super::errors::Failure;
use super::rows::{Unread, get};
use super::schema::{last_of, number_of};
use super::statements::Sql;
use crate::format::Cause;
use std::time::{Duration, Instant};

const FIRST_WAIT: Duration = Duration::from_micros(500);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Moves [`Connection::settled`] to the newest position that was taken when it was called, or could have been.
pub(super) async fn settle(connection: &mut Connection, patience: Duration) -> Result<(), Unread> {
    let known = number_of(connection.settled) as i64;
    let rows = connection.query(Sql::Fence, &[&known]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let newest: i64 = get(row, 0, "number", &"the log")?;
    let mut writers: Option<Vec<String>> = get(row, 1, "writers", &"the log")?;
    let (begin, mut wait) = (Instant::now(), FIRST_WAIT);
    while let Some(still) = writers.filter(|writers| !writers.is_empty()) {
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
        let rows = connection.query(Sql::Writing, &[&still]).await?;
        let Some(row) = rows.first() else { break };
        writers = get(row, 0, "writers", &"the log")?;
        let pid: Option<i32> = get(row, 1, "pid", &"the log")?;
        if let Some(pid) = pid
            && begin.elapsed() > patience
        {
            let reason = format!(
                "a transaction has been storing events for more than {} s, and what comes after them cannot be \
                 read before it ends: see the server process {pid} in pg_stat_activity",
                patience.as_secs_f32()
            );
            return Err(Failure::NotSent(Cause::new(reason)).into());
        }
    }
    connection.settled = last_of(newest.max(0) as u64);
    Ok(())
}
