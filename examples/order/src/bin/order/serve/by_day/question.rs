//! What can be asked of the read model.

use super::super::Shop;
use axum::Json;
use axum::extract::State;
use es_runtime::{FollowError, Position, ReadModel};
use order::Status;
use order::by_day::{Day, OrdersByDay, name_of};
use order::service::{Asked, Problem};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a question waits for what its `at_least` names.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which orders are meant, and what the answer must have seen.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::serve) struct Question {
    /// Placed on this day or later.
    #[serde(default = "Day::first")]
    from: Day,
    /// Placed on this day or before.
    #[serde(default = "Day::last")]
    to: Day,
    /// Now in this status.
    status: Option<Status>,
    /// Everything up to this event.
    at_least: Option<Position>,
}

#[derive(Debug, Serialize)]
pub(in crate::serve) struct Summary {
    /// Where in the log it has changed last.
    pub(super) position: Option<Position>,
    pub(super) rows: Vec<Row>,
}

/// How many orders of a day are in a status.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    day: String,
    status: String,
    orders: i64,
    #[serde(skip)]
    changed: Position,
}

pub(in crate::serve) async fn summary(
    State(shop): State<Shop>,
    Asked(question): Asked<Question>,
) -> Result<Json<Summary>, Problem> {
    Ok(Json(begin(&shop.by_day, &question, None).await?))
}

/// The first answer. It waits for what it must have seen.
pub(super) async fn begin(
    by_day: &ReadModel<OrdersByDay>,
    question: &Question,
    after: Option<Position>,
) -> Result<Summary, Problem> {
    if let Some(position) = question.at_least {
        by_day.at_least(position, PATIENCE).await.map_err(unanswered)?;
    }
    ask(by_day, question, after).await.map_err(unanswered)
}

/// What has changed after a position; everything where there is none.
pub(super) async fn ask(
    by_day: &ReadModel<OrdersByDay>,
    question: &Question,
    after: Option<Position>,
) -> Result<Summary, FollowError> {
    let select = "SELECT day, status, orders, changed_commit, changed_index FROM {days} \
                  WHERE day >= $1 AND day <= $2 AND ($3 = '' OR status = $3) \
                  AND (changed_commit > $4 OR (changed_commit = $4 AND changed_index > $5)) \
                  ORDER BY day, status";
    let status = question.status.map_or("", name_of);
    // No commit is below 0.
    let at = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (commit, index) = after.map_or((-1, 0), |after| (at(after.commit()), at(after.index())));
    let (from, to) = (question.from.as_str(), question.to.as_str());
    let mut rows = Vec::new();
    for row in by_day.rows(select, &[&from, &to, &status, &commit, &index]).await? {
        let changed = Position::new(row.get(3)?, row.get(4)?);
        rows.push(Row { day: row.get(0)?, status: row.get(1)?, orders: row.get(2)?, changed });
    }
    Ok(Summary { position: rows.iter().map(|row| row.changed).max().or(after), rows })
}

fn unanswered(error: FollowError) -> Problem {
    match error {
        FollowError::Timeout { .. } => {
            tracing::warn!(%error, "a question was not answered");
            let detail = "the summary has not come to this position yet: ask again in a moment";
            Problem::unavailable("not-there-yet", detail)
        }
        FollowError::Read(error) => error.into(),
        FollowError::Sql(error) if error.is_retryable() => Problem::unavailable("unavailable", error),
        error => Problem::internal(&error),
    }
}
