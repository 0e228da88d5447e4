//! JSON that is the same whatever the features of `serde_json` are.

use serde_json::Value;
use std::fmt;

/// A value whose objects have their names in order.
pub(super) struct Document(Value);

impl Document {
    pub(super) fn sorted(value: Value) -> Self {
        Self(sorted(value))
    }
}

fn sorted(value: Value) -> Value {
    match value {
        // With `preserve_order`, which any crate of the program may switch on, they stay as they were put in.
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(fields.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// With a line for each part, and one that ends the last.
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#}", self.0)
    }
}

/// With a line for each part.
pub(super) fn lines(value: &Value) -> String {
    format!("{:#}", sorted(value.clone()))
}
