//! The fence: up to which position the log will never change.
//!
//! Positions are taken before their transactions can be seen, so a reader that simply asked for what comes after
//! its last one would pass some by. It asks in this order: which position is the newest that was taken, which
//! transactions hold a writer's lock, and, until each of those has ended, which of them still do. What is read
//! then, in a snapshot that is newer than all of it, holds every event up to that position that there will ever
//! be. Nobody who writes waits for it.

use super::connection::Connection;
use super::rows::{Unread, get};
use super::statements::Sql;
use crate::format::Cause;
use std::time::{Duration, Instant};

/// The transactions that a reader waits for. It has no connection meanwhile, or readers would keep those from
/// writing who share the connections with them.
#[derive(Debug, Clone)]
pub(super) struct Held {
    newest: i64,
    writers: Vec<String>,
    process: Option<i32>,
    server: String,
    since: Instant,
}

impl Held {
    /// Why the log cannot be read on.
    pub(super) fn reason(&self, patience: Duration) -> Cause {
        let who = match self.process {
            Some(process) => format!("the server process {process} in pg_stat_activity"),
            None => "the prepared transactions in pg_prepared_xacts".to_owned(),
        };
        Cause::new(format!(
            "a transaction has been storing events for more than {} s, and what comes after them cannot be read \
             before it ends: see {who}",
            patience.as_secs_f32()
        ))
    }

    /// Whether this connection is to the server that was asked, which has not crashed since: it was there
    /// before, and still is.
    fn is_of(&self, connection: &Connection) -> bool {
        connection.server == self.server && connection.since <= self.since
    }
}

/// Moves [`Connection::settled`] to the newest event there is, or says who must end before.
pub(super) async fn settle(connection: &mut Connection, held: Option<Held>) -> Result<Option<Held>, Unread> {
    let at = &"the log";
    let held = held.filter(|held| held.is_of(connection));
    let since = held.as_ref().map_or_else(Instant::now, |held| held.since);
    let (newest, writers, process, last): (_, Option<Vec<String>>, _, Option<i64>) = match held {
        Some(Held { newest, writers, .. }) => {
            let rows = connection.query(Sql::Writing, &[&newest, &writers]).await?;
            let Some(row) = rows.first() else { return Ok(None) };
            let process = get::<Option<i32>>(row, 1, "process", at)?;
            (newest, get(row, 0, "writers", at)?, process, get(row, 2, "position", at)?)
        }
        None => {
            let known = connection.taken;
            let rows = connection.query(Sql::Fence, &[&known]).await?;
            let Some(row) = rows.first() else { return Ok(None) };
            (get(row, 0, "position", at)?, get(row, 1, "writers", at)?, None, get(row, 2, "position", at)?)
        }
    };
    if let Some(writers) = writers {
        return Ok(Some(Held { newest, writers, process, server: connection.server.clone(), since }));
    }
    connection.taken = newest;
    if let Some(last) = last {
        connection.settled = last.max(0).unsigned_abs();
    }
    Ok(None)
}
