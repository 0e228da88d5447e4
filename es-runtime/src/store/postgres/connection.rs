//! One connection: what is set for its session, and the statements that are prepared on it.

use super::errors::Failure;
use super::kinds::Kinds;
use super::statements::Sql;
use futures_util::Stream as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Row, RowStream, Socket, Statement};

pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How many rows are asked for at once as long as nothing is known of their size.
const FIRST_ROWS: i64 = 256;

/// How much is taken from the driver at once. Row by row, the driver would often find its reader busy, and wait;
/// in large pieces, rows would be out of the processor's caches by the time that they are looked at.
const CHUNK_ROWS: usize = 64;
const CHUNK_BYTES: usize = 256 << 10;

/// Some of the rows of a statement.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) rows: Vec<Row>,
    bytes: usize,
    pub(super) is_last: bool,
}

/// A session of the server, used by one caller at a time.
pub(super) struct Connection {
    pub(super) client: Client,
    schema: Arc<str>,
    timeout: Duration,
    statements: [Option<Statement>; Sql::COUNT],
    /// Up to here every event that will ever be there can be seen. Known of this session's server only: one
    /// that takes its place may have less.
    pub(super) settled: u64,
    /// The newest number that was taken then, by whoever stored an event or did not.
    pub(super) taken: i64,
    /// The kinds of events that it has seen.
    pub(super) kinds: Arc<Kinds>,
    /// How many rows are asked for at once, unless fewer are wanted.
    pub(super) rows: i64,
    /// Which server it is to, and since when.
    pub(super) server: String,
    pub(super) since: Instant,
    is_broken: bool,
    driver: Driver,
}

impl Connection {
    pub(super) fn new(
        client: Client,
        driver: Driver,
        server: String,
        schema: Arc<str>,
        timeout: Duration,
    ) -> Self {
        Self {
            client,
            schema,
            timeout,
            statements: [const { None }; Sql::COUNT],
            settled: 0,
            taken: 0,
            kinds: Arc::default(),
            rows: FIRST_ROWS,
            server,
            since: Instant::now(),
            is_broken: false,
            driver,
        }
    }

    /// Whether it can be used by the next caller.
    pub(super) fn is_usable(&self) -> bool {
        !self.is_broken && !self.client.is_closed()
    }

    pub(super) async fn query(&mut self, sql: Sql, parameters: Parameters<'_>) -> Result<Vec<Row>, Failure> {
        let call = async {
            let statement = prepared(&self.client, &mut self.statements, &self.schema, sql).await?;
            Ok(self.client.query(statement, parameters).await?)
        };
        let done = within(self.timeout, call).await;
        self.noticing(done)
    }

    /// Runs statements without parameters.
    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), Failure> {
        let done = within(self.timeout, async { Ok(self.client.batch_execute(sql).await?) }).await;
        self.noticing(done)
    }

    /// The rows as they come. No more are taken from the server than the caller asks for.
    pub(super) async fn stream(
        &mut self,
        sql: Sql,
        parameters: Parameters<'_>,
    ) -> Result<RowStream, Failure> {
        let call = async {
            let statement = prepared(&self.client, &mut self.statements, &self.schema, sql).await?;
            Ok(self.client.query_raw(statement, parameters.iter().copied()).await?)
        };
        let done = within(self.timeout, call).await;
        self.noticing(done)
    }

    /// The next of the rows.
    pub(super) async fn chunk(&mut self, mut rows: Pin<&mut RowStream>) -> Result<Chunk, Failure> {
        let mut chunk = Chunk::default();
        let filled = within(self.timeout, poll_fn(|context| chunk.fill(rows.as_mut(), context))).await;
        self.noticing(filled).map(|()| chunk)
    }

    /// Lets go of the session where its answer can no longer be told from another's.
    fn noticing<T>(&mut self, done: Result<T, Failure>) -> Result<T, Failure> {
        if done.as_ref().is_err_and(Failure::is_broken) {
            self.is_broken = true;
            self.driver.0.abort();
        }
        done
    }
}

impl Chunk {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn fill(
        &mut self,
        mut rows: Pin<&mut RowStream>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        while self.rows.len() < CHUNK_ROWS && self.bytes < CHUNK_BYTES {
            let Some(row) = ready!(rows.as_mut().poll_next(context)?) else {
                self.is_last = true;
                break;
            };
            self.bytes += row.raw_size_bytes();
            self.rows.push(row);
        }
        Poll::Ready(Ok(()))
    }
}

/// What carries the bytes of a session.
pub(super) struct Driver(JoinHandle<()>);

/// The server must see that nobody is there any more, even while it works, or says nothing.
impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn prepared<'a>(
    client: &Client,
    statements: &'a mut [Option<Statement>; Sql::COUNT],
    schema: &str,
    sql: Sql,
) -> Result<&'a Statement, Failure> {
    let known = &mut statements[sql as usize];
    Ok(match known {
        Some(statement) => statement,
        None => known.insert(client.prepare(&sql.text(schema)).await?),
    })
}

async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let done = tokio::time::timeout(limit, call).await;
    done.unwrap_or_else(|_| Err(Failure::timed_out(limit)))
}

/// What is set for a session.
///
/// The path: a function that somebody put into a schema of the default one may fit better than the server's own.
/// The plans are known beforehand: an index for each lookup, and a hash where the events of a batch meet their
/// commits. A planner that looks at a small table or a short array would choose others, and choose again at
/// each call.
pub(super) fn settings(lock_timeout: Duration) -> String {
    format!(
        "SET search_path = pg_catalog, pg_temp; SET default_transaction_isolation = 'read committed'; \
         SET lock_timeout = {}; \
         SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 60000; \
         SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_nestloop = off; \
         SET enable_seqscan = off; SET enable_bitmapscan = off; SET client_min_messages = warning",
        lock_timeout.as_millis().max(1)
    )
}

/// Carries what is sent and what is answered, until the client is dropped.
pub(super) fn drive<T>(mut connection: tokio_postgres::Connection<Socket, T>) -> Driver
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Driver(tokio::spawn(async move {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            match message {
                Ok(AsyncMessage::Notice(notice)) => {
                    tracing::warn!(
                        code = notice.code().code(),
                        message = notice.message(),
                        "the server warns"
                    );
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(error = %super::errors::cause(&error), "a connection ended");
                    return;
                }
            }
        }
    }))
}
