//! What the tests share: the real program, run in a folder of its own.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses a part of it")]

pub mod http;
pub mod services;

use es_runtime::{Cursor, Filter, Limit, Recorded, Store};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A small file with every command, every event and every refusal. Counted by another program.
pub const ORDERS: &str = include_str!("../orders.jsonl");

/// A folder with the program in it.
pub struct Folder(TempDir);

/// What the program said.
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("writable");
    }

    pub fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_order"));
        command.args(args.split_whitespace()).current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &str) -> Said {
        self.command(args).output().expect("it runs").into()
    }

    /// Runs it where it must go well.
    pub fn ok(&self, args: &str) -> String {
        let said = self.run(args);
        assert_eq!(said.status, 0, "order {args}: {}", said.err);
        assert_eq!(said.err, "");
        said.out
    }

    pub fn json(&self, args: &str) -> Value {
        serde_json::from_str(&self.ok(args)).expect("JSON")
    }

    /// Every event of a store, by stream. The order between streams is chance, and so is the time of recording.
    pub fn events(&self, store: &str) -> BTreeMap<String, Vec<String>> {
        events_of(&format!("sqlite:{}", self.path(store).display()))
    }
}

/// Every event of the store at `url`, by stream.
pub fn events_of(url: &str) -> BTreeMap<String, Vec<String>> {
    let mut streams = BTreeMap::<_, Vec<String>>::new();
    for event in log(url) {
        let stream = streams.entry(event.stream().to_string()).or_default();
        assert_eq!(event.version().get(), stream.len() as u64 + 1, "versions are dense");
        stream.push(format!(
            "{} {} {} {:?} {:?} {:?}",
            event.id(),
            event.name(),
            event.occurred_at(),
            event.commit(),
            event.metadata(),
            event.event(),
        ));
    }
    streams
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert!(!err.contains("panicked"), "{err}");
        Self { status: output.status.code().unwrap_or(-1), out, err }
    }
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("JSON")
    }
}

#[tokio::main(flavor = "current_thread")]
pub async fn log(url: &str) -> Vec<Recorded> {
    let store = Store::connect(url).await.expect("a store");
    let (mut events, mut cursor) = (Vec::new(), Cursor::start());
    loop {
        let page = store.read_all(&cursor, &Filter::all(), Limit::default()).await.expect("readable");
        events.extend(page.events);
        if page.is_end {
            return events;
        }
        cursor = page.next;
    }
}

/// The first `count` lines of a text.
pub fn first_lines(text: &str, count: usize) -> String {
    text.split_inclusive('\n').take(count).collect()
}

/// Many orders at once, each with a few commands, some of which are refused at first.
pub fn many_orders(orders: u32) -> String {
    let mut text = String::new();
    let steps = [
        r#""ship""#,
        r#""place", "customer": "ada", "lines": [{"sku": "cup", "quantity": 2, "unit_price_cents": 500}], "freight_cents": 0"#,
        r#""pay", "amount_cents": 400, "method": "voucher""#,
        r#""ship""#,
        r#""pay", "amount_cents": 600, "method": "card""#,
        r#""ship""#,
        r#""cancel", "reason": "too late""#,
        r#""deliver""#,
    ];
    // Orders start one after the other, and are worked on in turn.
    for round in 0..orders + steps.len() as u32 {
        for (order, step) in (0..=round).rev().zip(steps).filter(|(order, _)| *order < orders) {
            let _ = writeln!(
                text,
                r#"{{"at": "2020-01-01T00:00:00Z", "order": "o-{order}", "command": {step}}}"#
            );
        }
    }
    text
}
