//! The transactions of somebody else's work, on connections that nobody else waits for.

use super::Postgres;
use super::connection::Connection;
use super::errors::Failure;
use super::options::PostgresOptions;
use super::pool::{Manager, Unusable};
use super::schema::quoted;
use super::values;
use crate::format::Cause;
use crate::sql::{Sql, SqlDriver, SqlError, SqlRow, SqlValue, Transactions, Work};
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, Timeouts};
use std::any::Any;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::time::Duration;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The most works at once. Each has a connection, so that commands never wait for projections, nor a work that
/// loads an aggregate for itself.
const MOST_WORKS: usize = 4;

/// How many statements a connection remembers before it starts again.
const MOST_REMEMBERED: usize = 256;

/// The connections of works.
pub(super) struct Works {
    sessions: managed::Pool<Sessions>,
}

impl Works {
    pub(super) fn new(manager: Manager) -> Result<Self, managed::BuildError> {
        let sessions = managed::Pool::builder(Sessions(manager));
        Ok(Self { sessions: sessions.max_size(MOST_WORKS).runtime(Runtime::Tokio1).build()? })
    }

    async fn get(&self) -> Result<Object<Sessions>, SqlError> {
        let PostgresOptions { patience, work_timeout, .. } = self.options();
        let timeouts = Timeouts { wait: Some(*work_timeout), create: Some(*patience), recycle: None };
        self.sessions.timeout_get(&timeouts).await.map_err(|error| {
            SqlError::Unavailable(match error {
                PoolError::Backend(unusable) => unusable.cause,
                PoolError::Timeout(managed::TimeoutType::Wait) => {
                    Cause::new(format!("{MOST_WORKS} transactions of projections went on all the time"))
                }
                _ => Cause::new("the server did not answer"),
            })
        })
    }

    async fn write(&self, work: Work) -> Result<bool, SqlError> {
        let end = format!("SELECT {}.es_expect_work(); COMMIT", quoted(self.schema()));
        let (answer, mut session, failed) =
            self.work("BEGIN; SET LOCAL es_runtime.work = 'on'", work, false).await?;
        if !answer || failed.is_some() {
            session.roll_back().await;
            return failed.filter(|_| answer).map_or(Ok(false), Err);
        }
        match session.connection.batch(&end).await {
            Ok(()) => {
                session.is_inside = false;
                Ok(true)
            }
            Err(Failure::Lost(cause)) => Err(SqlError::Unknown(cause)),
            Err(failure) => Err(not_done(&failure, false)),
        }
    }

    async fn read(&self, work: Work) -> Result<(), SqlError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        let (_, mut session, _) = self.work(begin, work, true).await?;
        session.roll_back().await;
        Ok(())
    }

    /// Runs `work` in the transaction that `begin` begins, and answers with its answer, its connection, and the
    /// statement that failed.
    async fn work(
        &self,
        begin: &str,
        work: Work,
        is_reading: bool,
    ) -> Result<(bool, Lent, Option<SqlError>), SqlError> {
        let mut session = Lent(Some(self.get().await?));
        session.is_inside = true;
        let (registers, tables) =
            (format!("{}.es_register", quoted(self.schema())), self.options().tables_schema());
        let call = async {
            session.connection.batch(begin).await.map_err(|failure| not_done(&failure, is_reading))?;
            let driver = Driver { session, registers, tables: tables.to_owned(), is_reading, failed: None };
            let mut sql = Sql::new(Box::new(driver));
            let answer = work(&mut sql).await;
            let driver: Box<dyn Any> = sql.into_driver();
            match driver.downcast::<Driver>() {
                Ok(driver) => Ok((answer, driver.session, driver.failed)),
                Err(_) => Err(SqlError::Refused(Cause::new("the transaction was exchanged for another"))),
            }
        };
        let worked = tokio::time::timeout(self.options().work_timeout, call).await;
        worked.unwrap_or_else(|_| Err(too_long(self.options().work_timeout)))
    }

    fn options(&self) -> &PostgresOptions {
        &self.sessions.manager().0.options
    }

    fn schema(&self) -> &str {
        &self.options().schema
    }
}

impl Transactions for Postgres {
    async fn write(&self, work: Work) -> Result<bool, SqlError> {
        self.0.works.write(work).await
    }

    async fn read(&self, work: Work) -> Result<(), SqlError> {
        self.0.works.read(work).await
    }
}

/// Makes the connections of works: like those of the store, but for what is set for their sessions.
struct Sessions(Manager);

struct Session {
    connection: Connection,
    statements: HashMap<Box<str>, Statement>,
    /// Whether it is inside a transaction, or may be.
    is_inside: bool,
}

impl managed::Manager for Sessions {
    type Type = Session;
    type Error = Unusable;

    async fn create(&self) -> Result<Session, Unusable> {
        let mut connection = self.0.connect().await?;
        let set = connection.batch(&settings(&self.0.options)).await;
        set.map_err(Unusable::from)?;
        Ok(Session { connection, statements: HashMap::new(), is_inside: false })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<Unusable> {
        let is_usable = session.connection.is_usable() && !session.is_inside;
        if is_usable { Ok(()) } else { Err(RecycleError::message("it is closed")) }
    }
}

/// What is set for a session: what the database and the role say, and an end for everything.
///
/// Tables are found in the schema of the read models, types and functions of extensions in `public`. The server ends
/// what takes too long a second after we do: its answer to a statement would be the work's to interpret.
fn settings(options: &PostgresOptions) -> String {
    let millis = (options.work_timeout + Duration::from_secs(1)).as_millis();
    format!(
        "RESET ALL; SET search_path = {}, public; SET default_transaction_isolation = 'read committed'; \
         SET statement_timeout = {millis}; SET idle_in_transaction_session_timeout = {millis}; \
         SET client_min_messages = warning",
        quoted(options.tables_schema())
    )
}

/// A connection that goes back to the others only when it is in no transaction. One that was left inside is closed
/// now, and the server ends the transaction and its locks, and not when somebody needs the connection.
struct Lent(Option<Object<Sessions>>);

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(session) = self.0.take()
            && session.is_inside
        {
            drop(Object::take(session));
        }
    }
}

impl Deref for Lent {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.0.as_deref().unwrap_or_else(|| unreachable!("it is taken when it is dropped"))
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Session {
        self.0.as_deref_mut().unwrap_or_else(|| unreachable!("it is taken when it is dropped"))
    }
}

impl Session {
    /// Where it fails, the connection is closed, which has the same effect.
    async fn roll_back(&mut self) {
        self.is_inside = self.connection.batch("ROLLBACK").await.is_err();
    }

    async fn prepared(&mut self, sql: &str) -> Result<Statement, Failure> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.connection.client.prepare(sql).await?;
        if self.statements.len() >= MOST_REMEMBERED {
            self.statements.clear();
        }
        self.statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }
}

/// A connection inside a transaction, lent to a work.
struct Driver {
    session: Lent,
    registers: String,
    tables: String,
    is_reading: bool,
    /// The statement that failed, after which nothing can be committed.
    failed: Option<SqlError>,
}

impl Driver {
    async fn statement(&mut self, sql: &str) -> Result<Statement, SqlError> {
        let prepared = self.session.prepared(sql).await;
        prepared.map_err(|failure| self.failed(sql, &failure))
    }

    /// What the failure of a statement means. It is prepared anew the next time: its tables may have changed.
    fn failed(&mut self, sql: &str, failure: &Failure) -> SqlError {
        self.session.statements.remove(sql);
        let error = not_done(failure, self.is_reading);
        self.failed = Some(error.clone());
        error
    }
}

impl SqlDriver for Driver {
    fn execute<'a>(
        &'a mut self,
        sql: &'a str,
        parameters: &'a [SqlValue<'a>],
    ) -> Boxed<'a, Result<u64, SqlError>> {
        Box::pin(async move {
            let statement = self.statement(sql).await?;
            let bound = values::bind(&statement, parameters)?;
            let done = self.session.connection.client.execute_raw(&statement, &bound).await;
            done.map_err(|error| self.failed(sql, &error.into()))
        })
    }

    fn query<'a>(
        &'a mut self,
        sql: &'a str,
        parameters: &'a [SqlValue<'a>],
    ) -> Boxed<'a, Result<Vec<SqlRow>, SqlError>> {
        Box::pin(async move {
            let statement = self.statement(sql).await?;
            let bound = values::bind(&statement, parameters)?;
            let bound: Vec<_> = bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
            let rows = self.session.connection.client.query(&statement, &bound).await;
            let rows = rows.map_err(|error| self.failed(sql, &error.into()))?;
            values::rows(&statement, &rows)
        })
    }

    fn batch<'a>(&'a mut self, sql: &'a str) -> Boxed<'a, Result<(), SqlError>> {
        Box::pin(async move {
            let done = self.session.connection.client.batch_execute(sql).await;
            done.map_err(|error| self.failed(sql, &error.into()))
        })
    }

    fn qualified(&self, table: &str) -> String {
        format!("{}.\"{}\"", quoted(&self.tables), table.replace('"', "\"\""))
    }

    fn registers(&self) -> &str {
        &self.registers
    }

    fn connection(&mut self) -> &mut dyn Any {
        &mut self.session.connection.client
    }
}

/// What a failure means of which it is known that nothing was committed.
fn not_done(failure: &Failure, is_reading: bool) -> SqlError {
    match failure {
        Failure::NotSent(cause) | Failure::Lost(cause) => SqlError::Unavailable(cause.clone()),
        Failure::Refused(refusal) => {
            let class = refusal.code.code().get(..2).unwrap_or_default();
            // Out of something, stopped by somebody, in the way of another transaction, an error of the disk.
            let is_passing = matches!(class, "53" | "57" | "40" | "58")
                || refusal.code == SqlState::LOCK_NOT_AVAILABLE
                || (refusal.code == SqlState::READ_ONLY_SQL_TRANSACTION && !is_reading);
            let because = if is_passing { SqlError::Unavailable } else { SqlError::Refused };
            because(refusal.cause.clone())
        }
    }
}

fn too_long(timeout: Duration) -> SqlError {
    SqlError::Refused(Cause::new(format!(
        "the transaction took longer than `work_timeout`, which is {timeout:?}, and was rolled back. Others may \
         wait for the rows it has written, so that a handler of a projection must not wait for anything slow"
    )))
}
