//! The same program on a PostgreSQL server: only the URL is another.
#![allow(missing_docs)]

mod common;

use common::*;
use serde_json::Value;
use servers::postgres::Server;
use std::thread::sleep;
use std::time::Duration;

/// What a summary says that is the same on every store.
fn comparable(mut summary: Value) -> Value {
    let keys = summary.as_object_mut().expect("an object");
    for key in ["seconds", "events_per_second", "conflicts_retried"] {
        assert!(keys.remove(key).is_some(), "{key}");
    }
    summary
}

#[test]
fn an_import_leaves_what_it_leaves_in_a_file() {
    let folder = Folder::new();
    folder.write("orders.jsonl", format!("{ORDERS}{}", many_orders(40)));
    let url = Server::shared().new_database();
    for concurrency in [1, 16] {
        let (file, schema) = (format!("{concurrency}.db"), format!("{url}?schema=at_{concurrency}"));
        let import = format!("import orders.jsonl --concurrency {concurrency} --store");
        let on_file = folder.json(&format!("{import} sqlite:{file}"));
        let on_server = folder.json(&format!("{import} {schema}"));
        assert_eq!(comparable(on_server), comparable(on_file));
        for question in ["stats", "list"] {
            let ask = |store: &str| folder.ok(&format!("{question} --store {store}"));
            assert_eq!(ask(&schema), ask(&format!("sqlite:{file}")));
        }
        assert_eq!(events_of(&schema), folder.events(&file));
    }
}

#[test]
fn an_import_that_was_killed_goes_on() {
    let folder = Folder::new();
    folder.write("orders.jsonl", many_orders(200));
    let url = Server::shared().new_database();
    let undisturbed = format!("{url}?schema=undisturbed");
    folder.ok(&format!("import orders.jsonl --store {undisturbed}"));

    let killed = format!("{url}?schema=killed");
    let import = format!("import orders.jsonl --concurrency 16 --store {killed}");
    let mut kills = 0;
    for millis in [60, 120, 240] {
        let mut child = folder.command(&import).spawn().expect("it starts");
        sleep(Duration::from_millis(millis));
        kills += u32::from(child.try_wait().expect("a child").is_none());
        child.kill().expect("a child");
        child.wait().expect("a child");
    }
    assert!(kills > 0, "each import was over before it was killed");
    folder.ok(&import);
    assert_eq!(events_of(&killed), events_of(&undisturbed));
}

#[test]
fn a_server_that_is_not_there_is_one_line_without_the_password() {
    let folder = Folder::new();
    let said = folder.run("stats --store postgres://ada:hunter2@127.0.0.1:1/shop");
    assert_ne!(said.status, 0);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    assert!(said.err.contains("127.0.0.1:1") && !said.err.contains("hunter2"), "{}", said.err);
}
