//! Many writers and readers at once, some of whose transactions are slow, given up or killed, and a reader as
//! one writes it who does not know better.

use super::rounds;
use crate::{moment, say};
use es_runtime::postgres::Postgres;
use es_runtime::postgres::tokio_postgres::{Client, NoTls, connect};
use es_runtime::{AppendError, Store};
use faults::{Failure, Ledger, Line, Loss, Numbered, Report, Tail};
use servers::postgres::Server;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const WRITERS: u64 = 24;
const READERS: usize = 4;

/// In seconds; a minute in the long run.
const SHORT: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes long: tests/run --faults"]
async fn readers_miss_nothing_of_what_many_write_where_a_naive_reader_does() {
    let server = Server::start();
    let url = server.create_database("tally");
    drop(Store::connect(&url).await.expect("a store"));
    let tails: Vec<_> = (0..READERS).map(|_| Tail::follow(&url)).collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let naive = tokio::spawn(read_naively(url.clone(), is_over.clone()));
    let until = Instant::now() + Duration::from_secs(rounds(SHORT));
    let writers: Vec<_> = (0..WRITERS).map(|n| tokio::spawn(write(url.clone(), n, until))).collect();

    let (mut ledger, mut kinds) = (Ledger::default(), [0; 4]);
    for writer in writers {
        let (report, done) = writer.await.expect("no panic");
        ledger.take(&report);
        kinds.iter_mut().zip(done).for_each(|(all, one)| *all += one);
    }
    is_over.store(true, Ordering::SeqCst);
    let checked = ledger.check(&url, Loss::Nothing).await;
    for tail in tails {
        let seen = tail.finish(&url).await;
        say(format_args!("{seen}: none skipped, none twice, none out of order"));
    }
    let [plain, slow, given_up, killed] = kinds;
    say(format_args!(
        "{WRITERS} writers, {plain} plain commits, {slow} slow ones, {given_up} given up, {killed} killed: {checked}"
    ));
    assert!(kinds.iter().all(|kind| *kind > 0), "{kinds:?}");

    let seen = naive.await.expect("no panic");
    let all = server.sql("tally", "SELECT position FROM es.es_event WHERE place = 0");
    let all: BTreeSet<i64> = all.iter().map(|row| row[0].parse().expect("a number")).collect();
    let lost = all.difference(&seen).count();
    say(format_args!(
        "a naive reader lost {lost} of {} commits, {:.1} %",
        all.len(),
        100.0 * lost as f64 / all.len() as f64
    ));
    assert!(lost > 0, "nothing could have been skipped, so nothing was tried");
}

/// Reads what is above what it has, again and again.
async fn read_naively(url: String, is_over: Arc<AtomicBool>) -> BTreeSet<i64> {
    let (client, connection) = connect(&url, NoTls).await.expect("the server");
    tokio::spawn(connection);
    let (mut seen, mut last) = (BTreeSet::new(), 0_i64);
    let sql = "SELECT position, place FROM es.es_event WHERE position > $1 ORDER BY position LIMIT 1000";
    let sql = client.prepare(sql).await.expect("a statement");
    loop {
        let is_last = is_over.load(Ordering::SeqCst);
        let rows = client.query(&sql, &[&last]).await.expect("an answer");
        seen.extend(rows.iter().map(|row| row.get::<_, i64>(0) - i64::from(row.get::<_, i32>(1))));
        last = rows.last().map_or(last, |row| row.get(0));
        if is_last && rows.is_empty() {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// One writer, with connections of its own. Answers also with how much it did of each kind.
async fn write(url: String, n: u64, until: Instant) -> (Report, [usize; 4]) {
    // Four of them share their streams.
    let mut report = Report::new(n / 4 * 1000 + n % 4);
    let options = Postgres::options(&url).expect("a URL").connections(2);
    let postgres = options.open().await.expect("a store");
    let store = Store::new(postgres.clone());
    let (mut client, mut kinds, mut number) = (None, [0; 4], 0);
    while Instant::now() < until {
        let commit = report.commit(number);
        let (kind, line) = match number % 16 {
            5 => (1, in_transaction(&url, &mut client, &postgres, commit, End::Commit).await),
            10 => (2, in_transaction(&url, &mut client, &postgres, commit, End::Rollback).await),
            15 => (3, in_transaction(&url, &mut client, &postgres, commit, End::Kill).await),
            _ => (0, store.append(commit.commit(0)).await.map(|appended| appended.range().last.get())),
        };
        kinds[kind] += 1;
        report.take(match line {
            Ok(last) => Line::Stored(number, last),
            Err(error) => Line::Failed(number, Failure::from(&error)),
        });
        number += 1;
    }
    for variant in report.failures().into_keys() {
        assert!(matches!(variant, "Unavailable"), "{:?}", report.failed);
    }
    (report, kinds)
}

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
    Kill,
}

async fn in_transaction(
    url: &str,
    client: &mut Option<Client>,
    postgres: &Postgres,
    commit: Numbered,
    end: End,
) -> Result<u64, AppendError> {
    let not_stored = |what: &'static str| AppendError::Unavailable(es_runtime::Cause::new(what));
    if client.as_ref().is_none_or(Client::is_closed) {
        let (new, connection) = connect(url, NoTls).await.expect("the server");
        tokio::spawn(connection);
        *client = Some(new);
    }
    let client = client.as_mut().expect("it was just made");
    let mut transaction = client.transaction().await.map_err(|_| not_stored("no transaction"))?;
    let appended = postgres.append_in(&mut transaction, commit.commit(0)).await?;
    tokio::time::sleep(moment(15)).await;
    match end {
        End::Commit => {
            transaction.commit().await.expect("nobody is in the way");
            return Ok(appended.range().last.get());
        }
        End::Rollback => transaction.rollback().await.expect("nobody is in the way"),
        End::Kill => {
            let killed = transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())", &[]).await;
            killed.expect_err("it was killed");
        }
    }
    Err(not_stored("given up"))
}
