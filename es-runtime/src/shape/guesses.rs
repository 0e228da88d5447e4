//! Values that types like to see.

use super::Kind;
use serde_json::{Value, json};

/// What to offer to a type that asks for `kind`, the most likely first.
pub(crate) fn guesses(kind: Kind) -> Vec<Value> {
    match kind {
        Kind::Bool => vec![json!(false), json!(true)],
        Kind::Int(..) | Kind::Wide { .. } => [0, 1, 2, 10, 100, 1000, 1_600_000_000].map(|n| json!(n)).into(),
        Kind::Float32 | Kind::Float64 => [0.0, 1.0, 0.5, 10.0, 100.0].map(|n| json!(n)).into(),
        Kind::Char => ["a", "A", "0"].map(|text| json!(text)).into(),
        Kind::Bytes => vec![json!([]), json!([0]), json!(vec![0; 16]), json!(vec![0; 32])],
        Kind::Text => TEXTS.map(|text| json!(text)).into(),
        Kind::Any => {
            let others = [json!(null), json!({}), json!([]), json!(0), json!(0.5), json!(false)];
            others.into_iter().chain(TEXTS.map(|text| json!(text))).collect()
        }
    }
}

const TEXTS: [&str; 22] = [
    "",
    "a",
    "abc",
    "A",
    "ABC",
    "0",
    "1",
    "12.50",
    "00000000-0000-4000-8000-000000000000",
    "2020-01-01T00:00:00Z",
    "2020-01-01T00:00:00",
    "2020-01-01",
    "00:00:00",
    "1s",
    "PT1S",
    "EUR",
    "en",
    "ada@example.com",
    "https://example.com/",
    "127.0.0.1",
    "1.0.0",
    "+10000000000",
];

/// What shows whether every value of `kind` is taken: modest ones, and any.
pub(super) fn probes(kind: Kind) -> (Vec<Value>, Vec<Value>) {
    match kind {
        Kind::Bool => (vec![json!(false), json!(true)], vec![]),
        Kind::Int(min, max) => {
            let low = (-10).max(min);
            (vec![json!(low), json!(0), json!(7), json!(10)], vec![json!(min), json!(max)])
        }
        Kind::Wide { is_signed: true } => probes(Kind::Int(i64::MIN, i64::MAX as u64)),
        Kind::Wide { is_signed: false } => probes(Kind::Int(0, u64::MAX)),
        Kind::Float32 => (vec![json!(0.1), json!(-7.5)], vec![json!(f32::MAX), json!(f32::MIN_POSITIVE)]),
        Kind::Float64 => (vec![json!(0.1), json!(-7.5)], vec![json!(f64::MAX), json!(f64::MIN_POSITIVE)]),
        Kind::Char => (vec![json!("z"), json!("é")], vec![json!("\u{0}"), json!("🂡")]),
        Kind::Text => {
            (vec![json!("zz y"), json!("é7")], vec![json!("\u{0}\n\"\\ 🂡"), json!("x".repeat(300))])
        }
        Kind::Bytes => (vec![json!([1, 2, 3])], vec![json!([]), json!(vec![255; 300])]),
        // Not even its kind is known.
        Kind::Any => (vec![], vec![]),
    }
}
