//! JSON to be looked at: fields in the order they were written in, numbers as they were written.

use crate::format::Encoded;
use serde::de::IgnoredAny;
use std::fmt::{self, Write};
use std::iter::Peekable;
use std::str::Chars;

/// A payload. Objects are the same whatever the order of their fields, as a map has none to keep.
#[derive(Debug, Clone)]
pub(super) enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    /// Everything else, as it was written: no number loses a digit.
    Scalar(String),
}

impl Json {
    /// Of a payload that is stored as JSON.
    pub(super) fn of(payload: &Encoded) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<IgnoredAny>(payload.bytes())?;
        Ok(Self::parse(&mut String::from_utf8_lossy(payload.bytes()).chars().peekable()))
    }

    /// The reader of valid JSON: it does not look for mistakes.
    fn parse(text: &mut Peekable<Chars<'_>>) -> Self {
        match next(text) {
            Some('{') => Self::Object(items(text, '}', |text| {
                let name = scalar(text);
                next(text);
                text.next(); // The colon.
                (name, Self::parse(text))
            })),
            Some('[') => Self::Array(items(text, ']', Self::parse)),
            _ => Self::Scalar(scalar(text)),
        }
    }

    /// Over several lines, a field on each.
    pub(super) fn pretty(&self) -> String {
        let mut text = String::new();
        self.write_pretty(&mut text, 0);
        text
    }

    fn write_pretty(&self, text: &mut String, level: usize) {
        match self {
            Self::Object(fields) if !fields.is_empty() => {
                block(text, level, "{}", fields, |text, (name, value)| {
                    text.push_str(name);
                    text.push_str(": ");
                    value.write_pretty(text, level + 1);
                })
            }
            Self::Array(items) if !items.is_empty() => {
                block(text, level, "[]", items, |text, item| item.write_pretty(text, level + 1));
            }
            other => {
                let _ = write!(text, "{other}");
            }
        }
    }
}

fn block<T>(text: &mut String, level: usize, ends: &str, items: &[T], item: impl Fn(&mut String, &T)) {
    let (start, end) = ends.split_at(1);
    text.push_str(start);
    for (i, each) in items.iter().enumerate() {
        let _ = write!(text, "{}\n{:indent$}", if i > 0 { "," } else { "" }, "", indent = 2 * level + 2);
        item(text, each);
    }
    let _ = write!(text, "\n{:indent$}{end}", "", indent = 2 * level);
}

/// The next character that is not blank.
fn next(text: &mut Peekable<Chars<'_>>) -> Option<char> {
    while text.next_if(|c| c.is_whitespace()).is_some() {}
    text.peek().copied()
}

fn items<T>(
    text: &mut Peekable<Chars<'_>>,
    end: char,
    mut item: impl FnMut(&mut Peekable<Chars<'_>>) -> T,
) -> Vec<T> {
    let mut items = Vec::new();
    text.next();
    while let Some(c) = next(text) {
        if c == end || c == ',' {
            text.next();
        }
        if c == end {
            break;
        }
        if c != ',' {
            items.push(item(text));
        }
    }
    items
}

fn scalar(text: &mut Peekable<Chars<'_>>) -> String {
    let mut scalar = String::new();
    if next(text) == Some('"') {
        let mut is_escaped = false;
        for c in text.by_ref() {
            scalar.push(c);
            if c == '"' && !is_escaped && scalar.len() > 1 {
                break;
            }
            is_escaped = c == '\\' && !is_escaped;
        }
    } else {
        while let Some(c) = text.next_if(|c| !c.is_whitespace() && !",:]}".contains(*c)) {
            scalar.push(c);
        }
    }
    scalar
}

/// On one line.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(text) => f.write_str(text),
            Self::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "[" } else { ", " })?;
                }
                f.write_str(if items.is_empty() { "[]" } else { "]" })
            }
            Self::Object(fields) => {
                for (i, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: {value}", if i == 0 { "{ " } else { ", " })?;
                }
                f.write_str(if fields.is_empty() { "{}" } else { " }" })
            }
        }
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => {
                let value = |name: &String| b.iter().find(|(other, _)| other == name).map(|(_, value)| value);
                a.len() == b.len() && a.iter().all(|(name, mine)| value(name) == Some(mine))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;

    fn json(text: &str) -> Json {
        Json::of(&Encoded::new(Format::Json, text.as_bytes())).expect("valid")
    }

    #[test]
    fn what_is_read_is_shown() {
        let text = r#" {"b" : [1,-2.50e3 , "x\"\\", {}, [], ["é\\"]],"a":{"c":null} , "n":340282366920938463463374607431768211455}"#;
        let shown = r#"{ "b": [1, -2.50e3, "x\"\\", {}, [], ["é\\"]], "a": { "c": null }, "n": 340282366920938463463374607431768211455 }"#;
        assert_eq!(json(text).to_string(), shown);
        assert_eq!(json(&json(text).pretty()), json(text));
        assert_eq!(json("[]").pretty(), "[]");
        assert_eq!(
            json(r#"{"a":[1,{"b":2}]}"#).pretty(),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ]\n}"
        );
    }

    #[test]
    fn fields_have_no_order_and_items_have_one() {
        assert_eq!(json(r#"{"a":1,"b":2}"#), json(r#"{"b":2,"a":1}"#));
        assert_ne!(json(r#"{"a":1,"b":2}"#), json(r#"{"a":1}"#));
        assert_ne!(json("[1,2]"), json("[2,1]"));
        assert_ne!(json("18446744073709551616"), json("18446744073709551617"));
    }
}
