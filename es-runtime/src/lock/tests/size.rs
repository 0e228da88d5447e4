//! How long a large lock takes.

use crate::event::{Event, Genesis, Hop, from_nothing};
use crate::lock::Mode;
use crate::lock::check::check_code;
use crate::lock::made::Code;
use crate::registry::EventEntry;
use crate::schema::Origin;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Instant;

/// One of many events that have the same shape, and names of their own.
#[derive(Serialize, Deserialize)]
struct Numbered<const N: usize> {
    customer: String,
    lines: Vec<Line>,
    payment: Payment,
    note: Option<String>,
    placed_at: crate::Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Line {
    sku: String,
    quantity: u32,
    unit_price_cents: u64,
}

#[derive(Serialize, Deserialize)]
enum Payment {
    Cash,
    Card { last_four: String },
    Transfer(String),
}

impl<const N: usize> Numbered<N> {
    const BYTES: [u8; 9] = {
        let mut bytes = *b"event.000";
        bytes[6] += (N / 100) as u8;
        bytes[7] += (N / 10 % 10) as u8;
        bytes[8] += (N % 10) as u8;
        bytes
    };
}

impl<const N: usize> Event for Numbered<N> {
    const NAME: &'static str = match core::str::from_utf8(&Self::BYTES) {
        Ok(name) => name,
        Err(_) => panic!("digits"),
    };
    const ORIGIN: Origin = Origin::new("Numbered", module_path!(), file!(), line!());
    type Previous = Genesis;
    const UPCAST: Hop<Genesis, Self> = from_nothing;
}

macro_rules! each {
    ($all:ident: $($hundreds:literal)*; $tens:tt $ones:tt) => { $(each!(@ $all $hundreds $tens $ones);)* };
    (@ $all:ident $hundreds:literal [$($tens:literal)*] $ones:tt) => { $(each!(@@ $all $hundreds $tens $ones);)* };
    (@@ $all:ident $hundreds:literal $tens:literal [$($ones:literal)*]) => {
        $($all.push(EventEntry::of::<Numbered<{ $hundreds * 100 + $tens * 10 + $ones }>>(""));)*
    };
}

/// `cargo test --all-features --lib -- --ignored --nocapture a_lock_of_500_events`; at most 2 s are wished, in a
/// build without optimizations.
#[test]
#[ignore = "measures, and asserts nothing"]
#[allow(clippy::print_stdout, reason = "to be read")]
fn a_lock_of_500_events() {
    let mut events = Vec::new();
    each!(events: 0 1 2 3 4; [0 1 2 3 4 5 6 7 8 9] [0 1 2 3 4 5 6 7 8 9]);
    let code = Code {
        events: events.iter().map(|event| (event.schema().name(), event)).collect::<BTreeMap<_, _>>(),
        aggregates: Vec::new(),
        followers: Vec::new(),
        samples: &[],
    };
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("events.lock");
    assert!(check_code(&code, &path, &Mode::Accept).is_ok());
    let size = std::fs::metadata(&path).expect("it is there").len();
    for _ in 0..5 {
        let begin = Instant::now();
        let report = check_code(&code, &path, &Mode::Check).expect("it is recorded");
        println!("{} events, {size} bytes: {:?}", events.len(), begin.elapsed());
        assert!(report.findings.is_empty());
    }
}
