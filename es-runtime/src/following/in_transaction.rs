//! Handlers that write in the transaction that also moves the checkpoint. Exactly once.

use super::engine::{Delivered, Engine, EngineError, Note, Portion, handle};
use super::part::{PartState, decode_bytes, encode};
use crate::follow::Follower;
use crate::register::Write;
use crate::sql::{Sql, SqlError};
use crate::store::Store;
use std::sync::Arc;
use tokio::time::Instant;

/// Calls handlers with a transaction, whose tables have `prefix` before their names.
pub(crate) struct InTransaction {
    pub(crate) store: Store,
    pub(crate) prefix: String,
}

impl<F: Follower<Context = Sql>> Engine<F> for InTransaction {
    async fn deliver(
        &self,
        follower: &Arc<F>,
        portion: Portion,
        note: Note,
    ) -> Result<Delivered, EngineError> {
        let (follower, prefix) = (Arc::clone(follower), self.prefix.clone());
        let outcome = self.store.write_sql(move |sql| {
            Box::pin(async move {
                sql.set_prefix(prefix);
                let outcome = in_transaction(&*follower, sql, &portion, &note).await;
                (matches!(outcome, Ok(Delivered::Done { .. })), outcome)
            })
        });
        match outcome.await.flatten() {
            Err(SqlError::Refused(cause)) => Ok(Delivered::Refused(cause)),
            outcome => Ok(outcome?),
        }
    }
}

async fn in_transaction<F: Follower<Context = Sql>>(
    follower: &F,
    sql: &mut Sql,
    portion: &Portion,
    note: &Note,
) -> Result<Delivered, SqlError> {
    let (begun, mut until) = (Instant::now(), portion.range.end);
    for (at, event) in portion.due() {
        if at > portion.range.start && begun.elapsed() >= portion.budget {
            until = at;
            break;
        }
        if let Err(failure) = handle(follower, event, sql, portion).await {
            return Ok(Delivered::Failed { at, kept: None, failure });
        }
    }
    let (after, others) = (note.after)(until);
    let Some(revision) = move_part(sql, note, &after).await? else { return Ok(Delivered::Stale) };
    for write in &others {
        if !change(sql, write).await? {
            return Ok(Delivered::Stale);
        }
    }
    Ok(Delivered::Done { until, revision })
}

/// Moves the register of the part and answers with its revision, unless it is somebody else's or was moved.
async fn move_part(sql: &mut Sql, note: &Note, after: &PartState) -> Result<Option<u64>, SqlError> {
    let registers = sql.registers().to_owned();
    let (value, key) = (encode(after), note.key.as_str());
    let update = format!(
        "UPDATE {registers} SET revision = revision + 1, value = $1 WHERE key = $2 AND revision = $3"
    );
    let mut revision = note.revision;
    loop {
        if sql.execute(&update, &[&value, &key, &revision]).await? == 1 {
            return Ok(Some(revision + 1));
        }
        // The owner's own beats change the revision too, and may have come in between.
        let select = format!("SELECT revision, value FROM {registers} WHERE key = $1");
        let rows = sql.query(&select, &[&key]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (found, value): (u64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let state: Option<PartState> = decode_bytes(key, &value).ok();
        if found == revision || !state.is_some_and(|state| state.is_same_but_for_beats(&note.before)) {
            return Ok(None);
        }
        revision = found;
    }
}

/// Changes a register as part of the transaction, and says whether it was as expected.
pub(crate) async fn change(sql: &mut Sql, write: &Write) -> Result<bool, SqlError> {
    let registers = sql.registers().to_owned();
    let (key, expected) = (write.key.as_str(), write.expected);
    let changed = match &write.value {
        Some(value) if expected == 0 => {
            let insert = format!(
                "INSERT INTO {registers} (key, revision, value) VALUES ($1, 1, $2) ON CONFLICT (key) DO NOTHING"
            );
            sql.execute(&insert, &[&key, value]).await?
        }
        Some(value) => {
            let update = format!(
                "UPDATE {registers} SET revision = revision + 1, value = $1 WHERE key = $2 AND revision = $3"
            );
            sql.execute(&update, &[value, &key, &expected]).await?
        }
        None => {
            let delete = format!("DELETE FROM {registers} WHERE key = $1 AND revision = $2");
            sql.execute(&delete, &[&key, &expected]).await?
        }
    };
    Ok(changed == 1)
}
