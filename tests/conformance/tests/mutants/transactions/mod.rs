//! A store in a file that keeps every promise, and what can go wrong with the transactions of others in one.

mod cases;
mod driver;

pub(crate) use self::cases::REJECTING;

use self::driver::{Each, Reordered};
use es_runtime::sqlite::Sqlite;
use es_runtime::testing::conformance::Setup;
use es_runtime::{
    Adapter, AppendError, Appended, Capabilities, Commit, CommitId, Cursor, Direction, Durability, Filter,
    Found, Freshness, Limit, LogPage, Page, ReadError, Registers, Sql, SqlError, StoreId, StreamName,
    Transactions, Version, Work,
};
use tokio::sync::watch;

/// What is wrong with its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// Each statement is a transaction of its own.
    CommitsEachStatement,
    /// Whatever the work answers.
    CommitsWhateverTheAnswer,
    /// What a statement refused is forgotten, and what was done besides is committed.
    CommitsOverFailures,
    /// A reader sees what is committed meanwhile.
    ReadsEachStatementForItself,
    /// The first parameter of the statement gets the first value, whatever its number.
    CountsParametersByPlace,
}

#[derive(Clone)]
pub(crate) struct Mutant {
    store: Sqlite,
    slip: Slip,
}

impl Mutant {
    pub(crate) async fn open(setup: Setup, slip: Slip) -> Self {
        let options = Sqlite::options().durability(Durability::ProcessCrash).clock(setup.clock);
        let store = options.open(setup.dir.join("events.db")).await.expect("a store in a fresh directory");
        Self { store, slip }
    }

    fn inner(&self) -> impl Transactions {
        self.store.transactions().expect("it has SQL")
    }
}

impl Transactions for Mutant {
    async fn write(&self, work: Work) -> Result<bool, SqlError> {
        match self.slip {
            Slip::CommitsEachStatement => Ok(work(&mut Sql::new(Box::new(Each(self.store.clone())))).await),
            Slip::CommitsWhateverTheAnswer => {
                self.inner()
                    .write(Box::new(|sql| {
                        Box::pin(async move {
                            work(sql).await;
                            true
                        })
                    }))
                    .await
            }
            Slip::CommitsOverFailures => match self.inner().write(work).await {
                Err(SqlError::Refused(_)) => Ok(true),
                done => done,
            },
            Slip::CountsParametersByPlace => self.inner().write(Reordered::around(work)).await,
            _ => self.inner().write(work).await,
        }
    }

    async fn read(&self, work: Work) -> Result<(), SqlError> {
        match self.slip {
            Slip::ReadsEachStatementForItself => {
                work(&mut Sql::new(Box::new(Each(self.store.clone())))).await;
                Ok(())
            }
            _ => self.inner().read(work).await,
        }
    }
}

impl Adapter for Mutant {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        self.store.append_batch(commits).await
    }

    async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        self.store.append_all(commits).await
    }

    async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        self.store.find_commit(id).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        freshness: Freshness,
    ) -> Result<Page, ReadError> {
        self.store.read_stream(stream, from, direction, limit, freshness).await
    }

    async fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> Result<LogPage, ReadError> {
        self.store.read_all(after, filter, limit).await
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.store.changes()
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn identity(&self) -> StoreId {
        self.store.identity()
    }

    fn registers(&self) -> Option<impl Registers> {
        self.store.registers()
    }

    fn transactions(&self) -> Option<impl Transactions> {
        Some(self.clone())
    }
}
