//! The read model over HTTP: asked once, and live.
#![allow(missing_docs)]

mod common;

use common::http::read_head;
use common::services::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::Command;

struct Shop {
    setup: Setup,
    order: Service,
    _folder: tempfile::TempDir,
}

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let setup = Setup::on_sqlite(folder.path());
        Self { order: setup.order(), setup, _folder: folder }
    }

    /// Where in the log it is.
    fn place(&self, order: &str) -> String {
        let placed = self.order.post("/orders", order, placement(order)).json();
        placed["position"].as_str().expect("a position").to_owned()
    }

    fn cancel(&self, order: &str) -> String {
        let path = format!("/orders/{order}/cancel");
        let cancelled = self.order.post(&path, &format!("cancel {order}"), json!({ "reason": "" })).json();
        cancelled["position"].as_str().expect("a position").to_owned()
    }

    fn today(&self) -> String {
        let first = common::log(&self.setup.store).first().expect("an event").recorded_at().to_string();
        first[..10].to_owned()
    }

    fn listen(&self, path: &str, last: Option<&str>) -> Live {
        let request = self.order.request("GET", path);
        let request = last.into_iter().fold(request, |request, last| request.header("Last-Event-ID", last));
        let mut stream = request.open().expect("a connection");
        let head = read_head(&mut stream).expect("an answer");
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        Live(stream)
    }
}

/// A stream of server-sent events, in chunks as HTTP/1.1 has them.
struct Live(BufReader<TcpStream>);

#[derive(Debug)]
struct Event {
    kind: String,
    id: Option<String>,
    rows: BTreeMap<String, i64>,
}

impl Live {
    /// The next event, or nothing where the stream has ended.
    fn next(&mut self) -> Option<Event> {
        let (mut fields, mut line) = (BTreeMap::new(), String::new());
        loop {
            line.clear();
            self.0.read_line(&mut line).expect("readable");
            if line.trim_end() == "0" || line.is_empty() {
                return None;
            }
            if let Some((name, value)) = line.trim_end().split_once(": ") {
                fields.insert(name.to_owned(), value.to_owned());
            }
            if line == "\n" && fields.contains_key("data") {
                let rows: Value = serde_json::from_str(&fields["data"]).expect("JSON");
                let rows = by_status(&rows);
                return Some(Event { kind: fields["event"].clone(), id: fields.get("id").cloned(), rows });
            }
        }
    }
}

fn by_status(rows: &Value) -> BTreeMap<String, i64> {
    let rows = rows.as_array().expect("rows").iter();
    let count = |row: &Value| {
        (row["status"].as_str().unwrap_or("?").to_owned(), row["orders"].as_i64().unwrap_or(-1))
    };
    rows.map(count).collect()
}

fn counts<const N: usize>(counts: [(&str, i64); N]) -> BTreeMap<String, i64> {
    counts.map(|(status, orders)| (status.to_owned(), orders)).into()
}

#[test]
fn whoever_has_written_reads_what_came_of_it() {
    let shop = Shop::open();
    for number in 0..20 {
        let order = format!("o-{number}");
        let mut position = shop.place(&order);
        if number % 4 == 0 {
            position = shop.cancel(&order);
        }
        let summary = shop.order.get(&format!("/summary?at_least={position}")).json();
        assert_eq!(summary["position"], json!(position));
        let (placed, cancelled) = (number + 1 - (number / 4 + 1), number / 4 + 1);
        assert_eq!(by_status(&summary["rows"]), counts([("placed", placed), ("cancelled", cancelled)]));
    }
    let rows = |query: &str| shop.order.get(&format!("/summary?{query}")).json()["rows"].clone();
    let today = shop.today();
    assert_eq!(rows("status=cancelled"), json!([{ "day": today, "status": "cancelled", "orders": 5 }]));
    assert_eq!(by_status(&rows(&format!("from={today}&to={today}"))).len(), 2);
    assert_eq!(rows("to=2000-01-01"), json!([]));
    assert_eq!(rows("from=2999-01-01"), json!([]));
}

#[test]
fn it_is_built_anew_while_it_is_read() {
    let shop = Shop::open();
    let places: Vec<String> = (0..10).map(|number| shop.place(&format!("o-{number}"))).collect();
    let last = places.last().expect("an order");
    assert_eq!(shop.order.get(&format!("/summary?at_least={last}")).status, 200);

    let mut rebuild = Command::new(env!("CARGO_BIN_EXE_order"));
    let said = rebuild.args(["rebuild", "--store", &shop.setup.store]).output().expect("it runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said, "build 2 of orders-by-day is in place: 10 events; 1 old ones dropped\n");

    let last = shop.place("o-10");
    let summary = shop.order.get(&format!("/summary?at_least={last}")).json();
    assert_eq!(by_status(&summary["rows"]), counts([("placed", 11)]));
}

#[test]
fn what_cannot_be_asked_is_a_problem() {
    let shop = Shop::open();
    for path in ["/summary", "/summary/live"] {
        for query in ["from=yesterday", "to=2026-02-30", "status=lost"] {
            assert_eq!(shop.order.get(&format!("{path}?{query}")).problem(400), "invalid-query", "{query}");
        }
    }
    assert_eq!(shop.order.get("/summary?at_least=7").problem(400), "invalid-query");
    let future = shop.order.get("/summary?at_least=999999999.0");
    assert_eq!((future.problem(503), future.header("retry-after")), ("not-there-yet".into(), Some("1")));
}

#[test]
fn who_listens_sees_everything_first_and_then_what_changes() {
    let shop = Shop::open();
    let mut early = shop.listen("/summary/live", None);
    let nothing = early.next().expect("a snapshot");
    assert_eq!((&*nothing.kind, nothing.id, nothing.rows), ("snapshot", None, counts([])));
    let first = shop.place("o-1");
    let change = early.next().expect("a change");
    assert_eq!((&*change.kind, change.id.as_deref()), ("change", Some(&*first)));
    assert_eq!(change.rows, counts([("placed", 1)]));

    let mut live = shop.listen("/summary/live", None);
    let snapshot = live.next().expect("a snapshot");
    assert_eq!((&*snapshot.kind, snapshot.id.as_deref()), ("snapshot", Some(&*first)));
    let cancelled = shop.cancel("o-1");
    for listener in [&mut live, &mut early] {
        let change = listener.next().expect("a change");
        assert_eq!(change.rows, counts([("placed", 0), ("cancelled", 1)]));
        assert_eq!(change.id.as_deref(), Some(&*cancelled));
    }

    let mut filtered = shop.listen("/summary/live?status=placed", None);
    assert_eq!(filtered.next().expect("a snapshot").rows, counts([("placed", 0)]));
    shop.place("o-2");
    assert_eq!(filtered.next().expect("a change").rows, counts([("placed", 1)]));
}

#[test]
fn who_comes_back_gets_what_was_missed() {
    let mut shop = Shop::open();
    let first = shop.place("o-1");
    shop.order.get(&format!("/summary?at_least={first}"));
    let mut live = shop.listen("/summary/live", None);
    assert_eq!(live.next().expect("a snapshot").id, Some(first.clone()));
    drop(live);
    let last = shop.place("o-2");
    shop.order.kill();
    shop.order = shop.setup.order();
    shop.order.get(&format!("/summary?at_least={last}"));

    let mut back = shop.listen("/summary/live", Some(&first));
    let change = back.next().expect("a change");
    assert_eq!((&*change.kind, change.rows), ("change", counts([("placed", 2)])));
    // Who has missed nothing gets nothing until there is something.
    let mut current = shop.listen("/summary/live", Some(&last));
    shop.cancel("o-2");
    let change = current.next().expect("a change");
    assert_eq!((&*change.kind, change.rows), ("change", counts([("placed", 1), ("cancelled", 1)])));
    // What is not of this log is not gone on from.
    for strange in ["999999999.0", "nonsense"] {
        assert_eq!(shop.listen("/summary/live", Some(strange)).next().expect("a snapshot").kind, "snapshot");
    }
}

#[test]
fn a_stream_ends_when_the_program_is_told_to() {
    let shop = Shop::open();
    let mut live = shop.listen("/summary/live", None);
    live.next().expect("a snapshot");
    assert_eq!(shop.order.stop(), Some(0));
    assert!(live.next().is_none());
}
