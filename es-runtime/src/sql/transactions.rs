//! What an adapter implements to let projections write where its events are.

use super::{Sql, SqlError, SqlRow, SqlValue};
use std::any::Any;
use std::pin::Pin;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is done in a transaction. It answers whether to commit; what else came of it, it keeps for itself.
pub type Work = Box<dyn for<'t> FnOnce(&'t mut Sql) -> Boxed<'t, bool> + Send>;

/// A store whose database takes tables of other people's beside its events.
pub trait Transactions: Send + Sync + 'static {
    /// Runs `work` in a transaction that may write, and commits it if that is its answer. As durable as a commit
    /// of events.
    ///
    /// Answers whether it was committed. It may be dropped at any time, and is rolled back then or committed,
    /// never a part of it. `work` is to be short: other writers may wait for it, and one that takes too long is
    /// rolled back. A panic in it goes on in the caller.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](SqlError::Unavailable) when nothing was done and a retry may help,
    /// [`Refused`](SqlError::Refused) when a statement failed though the answer was to commit, or `work` took too
    /// long, [`Unknown`](SqlError::Unknown) when the answer to the commit was lost.
    fn write(&self, work: Work) -> impl Future<Output = Result<bool, SqlError>> + Send;

    /// Runs `work`, which only reads, on one state of the database. It sees what was committed before.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), but never [`Unknown`](SqlError::Unknown).
    fn read(&self, work: Work) -> impl Future<Output = Result<(), SqlError>> + Send;
}

/// A transaction, as its adapter runs it.
pub trait SqlDriver: Any + Send {
    /// Runs one statement; answers with how many rows it changed. Parameters are `$1`, `$2` and so on.
    fn execute<'a>(
        &'a mut self,
        sql: &'a str,
        parameters: &'a [SqlValue<'a>],
    ) -> Boxed<'a, Result<u64, SqlError>>;

    /// Runs one query; answers with its rows.
    fn query<'a>(
        &'a mut self,
        sql: &'a str,
        parameters: &'a [SqlValue<'a>],
    ) -> Boxed<'a, Result<Vec<SqlRow>, SqlError>>;

    /// Runs statements without parameters.
    fn batch<'a>(&'a mut self, sql: &'a str) -> Boxed<'a, Result<(), SqlError>>;

    /// A table of a projection, quoted, in the schema in which they are kept.
    fn qualified(&self, table: &str) -> String;

    /// The table of the [registers](crate::Registers), quoted: columns `key`, `revision` and `value`.
    fn registers(&self) -> &str;

    /// The driver's own connection.
    fn connection(&mut self) -> &mut dyn Any;
}

/// The transactions of a store that has no SQL.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NoTransactions {}

impl Transactions for NoTransactions {
    async fn write(&self, _: Work) -> Result<bool, SqlError> {
        match *self {}
    }

    async fn read(&self, _: Work) -> Result<(), SqlError> {
        match *self {}
    }
}
