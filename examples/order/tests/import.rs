//! The import: what it counts, what it leaves in the store, and what it does not do twice.
#![allow(missing_docs)]

mod common;

use common::*;
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;

fn without_speed(mut summary: Value) -> Value {
    let keys = summary.as_object_mut().expect("an object");
    assert!(keys.remove("seconds").is_some_and(|seconds| seconds.is_f64()));
    assert!(keys.remove("events_per_second").is_some_and(|speed| speed.is_f64()));
    summary
}

#[test]
fn it_counts_what_came_of_the_lines() {
    let folder = Folder::new();
    folder.write("orders.jsonl", ORDERS);
    let expected = json!({
        "accepted": 46,
        "refused": {
            "already_placed": 25, "no_lines": 3, "invalid_amount": 4, "not_placed": 1, "cancelled": 7,
            "already_paid": 19, "overpaid": 1, "not_paid": 15, "already_shipped": 5, "already_delivered": 3,
            "not_shipped": 20, "already_cancelled": 1,
        },
        "conflicts_retried": 0,
        "events": {
            "order.placed": 16, "order.payment_received": 17, "order.paid": 12, "order.shipped": 7,
            "order.delivered": 4, "order.cancelled": 2,
        },
        "orders": 16,
        "done_before": 0,
        "bad_lines": 0,
        "changed_lines": 0,
    });
    assert_eq!(without_speed(folder.json("import orders.jsonl")), expected);
    let statuses = json!({ "placed": 2, "paid": 5, "shipped": 3, "delivered": 4, "cancelled": 2 });
    let stats = json!({ "orders": 16, "by_status": statuses, "paid_cents": 50207 });
    assert_eq!(folder.json("stats"), stats);
}

#[test]
fn an_import_is_done_once() {
    let folder = Folder::new();
    folder.write("orders.jsonl", ORDERS);
    folder.ok("import orders.jsonl");
    let events = folder.events("orders.db");

    let again = folder.json("import orders.jsonl");
    assert_eq!((&again["accepted"], &again["events"], &again["orders"]), (&json!(0), &json!({}), &json!(16)));
    let refused: u64 =
        again["refused"].as_object().expect("an object").values().filter_map(Value::as_u64).sum();
    assert_eq!(again["done_before"].as_u64(), Some(150 - refused));
    assert_eq!(folder.events("orders.db"), events);
}

#[test]
fn the_store_is_the_same_at_any_concurrency() {
    let folder = Folder::new();
    folder.write("orders.jsonl", many_orders(40));
    for (concurrency, store) in [(1, "1.db"), (16, "16.db"), (1000, "1000.db")] {
        folder.ok(&format!("import orders.jsonl --concurrency {concurrency} --store sqlite:{store}"));
        assert_eq!(folder.events(store), folder.events("1.db"));
    }
}

#[test]
fn a_refused_line_before_a_done_one_is_not_decided_again() {
    let folder = Folder::new();
    let line =
        |command| format!("{{\"at\":\"2020-01-01T00:00:00Z\",\"order\":\"o-1\",\"command\":{command}}}\n");
    let place = line(
        r#""place","customer":"ada","lines":[{"sku":"cup","quantity":1,"unit_price_cents":500}],"freight_cents":0"#,
    );
    let pay = line(r#""pay","amount_cents":500,"method":"card""#);
    let ship = line(r#""ship""#);
    folder.write("orders.jsonl", format!("{place}{ship}{pay}"));
    assert_eq!(folder.json("import orders.jsonl")["refused"], json!({ "not_paid": 1 }));

    let again = folder.json("import orders.jsonl");
    assert_eq!(
        (&again["done_before"], &again["accepted"], &again["refused"]),
        (&json!(3), &json!(0), &json!({}))
    );
    assert_eq!(folder.json("stats")["by_status"]["paid"], 1);

    // The same lines in an import of another name are other lines.
    let other = folder.json("import orders.jsonl --as another");
    assert_eq!((&other["done_before"], &other["accepted"]), (&json!(0), &json!(1)));
    assert_eq!(folder.json("stats")["by_status"]["shipped"], 1);
}

#[test]
fn a_file_that_grew_goes_on_where_it_ended() {
    let folder = Folder::new();
    folder.write("whole.jsonl", ORDERS);
    folder.ok("import whole.jsonl --store sqlite:whole.db --as orders.jsonl");
    // The last of the lines is cut in half.
    for bytes in [0, 700, ORDERS.len() / 2, ORDERS.len() - 7] {
        folder.write("orders.jsonl", &ORDERS.as_bytes()[..bytes]);
        let said = folder.run("import orders.jsonl");
        assert_eq!(said.status, i32::from(bytes > 0), "{}", said.err);
    }
    folder.write("orders.jsonl", ORDERS);
    folder.ok("import orders.jsonl");
    assert_eq!(folder.events("orders.db"), folder.events("whole.db"));
}

#[test]
fn a_line_that_changed_is_reported_and_left_out() {
    let folder = Folder::new();
    let text = many_orders(3);
    folder.write("orders.jsonl", &text);
    folder.ok("import orders.jsonl");
    let events = folder.events("orders.db");
    let placed = text.lines().position(|line| line.contains("place")).expect("one");

    for (from, to) in [("ada", "eve"), (r#""o-0""#, r#""o-7""#), ("cup", "mug"), ("2020", "2021")] {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines[placed] = lines[placed].replace(from, to);
        folder.write("orders.jsonl", lines.join("\n"));
        let said = folder.run("import orders.jsonl");
        assert_eq!(said.status, 1);
        assert_eq!(said.err, format!("line {} has changed since it was carried out\n", placed + 1));
        assert_eq!((&said.json()["changed_lines"], &said.json()["accepted"]), (&json!(1), &json!(0)));
        assert_eq!(folder.events("orders.db"), events);
    }
    // Another line ending is no change.
    folder.write("orders.jsonl", text.replace('\n', "\r\n"));
    assert_eq!(folder.json("import orders.jsonl")["changed_lines"], 0);
}

#[test]
fn a_bad_line_is_reported_and_left_out() {
    let pay = |fields: &str| {
        format!(r#"{{"at": "2020-01-01T00:00:00Z", "order": "o-1", "command": "pay", {fields}}}"#)
            .into_bytes()
    };
    let with_id = |id: &str| {
        format!(r#"{{"at": "2020-01-01T00:00:00Z", "order": {id}, "command": "ship"}}"#).into_bytes()
    };
    let bad: Vec<(Vec<u8>, &str)> = vec![
        (b"hello".into(), "expected value"),
        (b"{".into(), "EOF while parsing"),
        (b"{} {}".into(), "missing field `at`"),
        (b"[]".into(), "expected a command, which is a JSON object"),
        (b"null".into(), "expected a command, which is a JSON object"),
        (b"\xff\xfe".into(), "not UTF-8 (byte 1)"),
        (b"[".repeat(300), "expected a command"),
        (br#"{"at": "2020-01-01T00:00:00Z", "order": "o-1"}"#.into(), "missing field `command`"),
        (br#"{"at": "2020-01-01T00:00:00Z", "command": "ship"}"#.into(), "missing field `order`"),
        (br#"{"order": "o-1", "command": "ship"}"#.into(), "missing field `at`"),
        (br#"{"at": "yesterday", "order": "o-1", "command": "ship"}"#.into(), "`yesterday` is not a time"),
        (br#"{"at": "1969-12-31T23:59:59Z", "order": "o-1", "command": "ship"}"#.into(), "is not a time"),
        (
            br#"{"at": "2020-01-01T00:00:00Z", "order": "o-1", "command": "eat"}"#.into(),
            "unknown variant `eat`",
        ),
        (with_id("7"), "expected a string"),
        (with_id(r#""""#), "cannot be empty"),
        (with_id(r#""a\u0000b""#), "no control characters"),
        (with_id(&format!("\"{}\"", "x".repeat(256))), "at most 255 bytes"),
        (pay(r#""method": "card""#), "missing field `amount_cents`"),
        (pay(r#""amount_cents": 1"#), "missing field `method`"),
        (pay(r#""amount_cents": "1", "method": "card""#), "expected i64"),
        (pay(r#""amount_cents": 1.5, "method": "card""#), "expected i64"),
        (pay(r#""amount_cents": 9223372036854775808, "method": "card""#), "expected i64"),
        (pay(r#""amount_cents": 1e999, "method": "card""#), "number out of range"),
        (pay(r#""amount_cents": 1, "amount_cents": 2, "method": "card""#), "duplicate field"),
        (
            pay(&format!(r#""amount_cents": 1, "method": "{}""#, "x".repeat(300 << 10))),
            "more than 262144 bytes",
        ),
        (b" ".repeat(2 << 20), "more than 262144 bytes"),
    ];
    let folder = Folder::new();
    let good = many_orders(2);
    // A good line, a bad one, a blank one, a good one, and so on: what is good is carried out in order.
    let mut file = Vec::new();
    let mut good_lines = good.lines();
    for (line, _) in &bad {
        file.extend_from_slice(good_lines.next().unwrap_or_default().as_bytes());
        file.push(b'\n');
        file.extend_from_slice(line);
        file.extend_from_slice(b"\n \t\r\n");
    }
    folder.write("orders.jsonl", file);
    let said = folder.run("import orders.jsonl");
    assert_eq!(said.status, 1);
    let mut complaints = said.err.lines();
    for (index, (_, reason)) in bad.iter().enumerate() {
        let complaint = complaints.next().expect("one a line");
        assert!(complaint.starts_with(&format!("line {} is bad: ", 3 * index + 2)), "{complaint}");
        assert!(complaint.contains(reason), "{complaint} does not say: {reason}");
    }
    assert_eq!(complaints.next(), None);
    assert_eq!((&said.json()["bad_lines"], &said.json()["accepted"]), (&json!(bad.len()), &json!(10)));
    assert_eq!(folder.json("stats")["by_status"]["delivered"], 2);
}

#[test]
fn a_line_of_the_greatest_length_is_carried_out() {
    let folder = Folder::new();
    let line = |length: usize| {
        let fields = r#""at": "2020-01-01T00:00:00Z", "order": "o-1", "command": "ship", "note": """#;
        let rest = "x".repeat(length - fields.len() - 2);
        format!("{{{}{rest}\"}}", fields.strip_suffix('"').expect("a quote"))
    };
    for (end, name) in [("", "last"), ("\n", "unix"), ("\r\n", "windows")] {
        folder.write("orders.jsonl", format!("{}{end}", line(256 << 10)));
        let said = folder.run(&format!("import orders.jsonl --as {name}"));
        assert_eq!((said.status, &said.json()["refused"]), (0, &json!({ "not_placed": 1 })), "{}", said.err);
        folder.write("orders.jsonl", format!("{}{end}", line((256 << 10) + 1)));
        assert_eq!(folder.run(&format!("import orders.jsonl --as {name}")).json()["bad_lines"], 1);
    }
}

#[test]
fn standard_input_needs_a_name() {
    let folder = Folder::new();
    let nameless = folder.run("import -");
    assert_eq!(nameless.status, 2);
    assert!(nameless.err.contains("--as NAME"), "{}", nameless.err);

    let mut child =
        folder.command("import - --as orders.jsonl").stdin(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("piped").write_all(ORDERS.as_bytes()).expect("it reads");
    assert_eq!(Said::from(child.wait_with_output().expect("it ends")).json()["accepted"], 46);
    folder.write("orders.jsonl", ORDERS);
    assert_eq!(folder.json("import orders.jsonl")["accepted"], 0);
}

#[test]
fn an_order_may_be_paid_in_many_parts() {
    let folder = Folder::new();
    let line = |command: &str| {
        format!(r#"{{"at": "2020-01-01T00:00:00Z", "order": "o-1", "command": {command}}}"#) + "\n"
    };
    let lines = r#"[{"sku": "house", "quantity": 1, "unit_price_cents": 350}]"#;
    let place = line(&format!(r#""place", "customer": "ada", "lines": {lines}, "freight_cents": 0"#));
    let pay = line(r#""pay", "amount_cents": 1, "method": "cash""#);
    folder.write("orders.jsonl", place + &pay.repeat(351));

    let first = folder.json("import orders.jsonl --store sqlite:orders.db?durability=process-crash");
    assert_eq!(first["refused"], json!({ "already_paid": 1 }));
    let again = folder.json("import orders.jsonl");
    assert_eq!((&again["accepted"], &again["done_before"]), (&json!(0), &json!(351)));
    assert!(folder.ok("show o-1").contains("version  352\nstatus   paid\n"));
    assert!(folder.ok("show o-1 --at 300").contains("left     0.51\n"));
}

#[test]
fn two_processes_may_run_the_same_import() {
    let folder = Folder::new();
    folder.write("orders.jsonl", many_orders(60));
    folder.ok("import orders.jsonl --store sqlite:alone.db");
    for concurrency in [1, 8] {
        let store = format!("both-{concurrency}.db");
        let import = format!("import orders.jsonl --concurrency {concurrency} --store sqlite:{store}");
        let both: Vec<_> = (0..3).map(|_| folder.command(&import).spawn().expect("it runs")).collect();
        for child in both {
            let said = Said::from(child.wait_with_output().expect("it ends"));
            assert_eq!((said.status, &*said.err), (0, ""));
            assert_eq!(said.json()["changed_lines"], 0);
        }
        assert_eq!(folder.events(&store), folder.events("alone.db"));
    }
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let folder = Folder::new();
    folder.write("orders.jsonl", ORDERS);
    folder.write("not-a.db", "this is not a database, it only looks long enough to be one. ".repeat(40));
    let cases = [
        ("import missing.jsonl", "cannot read `missing.jsonl`: No such file"),
        ("import . --as folder", "cannot read `.`: is a directory"),
        ("import orders.jsonl --store nowhere:x", "`nowhere` is not the URL of a store"),
        ("import orders.jsonl --store sqlite:not-a.db", "not-a.db"),
        ("import orders.jsonl --store sqlite:no/such/folder/orders.db", "no/such/folder"),
        ("import orders.jsonl --store mongodb://localhost", "planned"),
        ("import orders.jsonl --concurrency 0", "0 is not in 1..=1024"),
        ("stats --store sqlite:not-a.db", "not-a.db"),
        ("list --store nowhere:x", "`nowhere` is not the URL of a store"),
        ("show o-1 --at 0", "0 is not in 1.."),
    ];
    for (args, sentence) in cases {
        let said = folder.run(args);
        assert_eq!((said.status, &*said.out), (2, ""), "order {args}: {}", said.err);
        assert!(said.err.contains(sentence), "order {args}: {}", said.err);
    }
    assert!(!folder.path("orders.db").exists(), "nothing was done, so there is no store");
}
