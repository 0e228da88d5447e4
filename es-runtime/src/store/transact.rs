//! Transactions of the store's database, whose work answers with a value.

use super::Store;
use crate::format::Cause;
use crate::sql::{Sql, SqlError, Work};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// What is done in a transaction: whether to commit, and what came of it.
pub(crate) type Answering<'t, T> = Pin<Box<dyn Future<Output = (bool, T)> + Send + 't>>;

impl Store {
    /// Runs `work` in a transaction that may write, and answers as it did.
    pub(crate) async fn write_sql<T: Send + 'static>(
        &self,
        work: impl for<'t> FnOnce(&'t mut Sql) -> Answering<'t, T> + Send + 'static,
    ) -> Result<T, SqlError> {
        let transactions = self.transactions().ok_or(SqlError::Unsupported)?;
        let (work, told) = telling(work);
        transactions.write(work).await?;
        told()
    }

    /// Runs `work`, which only reads, on one state, and answers as it did.
    pub(crate) async fn read_sql<T: Send + 'static>(
        &self,
        work: impl for<'t> FnOnce(&'t mut Sql) -> Answering<'t, T> + Send + 'static,
    ) -> Result<T, SqlError> {
        let transactions = self.transactions().ok_or(SqlError::Unsupported)?;
        let (work, told) = telling(work);
        transactions.read(work).await?;
        told()
    }
}

/// The work as an adapter takes it, and what asks for its answer afterwards.
fn telling<T: Send + 'static>(
    work: impl for<'t> FnOnce(&'t mut Sql) -> Answering<'t, T> + Send + 'static,
) -> (Work, impl FnOnce() -> Result<T, SqlError>) {
    let told = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&told);
    let work: Work = Box::new(move |sql| {
        Box::pin(async move {
            let (commits, answer) = work(sql).await;
            *tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
            commits
        })
    });
    let told = move || {
        let answer = told.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.ok_or_else(|| SqlError::Unavailable(Cause::new("the work was not done")))
    };
    (work, told)
}
