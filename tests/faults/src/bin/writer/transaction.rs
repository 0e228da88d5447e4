//! Commits in a transaction of the writer's own, beside a row of its own.

use es_runtime::postgres::Postgres;
use es_runtime::postgres::tokio_postgres::{Client, Error, NoTls, connect};
use es_runtime::prelude::*;
use es_runtime::{AppendError, Cause, ConnectError};
use faults::Numbered;
use std::time::Duration;
use tokio::sync::Mutex;

/// A store, and a connection to its database. The table `own (writer, number)` must be there.
pub(crate) struct Transactions {
    store: Postgres,
    url: String,
    client: Mutex<Option<Client>>,
    hold: Duration,
}

impl Transactions {
    /// Each transaction is to be held open for so long.
    pub(crate) async fn open(url: &str, hold: Duration) -> Result<Self, ConnectError> {
        let store = Postgres::options(url)?.open().await?;
        // The driver does not know what the store knows.
        let url = url.split_once('?').map_or(url, |(url, _)| url).to_owned();
        Ok(Self { store, url, client: Mutex::default(), hold })
    }

    pub(crate) async fn write(&self, commit: Numbered, filler: usize) -> Result<Version, AppendError> {
        let mut client = self.client.lock().await;
        if client.as_ref().is_none_or(Client::is_closed) {
            let (new, connection) = connect(&self.url, NoTls).await.map_err(not_stored)?;
            tokio::spawn(connection);
            *client = Some(new);
        }
        let client = client.as_mut().expect("it was just made");
        let mut transaction = client.transaction().await.map_err(not_stored)?;
        let own = "INSERT INTO own VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let numbers = [commit.writer as i64, commit.number as i64];
        transaction.execute(own, &[&numbers[0], &numbers[1]]).await.map_err(not_stored)?;
        let appended = self.store.append_in(&mut transaction, commit.commit(filler)).await?;
        tokio::time::sleep(self.hold).await;
        transaction.commit().await.map_err(|error| match error.as_db_error() {
            // It was refused, or else its session was ended.
            Some(db) if db.severity() == "ERROR" => not_stored(error),
            _ => AppendError::Unknown { id: commit.id(), source: Cause::new(error) },
        })?;
        Ok(appended.range().last)
    }
}

fn not_stored(error: Error) -> AppendError {
    AppendError::Unavailable(Cause::new(error))
}
