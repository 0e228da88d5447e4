//! Statements for a server, from a test that may or may not run in a runtime.

use std::time::Duration;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// Longer than any statement of a test takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs statements and answers with the rows, as text.
pub(super) fn run(url: &str, statements: &str) -> Result<Vec<Vec<String>>, String> {
    // Whoever is in a runtime already may not enter another on the same thread.
    let answer = std::thread::scope(|scope| scope.spawn(|| on_this_thread(url, statements)).join());
    answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn on_this_thread(url: &str, statements: &str) -> Result<Vec<Vec<String>>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let answer = tokio::time::timeout(PATIENCE, query(url, statements)).await;
        answer.map_err(|_| "no answer".to_owned())?.map_err(|error| match error.as_db_error() {
            Some(error) => error.to_string(),
            None => error.to_string(),
        })
    })
}

async fn query(url: &str, statements: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let messages = client.simple_query(statements).await;
    drop(client);
    let _ = connection.await;
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).unwrap_or_default().to_owned()).collect())
        }
        _ => None,
    };
    Ok(messages?.into_iter().filter_map(row).collect())
}
