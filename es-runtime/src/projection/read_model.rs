//! What is known of a projection: its tables, how far it has come and what it has parked.

use super::Tables;
use super::builds::{self, Build, BuildState, Builds, prefix};
use super::status::{Progress, Status};
use crate::follow::Follower;
use crate::following::{
    Board, Checkpoint, Either, FollowError, Mark, Parked, PartState, decode_bytes, list_parked, mark_parked,
    part_of, race,
};
use crate::name::StreamName;
use crate::position::Position;
use crate::sql::{Sql, SqlError, SqlRow, SqlValue, ToSql};
use crate::store::Store;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A projection as its readers see it, whichever program keeps it up to date. Cheap to clone.
pub struct ReadModel<P> {
    store: Store,
    board: Board,
    projection: PhantomData<fn() -> P>,
}

/// A query that runs on one state of the tables.
type Query<T> = Box<
    dyn for<'t> FnOnce(&'t mut Sql) -> Pin<Box<dyn Future<Output = Result<T, SqlError>> + Send + 't>> + Send,
>;

impl<P: Follower> ReadModel<P> {
    pub(crate) fn new(store: Store, board: Board) -> Self {
        Self { store, board, projection: PhantomData }
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) const fn board(&self) -> &Board {
        &self.board
    }

    /// Waits until the event at `position` is handled: who has written it, as [`Outcome`](crate::Outcome) tells,
    /// reads what came of it.
    ///
    /// Events that are parked count as handled, and so do all that the projection does not follow.
    ///
    /// # Errors
    ///
    /// [`Timeout`](FollowError::Timeout) when that takes longer than `timeout`.
    pub async fn at_least(&self, position: Position, timeout: Duration) -> Result<(), FollowError> {
        let begun = Instant::now();
        let mut changes = self.board.changes();
        let mut pause = Duration::from_millis(2);
        loop {
            changes.borrow_and_update();
            if self.is_here_at(position) || self.is_at(position).await? {
                return Ok(());
            }
            let waited = begun.elapsed();
            if waited >= timeout {
                let (follower, stopped) = (P::NAME, self.board.error().map(Box::new));
                return Err(FollowError::Timeout { follower, position, waited, stopped });
            }
            // Nobody tells when another program moves a checkpoint, so the registers are asked, less and less often.
            let poll = sleep(pause.min(timeout.saturating_sub(waited)));
            if let Either::First(Ok(())) = race(changes.changed(), poll).await {
                continue;
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Whether this program has come so far.
    fn is_here_at(&self, position: Position) -> bool {
        let parts = self.board.active();
        let covers = |checkpoint: &Checkpoint| checkpoint.covers(position);
        // As many reports as the build has parts, or some part is not known here.
        parts.iter().all(|(part, report)| {
            part.of as usize == parts.len() && report.checkpoint.as_ref().is_some_and(covers)
        }) && !parts.is_empty()
    }

    /// Whether the build that readers see has come so far.
    async fn is_at(&self, position: Position) -> Result<bool, FollowError> {
        let (_, builds) = builds::read(&self.store, P::NAME).await?;
        let Some(active) = builds.active() else { return Ok(false) };
        let states = builds::part_states(&self.store, &active.parts(P::NAME)).await?;
        let is_past = |(_, state): &(u64, PartState)| state.checkpoint.covers(position);
        Ok(states.len() == active.partitions as usize && states.iter().all(is_past))
    }

    /// How it is doing.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn status(&self) -> Result<Status, FollowError> {
        let (_, builds) = builds::read(&self.store, P::NAME).await?;
        let head = self.store.head().await?.position();
        let mut status = Status { builds: Vec::new(), error: self.board.error() };
        for build in builds.builds {
            status.builds.push(self.progress(build, head).await?);
        }
        Ok(status)
    }

    async fn progress(&self, build: Build, head: Option<Position>) -> Result<Progress, FollowError> {
        let states = builds::part_states(&self.store, &build.parts(P::NAME)).await?;
        let parked = list_parked(&self.store, &format!("parked/{}/{}/", P::NAME, build.number)).await?;
        let end = head.map_or(0, Position::commit).max(1) as f64;
        let passed = |(_, state): &(u64, PartState)| {
            let at = state.checkpoint.reached().map_or(0, Position::commit) as f64;
            if head.is_none() { 1.0 } else { (at / end).min(1.0) }
        };
        let parts = states.len().max(1) as f64;
        let fraction = states.iter().map(passed).sum::<f64>() / parts;
        let (mut rate, mut pace) = (0.0, 0.0);
        for (_, report) in self.board.all().into_iter().filter(|(part, _)| part.build == build.number) {
            rate += report.rate();
            pace += report.pace() / parts;
        }
        let left = (pace > 0.0).then(|| (1.0 - fraction) * end / pace);
        Ok(Progress {
            handled: states.iter().map(|(_, state)| state.checkpoint.handled).sum(),
            is_live: !states.is_empty() && states.iter().all(|(_, state)| state.checkpoint.is_live),
            parked: parked.len(),
            owned: states.iter().filter(|(_, state)| state.owner.is_some()).count(),
            fraction,
            rate,
            left: left.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            build,
        })
    }

    /// The events that could not be handled, by the streams that wait behind them.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn parked(&self) -> Result<Vec<Parked>, FollowError> {
        let active = self.active().await?;
        let parked = list_parked(&self.store, &format!("parked/{}/{}/", P::NAME, active.number)).await?;
        Ok(parked.into_iter().map(|parked| parked.state.into()).collect())
    }

    /// Asks whoever works on it to handle the parked event of `stream`, and then what waits behind it. Answers
    /// whether there is one. What came of it shows in [`parked`](Self::parked): it is there no more, or has another
    /// error.
    ///
    /// # Errors
    ///
    /// When the store cannot be read or written.
    pub async fn retry(&self, stream: &StreamName) -> Result<bool, FollowError> {
        self.mark(stream, Mark::Retry).await
    }

    /// As [`retry`](Self::retry), but the parked event is left out: what waits behind it is handled.
    ///
    /// # Errors
    ///
    /// As [`retry`](Self::retry).
    pub async fn skip(&self, stream: &StreamName) -> Result<bool, FollowError> {
        self.mark(stream, Mark::Skip).await
    }

    async fn mark(&self, stream: &StreamName, mark: Mark) -> Result<bool, FollowError> {
        let active = self.active().await?;
        let number = part_of(stream, active.partitions);
        let Some(part) = active.parts(P::NAME).into_iter().find(|part| part.number == number) else {
            return Ok(false);
        };
        let is_marked = mark_parked(&self.store, part, stream, mark).await?;
        self.board.nudge();
        Ok(is_marked)
    }

    async fn active(&self) -> Result<Build, FollowError> {
        let (_, builds) = builds::read(&self.store, P::NAME).await?;
        let active = builds.builds.into_iter().find(|build| build.state == BuildState::Active);
        active.ok_or(FollowError::NotBuilt(P::NAME))
    }
}

impl<P: Tables> ReadModel<P> {
    /// Runs a query on the tables of the build that readers see, and answers with its rows. `{orders}` in the text is
    /// the table that the projection calls `orders`.
    ///
    /// # Errors
    ///
    /// When nothing was built yet, or the database says so.
    pub async fn rows(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<SqlRow>, FollowError> {
        let values = parameters.iter().map(|parameter| Ok(parameter.to_sql()?.into_owned()));
        let values = values.collect::<Result<Vec<SqlValue<'static>>, SqlError>>()?;
        let sql = sql.to_owned();
        self.run(move |build| {
            Box::new(move |transaction: &mut Sql| {
                Box::pin(async move {
                    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
                    transaction.query(&with_tables(&sql, &build, transaction), &values).await
                })
            })
        })
        .await
    }

    /// Runs queries on the tables of the build that readers see, all of them on one state.
    ///
    /// ```
    /// # use es_runtime::{FollowError, ReadModel, Tables};
    /// # async fn count(summary: ReadModel<impl Tables>) -> Result<i64, FollowError> {
    /// summary
    ///     .query(|sql| {
    ///         Box::pin(async move {
    ///             let query = format!("SELECT count(*) FROM {}", sql.table("orders"));
    ///             sql.query(&query, &[]).await?[0].get(0)
    ///         })
    ///     })
    ///     .await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When nothing was built yet, or the database says so.
    pub async fn query<T: Send + 'static>(
        &self,
        query: impl for<'t> FnOnce(&'t mut Sql) -> Pin<Box<dyn Future<Output = Result<T, SqlError>> + Send + 't>>
        + Send
        + 'static,
    ) -> Result<T, FollowError> {
        self.run(|_| Box::new(query)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(Build) -> Query<T> + Send + 'static,
    ) -> Result<T, FollowError> {
        let outcome = self.store.read_sql(move |sql| {
            Box::pin(async move {
                let outcome = async {
                    let build = seen::<P>(sql).await?;
                    sql.set_prefix(prefix(P::NAME, build.number));
                    Ok(query(build)(sql).await?)
                };
                (true, outcome.await)
            })
        });
        outcome.await?
    }
}

/// The build that readers see, as of the transaction.
async fn seen<P: Follower>(sql: &mut Sql) -> Result<Build, FollowError> {
    let key = builds::key(P::NAME);
    let select = format!("SELECT value FROM {} WHERE key = $1", sql.registers());
    let rows = sql.query(&select, &[&key]).await?;
    let Some(row) = rows.first() else { return Err(FollowError::NotBuilt(P::NAME)) };
    let builds: Builds = decode_bytes(&key, &row.get::<Vec<u8>>(0)?)?;
    builds.active().cloned().ok_or(FollowError::NotBuilt(P::NAME))
}

/// The statement with the names of the tables where `{table}` stands.
fn with_tables(statement: &str, build: &Build, sql: &Sql) -> String {
    let tables = build.tables.iter().filter_map(|table| table.strip_prefix(sql.prefix()));
    tables.fold(statement.to_owned(), |statement, table| {
        statement.replace(&format!("{{{table}}}"), &sql.table(table))
    })
}

impl<P> Clone for ReadModel<P> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), board: self.board.clone(), projection: PhantomData }
    }
}

impl<P: Follower> fmt::Debug for ReadModel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadModel").field("projection", &P::NAME).finish_non_exhaustive()
    }
}
