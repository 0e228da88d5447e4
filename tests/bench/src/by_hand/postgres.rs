//! Carts in a PostgreSQL database.

use super::replay;
use crate::Failure;
use crate::cart::{Cart, ItemAdded};
use es_runtime::Event;
use std::hint::black_box;
use std::time::SystemTime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, Row, Statement};
use uuid::Uuid;

/// How many events a page of the log has.
const PAGE: i64 = 1000;

/// One connection to a table of events.
///
/// The expected version is kept by a unique index, and positions come from an identity column. What is sent is
/// prepared once; a command is one SELECT and one INSERT, without a transaction around them.
#[derive(Debug)]
pub struct Carts {
    client: Client,
    load: Statement,
    append: Statement,
    log: Statement,
}

/// Makes the table.
///
/// # Errors
///
/// When PostgreSQL fails.
pub async fn create(url: &str) -> Result<(), Failure> {
    let client = connect(url).await?;
    client
        .batch_execute(
            "CREATE TABLE event (
                 position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 stream text NOT NULL,
                 version bigint NOT NULL,
                 commit_id uuid NOT NULL,
                 name text NOT NULL,
                 schema_version integer NOT NULL,
                 payload bytea NOT NULL,
                 metadata bytea,
                 occurred_at timestamptz NOT NULL,
                 recorded_at timestamptz NOT NULL DEFAULT now(),
                 UNIQUE (stream, version)
             )",
        )
        .await?;
    Ok(())
}

async fn connect(url: &str) -> Result<Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

impl Carts {
    /// Connects and prepares.
    ///
    /// # Errors
    ///
    /// When PostgreSQL fails.
    pub async fn connect(url: &str) -> Result<Self, Failure> {
        let client = connect(url).await?;
        let load = "SELECT version, name, payload FROM event WHERE stream = $1 ORDER BY version";
        let append = "INSERT INTO event
                          (stream, version, commit_id, name, schema_version, payload, metadata, occurred_at)
                      SELECT $1, $2 + number, $3, name, schema_version, payload, metadata, $4
                      FROM unnest($5::text[], $6::integer[], $7::bytea[], $8::bytea[])
                          WITH ORDINALITY AS new (name, schema_version, payload, metadata, number)";
        let log = "SELECT position, stream, version, commit_id, name, schema_version, payload, metadata,
                       occurred_at, recorded_at
                   FROM event WHERE position > $1 ORDER BY position LIMIT $2";
        let [load, append, log] =
            [client.prepare(load).await?, client.prepare(append).await?, client.prepare(log).await?];
        Ok(Self { client, load, append, log })
    }

    /// Decodes and applies every event of a cart; answers with its version too.
    ///
    /// # Errors
    ///
    /// When PostgreSQL fails, or an event does not decode.
    pub async fn load(&self, id: &str) -> Result<(Cart, i64), Failure> {
        let (mut cart, mut version) = (Cart::default(), 0);
        for row in self.client.query(&self.load, &[&id]).await? {
            version = row.try_get(0)?;
            replay(&mut cart, row.try_get(1)?, row.try_get(2)?)?;
        }
        Ok((cart, version))
    }

    /// Load, decide, append, and all of it again when somebody else was faster.
    ///
    /// # Errors
    ///
    /// When the decision refuses, or PostgreSQL fails.
    pub async fn command<E: Event, X: Into<Failure>>(
        &self,
        id: &str,
        decide: impl Fn(&Cart) -> Result<Vec<E>, X>,
    ) -> Result<(), Failure> {
        loop {
            let (cart, version) = self.load(id).await?;
            let events = decide(&cart).map_err(Into::into)?;
            match self.append(id, version, &events).await? {
                Ok(()) => return Ok(()),
                Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn append<E: Event>(
        &self,
        id: &str,
        version: i64,
        events: &[E],
    ) -> Result<Result<(), tokio_postgres::Error>, Failure> {
        let names = vec![E::NAME; events.len()];
        let schema_versions = vec![i32::from(E::VERSION); events.len()];
        let payloads = events.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>()?;
        let metadata = vec![None::<&[u8]>; events.len()];
        let (commit, now) = (Uuid::new_v4(), SystemTime::now());
        let done = self
            .client
            .execute(
                &self.append,
                &[&id, &version, &commit, &now, &names, &schema_versions, &payloads, &metadata],
            )
            .await;
        Ok(done.map(drop))
    }

    /// Decodes every event of the log; answers with how many there are.
    ///
    /// # Errors
    ///
    /// When PostgreSQL fails, or an event does not decode.
    pub async fn replay_log(&self) -> Result<u64, Failure> {
        let (mut after, mut events) = (0_i64, 0);
        loop {
            let rows = self.client.query(&self.log, &[&after, &PAGE]).await?;
            for row in &rows {
                let recorded = Recorded::read(row)?;
                after = recorded.position;
                black_box(recorded);
                events += 1;
            }
            if rows.len() < PAGE as usize {
                return Ok(events);
            }
        }
    }
}

/// What somebody who reads the log wants to know of an event.
#[allow(dead_code, reason = "it is made to be looked at")]
struct Recorded {
    position: i64,
    stream: String,
    version: i64,
    commit: Uuid,
    schema_version: i32,
    metadata: Option<Vec<u8>>,
    occurred_at: SystemTime,
    recorded_at: SystemTime,
    event: ItemAdded,
}

impl Recorded {
    fn read(row: &Row) -> Result<Self, Failure> {
        let name: &str = row.try_get(4)?;
        if name != ItemAdded::NAME {
            return Err(format!("unknown event {name}").into());
        }
        Ok(Self {
            position: row.try_get(0)?,
            stream: row.try_get(1)?,
            version: row.try_get(2)?,
            commit: row.try_get(3)?,
            schema_version: row.try_get(5)?,
            event: serde_json::from_slice(row.try_get(6)?)?,
            metadata: row.try_get(7)?,
            occurred_at: row.try_get(8)?,
            recorded_at: row.try_get(9)?,
        })
    }
}
