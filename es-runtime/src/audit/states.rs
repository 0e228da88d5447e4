//! States of streams, as one program tells them and another compares them.

use crate::name::StreamName;
use crate::position::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The state that a stream adds up to. Written as JSON it is one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamState {
    /// The stream.
    pub stream: StreamName,
    /// How many events were folded.
    pub version: Version,
    /// What became of the aggregate by them.
    pub state: Value,
}

/// Whether two states are the same, whatever the order of what is in their lists: a set is written in another order
/// each time.
pub(super) fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| is_same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && (a == b || sorted(a) == sorted(b)),
        (a, b) => a == b,
    }
}

fn sorted(items: &[Value]) -> Vec<String> {
    let mut items: Vec<String> = items.iter().map(text).collect();
    items.sort_unstable();
    items
}

/// The same for two values that are the same.
fn text(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", sorted(items).join(",")),
        Value::Object(fields) => {
            let mut fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name:?}:{}", text(value))).collect();
            fields.sort_unstable();
            format!("{{{}}}", fields.join(","))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_the_same_in_any_order() {
        assert!(is_same(
            &json!({ "a": [1, { "b": [2, 3] }], "c": null }),
            &json!({ "c": null, "a": [{ "b": [3, 2] }, 1] })
        ));
        for other in [json!([1, 2]), json!([1, 1, 2]), json!([1, 2, 3]), json!(["1", 2, 2])] {
            assert!(!is_same(&json!([1, 2, 2]), &other), "{other}");
        }
        assert!(!is_same(&json!({ "a": 1 }), &json!({ "a": 1, "b": 1 })));
    }
}
