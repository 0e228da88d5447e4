//! A store that is damaged in many ways, and an audit that says where.
#![cfg(feature = "sqlite")]
#![allow(missing_docs)]

use es_runtime::audit::{Audit, AuditSummary, Fault, Finding, Seen, StreamState};
use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::sqlite::Sqlite;
use es_runtime::{Position, Tables};
use serde_json::json;
use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

#[event("account.paid_in")]
pub struct PaidIn {
    pub cents: u64,
}

#[event("account.closed")]
pub struct Closed {}

#[derive(Aggregate, Default, Debug, serde::Serialize, serde::Deserialize)]
#[aggregate("account", id = String, events(PaidIn, Closed), snapshot(every = 3))]
pub struct Account {
    cents: u64,
    is_closed: bool,
}

impl Apply<PaidIn> for Account {
    fn apply(&mut self, event: &PaidIn) {
        assert!(event.cents < 1_000_000, "nobody has so much");
        self.cents += event.cents;
    }
}

impl Apply<Closed> for Account {
    fn apply(&mut self, _: &Closed) {
        self.is_closed = true;
    }
}

/// The same account in a program that folds it in another way.
mod next {
    use super::{Closed, PaidIn};
    use es_runtime::prelude::*;

    #[derive(Aggregate, Default, serde::Serialize)]
    #[aggregate("account", id = String, events(PaidIn, Closed))]
    pub(super) struct Account {
        cents: u64,
        is_closed: bool,
    }

    impl Apply<PaidIn> for Account {
        fn apply(&mut self, event: &PaidIn) {
            // Nothing is paid in once it is more than enough.
            self.cents = (self.cents + event.cents).min(1000);
        }
    }

    impl Apply<Closed> for Account {
        fn apply(&mut self, _: &Closed) {
            self.is_closed = true;
        }
    }
}

#[event("note.written")]
pub struct Written {
    pub text: String,
}

/// It keeps no snapshots, and its state is nobody's business.
#[derive(Aggregate, Default)]
#[aggregate("note", id = String, events(Written))]
pub struct Note {}

impl Apply<Written> for Note {
    fn apply(&mut self, _: &Written) {}
}

#[derive(Projection)]
#[projection("balances", follows(Account), ignore(Closed))]
pub struct Balances;

impl Tables for Balances {
    async fn create(&self, sql: &mut Sql) -> Handled {
        let (accounts, log) = (sql.table("accounts"), sql.table("log"));
        let create = format!(
            "CREATE TABLE {accounts} (id TEXT PRIMARY KEY, cents BIGINT NOT NULL);
             CREATE TABLE {log} (cents BIGINT NOT NULL);"
        );
        Ok(sql.batch(&create).await?)
    }
}

impl On<PaidIn> for Balances {
    async fn on(&self, event: &Recorded<PaidIn>, sql: &mut Sql) -> Handled {
        let add = format!(
            "INSERT INTO {} AS old (id, cents) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET cents = old.cents + $2",
            sql.table("accounts")
        );
        let cents = event.event().cents;
        sql.execute(&add, &[&event.stream().key(), &cents]).await?;
        let log = format!("INSERT INTO {} VALUES ($1)", sql.table("log"));
        sql.execute(&log, &[&cents]).await?;
        Ok(())
    }
}

struct Place(TempDir);

impl Place {
    fn path(&self) -> PathBuf {
        self.0.path().join("a.db")
    }

    async fn open(&self) -> Store {
        Store::new(Sqlite::options().open(self.path()).await.expect("a store"))
    }

    /// What somebody does to the file who should not.
    fn sql(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path()).expect("the file");
        connection.execute_batch(sql).expect(sql);
    }

    fn tables(&self) -> i64 {
        let connection = rusqlite::Connection::open(self.path()).expect("the file");
        let count = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'balances_0_%'";
        connection.query_row(count, [], |row| row.get(0)).expect("a number")
    }
}

/// Accounts `a` and `b` with five events each in turn, and a note; with a snapshot of each account after the third,
/// and a read model.
async fn filled() -> Place {
    let place = Place(tempfile::tempdir().expect("a folder"));
    let store = place.open().await;
    let balances = store.projection(Balances).partitions(3).start().await.expect("started");
    let accounts = store.repository::<Account>();
    let mut last = None;
    for round in 1..=5 {
        for id in ["a", "b"] {
            let pay = |_: &Account| Ok::<_, Infallible>(PaidIn { cents: round * 100 });
            last = accounts.execute(&id.to_owned(), pay).await.expect("stored").position();
        }
        if round == 3 {
            while store.stats().snapshot_writes < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
    let write = |_: &Note| Ok::<_, Infallible>(Written { text: "hello".into() });
    store.repository::<Note>().execute(&"n".into(), write).await.expect("stored");
    balances.at_least(last.expect("a position"), Duration::from_secs(5)).await.expect("handled");
    balances.stop().await;
    place
}

fn whole(store: &Store) -> Audit {
    store.audit().aggregate::<Account>().aggregate::<Note>().read_model(Balances)
}

async fn run(audit: Audit) -> (AuditSummary, Vec<Finding>, Vec<StreamState>) {
    let (mut findings, mut states, mut fractions) = (Vec::new(), Vec::new(), Vec::new());
    let summary = audit.run(|seen| match seen {
        Seen::Finding(finding) => findings.push(finding),
        Seen::State(state) => states.push(state),
        Seen::Progress(progress) => fractions.push((progress.projection, progress.fraction)),
        _ => {}
    });
    let summary = summary.await.expect("it runs");
    assert_eq!(summary.findings, findings.len() as u64);
    let mut of_log = fractions.iter().filter(|(projection, _)| projection.is_none());
    assert_eq!(of_log.next_back(), Some(&(None, 1.0)));
    (summary, findings, states)
}

/// `stream`, version and the number of the commit in the log.
fn place_of(finding: &Finding) -> (&str, u64, u64) {
    (
        finding.stream.as_ref().map_or("", |stream| stream.as_str()),
        finding.version.map_or(0, Version::get),
        finding.position.map_or(0, Position::commit),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_sound_store_nothing_is_found() {
    let place = filled().await;
    let (summary, findings, _) = run(whole(&place.open().await)).await;
    assert_eq!(findings, []);
    assert_eq!((summary.events, summary.streams, summary.snapshots), (11, 3, 2));
    assert_eq!((summary.read_models, summary.skipped), (vec!["balances"], vec![]));
    assert_eq!(place.tables(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_damage_is_found_where_it_is() {
    let place = filled().await;
    // Positions are 1, 3, 5 for `a`, which is stream 1, and 2, 4, 6 for `b`.
    place.sql(
        "UPDATE es_event SET payload = CAST('{\"cents\": \"many\"}' AS BLOB) WHERE position = 3;
         INSERT INTO es_name (name) VALUES ('account.renamed');
         UPDATE es_event SET name = (SELECT id FROM es_name WHERE name = 'account.renamed') WHERE position = 8;
         UPDATE es_snapshot SET state = CAST('{\"cents\":777,\"is_closed\":false}' AS BLOB)
             WHERE stream = (SELECT id FROM es_stream WHERE key = 'b');",
    );
    // What does not decode is found behind it as well.
    place.sql("UPDATE es_event SET schema_version = 9 WHERE position = 9");
    let store = place.open().await;
    let audit = store.audit().aggregate::<Account>().aggregate::<Note>();
    let (summary, findings, _) = run(audit).await;
    let places: Vec<_> = findings.iter().map(place_of).collect();
    assert_eq!(places, [("account/a", 2, 3), ("account/a", 5, 9), ("account/b", 3, 6), ("account/b", 4, 8)]);
    assert!(matches!(&findings[0].fault, Fault::Unreadable { name, .. } if name == "account.paid_in"));
    assert!(matches!(&findings[1].fault, Fault::Unreadable { error, .. } if error.contains('9')));
    let (kept, folded) =
        (json!({ "cents": 777, "is_closed": false }), json!({ "cents": 600, "is_closed": false }));
    assert_eq!(findings[2].fault, Fault::Snapshot { kept, folded });
    assert_eq!(findings[3].fault, Fault::UnknownEvent { name: "account.renamed".into() });
    assert_eq!(
        findings[3].to_string(),
        "account/b version 4 at 8.0: this program does not know the event `account.renamed`"
    );
    assert_eq!((summary.events, summary.streams), (11, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_is_a_finding_and_no_panic() {
    let place = filled().await;
    place.sql("UPDATE es_event SET payload = CAST('{\"cents\": 1000000}' AS BLOB) WHERE position = 1");
    let (_, findings, _) = run(place.open().await.audit().aggregate::<Account>().aggregate::<Note>()).await;
    assert_eq!(findings.iter().map(place_of).collect::<Vec<_>>(), [("account/a", 1, 1)]);
    assert!(matches!(&findings[0].fault, Fault::Panicked { text, .. } if text == "nobody has so much"));
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_of_other_programs_are_counted_and_not_believed() {
    let place = filled().await;
    place.sql("UPDATE es_snapshot SET fingerprint = 1, state = CAST('nonsense' AS BLOB) WHERE stream = 1");
    let (summary, findings, _) = run(whole(&place.open().await)).await;
    assert_eq!(findings, []);
    assert_eq!((summary.snapshots, summary.other_snapshots), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_read_is_found() {
    let place = filled().await;
    place.sql("UPDATE es_snapshot SET state = CAST('nonsense' AS BLOB) WHERE stream = 1");
    let (_, findings, _) = run(whole(&place.open().await)).await;
    assert_eq!(findings.iter().map(place_of).collect::<Vec<_>>(), [("account/a", 3, 5)]);
    assert!(matches!(findings[0].fault, Fault::UnreadableSnapshot(_)), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_changed_by_hand_are_shown() {
    let place = filled().await;
    // One that is another, one that is too many, and one of two that are the same.
    place.sql(
        "UPDATE balances_1_accounts SET cents = 7 WHERE id = 'a';
         INSERT INTO balances_1_accounts VALUES ('z', 1);
         DELETE FROM balances_1_log WHERE rowid = 1;",
    );
    let (_, findings, _) = run(whole(&place.open().await)).await;
    let rows = |table: &str, extra, missing, rows: &[&str]| Fault::Rows {
        projection: "balances",
        table: table.into(),
        extra,
        missing,
        rows: rows.iter().map(|row| (*row).to_owned()).collect(),
    };
    let faults: Vec<_> = findings.iter().map(|finding| finding.fault.clone()).collect();
    let accounts = ["- id=\"a\" cents=7", "- id=\"z\" cents=1", "+ id=\"a\" cents=1500"];
    assert_eq!(faults, [rows("accounts", 2, 1, &accounts), rows("log", 0, 1, &[])]);
    assert!(findings.iter().all(|finding| finding.position.is_some_and(|position| position.commit() >= 10)));
    assert_eq!(place.tables(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_audit_left_behind_is_in_nobodys_way() {
    let place = filled().await;
    place.sql(
        "CREATE TABLE balances_0_accounts (other TEXT);
         CREATE TABLE balances_0_log (cents BIGINT NOT NULL); INSERT INTO balances_0_log VALUES (1);",
    );
    let (_, findings, _) = run(whole(&place.open().await)).await;
    assert_eq!(findings, []);
    assert_eq!(place.tables(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_is_compared_while_it_goes_on() {
    let place = filled().await;
    let store = place.open().await;
    let balances = store.projection(Balances).start().await.expect("started");
    let writing = tokio::spawn({
        let accounts = store.repository::<Account>();
        async move {
            for n in 0..10_000_u64 {
                let pay = |_: &Account| Ok::<_, Infallible>(PaidIn { cents: 1 });
                accounts.execute(&format!("w-{}", n % 7), pay).await.expect("stored");
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
    });
    for _ in 0..3 {
        let (summary, findings, _) = run(whole(&store)).await;
        assert_eq!(findings, []);
        assert_eq!(summary.read_models, ["balances"]);
    }
    writing.abort();
    balances.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_unknown_aggregates_are_named_once() {
    let place = filled().await;
    let store = place.open().await;
    let (summary, findings, _) = run(store.audit().aggregate::<Note>()).await;
    assert_eq!(findings.iter().map(place_of).collect::<Vec<_>>(), [("account/a", 1, 1)]);
    assert_eq!(findings[0].fault, Fault::UnknownCategory);
    assert_eq!(summary.events, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_lost_its_first_event_is_noticed() {
    let place = filled().await;
    place.sql("PRAGMA foreign_keys = OFF; DELETE FROM es_event WHERE position = 1");
    let (_, findings, _) = run(place.open().await.audit().aggregate::<Account>().aggregate::<Note>()).await;
    assert_eq!(findings.iter().map(|finding| finding.fault.clone()).collect::<Vec<_>>(), [Fault::Lost(4)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_that_fold_differently_are_told_apart() {
    let place = filled().await;
    let store = place.open().await;
    let (_, _, states) = run(whole(&store).show_states()).await;
    // A note has none that anybody could write.
    let names: Vec<_> = states.iter().map(|state| (state.stream.as_str(), state.version.get())).collect();
    assert_eq!(names, [("account/a", 5), ("account/b", 5)]);
    assert_eq!(states[0].state, json!({ "cents": 1500, "is_closed": false }));
    let line = serde_json::to_string(&states[0]).expect("JSON");
    assert_eq!(line, r#"{"stream":"account/a","version":5,"state":{"cents":1500,"is_closed":false}}"#);

    let same = |store: &Store| store.audit().aggregate::<Account>().aggregate::<Note>();
    let (summary, findings, _) = run(same(&store).against(states.clone())).await;
    assert_eq!((findings, summary.compared, summary.new_streams), (vec![], 2, 1));

    let longer = StreamState { version: Version::new(7), ..states[0].clone() };
    let (_, findings, _) = run(same(&store).against([longer])).await;
    assert_eq!(findings.iter().map(place_of).collect::<Vec<_>>(), [("account/a", 7, 0)]);
    assert_eq!(findings[0].fault, Fault::Shorter { events: 5 });

    // The store goes on: what is compared is as it was.
    let accounts = store.repository::<Account>();
    for id in ["a", "c"] {
        let close = |_: &Account| Ok::<_, Infallible>(Closed {});
        accounts.execute(&id.to_owned(), close).await.expect("stored");
    }
    let next = store.audit().aggregate_with_states::<next::Account>().aggregate::<Note>();
    let (summary, findings, _) = run(next.against(states)).await;
    assert_eq!(
        findings.iter().map(place_of).collect::<Vec<_>>(),
        [("account/a", 5, 9), ("account/b", 5, 10)]
    );
    let (before, now) =
        (json!({ "cents": 1500, "is_closed": false }), json!({ "cents": 1000, "is_closed": false }));
    assert_eq!(findings[0].fault, Fault::State { before, now });
    assert_eq!((summary.compared, summary.new_streams), (2, 2));
}

#[tokio::test]
async fn states_of_another_log_are_not_passed_over() {
    let store = Store::new(Memory::new());
    let pay = |_: &Account| Ok::<_, Infallible>(PaidIn { cents: 1 });
    store.repository::<Account>().execute(&"a".into(), pay).await.expect("stored");
    let state = |key: &str| StreamState {
        stream: format!("account/{key}").parse().expect("a name"),
        version: Version::new(1),
        state: json!({ "cents": 1, "is_closed": false }),
    };
    let audit = store.audit().aggregate::<Account>().against([state("other"), state("a")]);
    let (summary, findings, _) = run(audit).await;
    assert_eq!(findings.iter().map(place_of).collect::<Vec<_>>(), [("account/other", 1, 0)]);
    assert_eq!((&findings[0].fault, summary.compared), (&Fault::NoSuchStream, 0));
}

#[tokio::test]
async fn many_findings_of_one_stream_are_counted() {
    let store = Store::new(Memory::new());
    let notes = store.repository::<Note>();
    for _ in 0..250 {
        let write = |_: &Note| Ok::<_, Infallible>(Written { text: String::new() });
        notes.execute(&"n".into(), write).await.expect("stored");
    }
    // Another program, which knows no such event.
    #[derive(Aggregate, Default)]
    #[aggregate("note", id = String, events(PaidIn))]
    struct Other {}
    impl Apply<PaidIn> for Other {
        fn apply(&mut self, _: &PaidIn) {}
    }
    let (_, findings, _) = run(store.audit().aggregate::<Other>()).await;
    assert_eq!(findings.len(), 101);
    assert_eq!(findings[100].fault, Fault::More(150));
}
