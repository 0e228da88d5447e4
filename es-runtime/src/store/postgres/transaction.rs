//! Events in a transaction of the user's own.

use super::Postgres;
use super::append::{answered, checked, compared, unsure};
use super::arrays::Arrays;
use super::errors::Failure;
use super::kinds::{self, Kinds};
use super::rows::Unread;
use super::statements::Sql;
use crate::commit::{Appended, Commit};
use crate::error::AppendError;
use crate::format::Cause;
use crate::store::sizes;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

impl Postgres {
    /// Stores a commit in a transaction of the caller's, together with rows of the caller's own: all of it is
    /// there when the transaction commits, or nothing.
    ///
    /// The connection is the caller's, to the same database, in the isolation level `read committed`. Until the
    /// transaction ends, readers of the log wait with everything that comes after this commit, and writers of
    /// this stream wait up to their lock timeout, as do, where the commit requires something of a stream, those of
    /// one stream in 32: keep it short. Afterwards, [`committed`](Self::committed)
    /// wakes the subscribers of this program.
    ///
    /// ```no_run
    /// use es_runtime::postgres::{Postgres, tokio_postgres};
    /// use es_runtime::{AppendError, Commit};
    ///
    /// async fn place(
    ///     store: &Postgres,
    ///     client: &mut tokio_postgres::Client,
    ///     commit: Commit,
    /// ) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut transaction = client.transaction().await?;
    ///     transaction.execute("INSERT INTO invoice (number) VALUES ($1)", &[&17_i32]).await?;
    ///     store.append_in(&mut transaction, commit).await?;
    ///     transaction.commit().await?;
    ///     store.committed();
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Conflict`](AppendError::Conflict) leaves the transaction as it was. After
    /// [`Unavailable`](AppendError::Unavailable), as when another transaction was faster,
    /// [`Invalid`](AppendError::Invalid), as in another isolation level, and [`Fatal`](AppendError::Fatal) the
    /// server takes nothing but a rollback. [`IdReused`](AppendError::IdReused) is answered for every id that is
    /// stored and not this commit's. Nothing is stored before the transaction commits, so no error is
    /// [`Unknown`](AppendError::Unknown); what became of the transaction itself, when its `commit` was not
    /// answered, [`find_commit`](crate::Store::find_commit) tells.
    pub async fn append_in(
        &self,
        transaction: &mut Transaction<'_>,
        commit: Commit,
    ) -> Result<Appended, AppendError> {
        sizes::check(&commit)?;
        let manager = self.0.pool.manager();
        let commits = std::slice::from_ref(&commit);
        let kinds = self.kinds_in(transaction, commits).await?;
        let numbers = numbers_in(&kinds, commits)?;
        let arrays = Arrays::new(commits, &numbers, self.now(), false);
        let sql = Sql::Append.text(&manager.schema);
        let rows =
            transaction.query_typed(&sql, &arrays.typed()).await.map_err(|error| refused(error.into()))?;
        let checked = checked(&rows, commits, answered).map_err(refused)?;
        if let Some(outcome) = checked.first().and_then(|checked| checked.settled(&commit)) {
            return outcome;
        }
        let sql = Sql::EventsOf.text(&manager.schema);
        let stored = transaction.query_typed(&sql, &[(commit.id.as_uuid(), Type::UUID)]).await;
        let stored = stored.map_err(|error| refused(error.into()))?;
        // Again, for the kinds of a commit that somebody else stored meanwhile.
        let kinds = read_kinds(transaction, &manager.schema).await?;
        let at = "a commit that is stored";
        compared(&commit, &kinds, &stored).map_err(|unread| unsure(&commit, unread.error(at)))?
    }

    /// The kinds that the caller's server has, once those of `commits` are among them. They are added outside of the
    /// transaction, or whoever needs them too would wait for its end.
    async fn kinds_in(
        &self,
        transaction: &Transaction<'_>,
        commits: &[Commit],
    ) -> Result<Kinds, AppendError> {
        let schema = &self.0.pool.manager().schema;
        let kinds = read_kinds(transaction, schema).await?;
        if kinds.numbers(commits).is_some() {
            return Ok(kinds);
        }
        let mut connection = self.0.pool.get().await.map_err(refused)?;
        kinds::add(&mut connection, commits).await.map_err(|unread| match unread {
            Unread::Failed(failure) => refused(failure),
            unread => AppendError::Unavailable(Cause::new(unread.error("the kinds of events"))),
        })?;
        read_kinds(transaction, schema).await
    }
}

async fn read_kinds(transaction: &Transaction<'_>, schema: &str) -> Result<Kinds, AppendError> {
    let rows = transaction.query_typed(&Sql::Kinds.text(schema), &[]).await;
    let kinds = Kinds::read(&rows.map_err(|error| refused(error.into()))?);
    kinds.map_err(|error| AppendError::Unavailable(Cause::new(error)))
}

fn numbers_in(kinds: &Kinds, commits: &[Commit]) -> Result<Vec<i32>, AppendError> {
    kinds.numbers(commits).ok_or_else(|| {
        AppendError::Invalid(
            "the transaction does not see the kinds of events that were just added to the store: it is of another \
             isolation level than \"read committed\", or on another server"
                .into(),
        )
    })
}

fn refused(failure: Failure) -> AppendError {
    match failure {
        Failure::Refused(refusal) if refusal.code == SqlState::FEATURE_NOT_SUPPORTED => {
            AppendError::Invalid(refusal.cause.to_string())
        }
        Failure::Refused(refusal) if refusal.code == SqlState::UNIQUE_VIOLATION => {
            AppendError::Unavailable(Cause::new(
                "another transaction stored an event of this stream meanwhile; roll back and decide again",
            ))
        }
        Failure::Refused(refusal)
            if [
                SqlState::T_R_DEADLOCK_DETECTED,
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::LOCK_NOT_AVAILABLE,
            ]
            .contains(&refusal.code) =>
        {
            let reason = format!("{}; roll back and do it all again", refusal.cause);
            AppendError::Unavailable(Cause::new(reason))
        }
        Failure::NotSent(cause) | Failure::Lost(cause) => AppendError::Unavailable(cause),
        failure => failure.append_error(crate::id::CommitId::ROOT),
    }
}
