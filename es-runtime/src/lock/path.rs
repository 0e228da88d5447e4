//! Places inside of a value: `.lines[].sku`.

use serde_json::Value;
use std::fmt;

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A field of an object: `.name`.
    Field(String),
    /// What a variant holds: `::Name`.
    Variant(String),
    /// An item of a tuple: `[2]`.
    Index(usize),
    /// Any item of a list: `[]`.
    Item,
    /// Any key of a map: `{key}`.
    Key,
    /// Any value of a map: `{}`.
    Value,
}

/// The steps from the whole value to a place in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    pub(crate) fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    pub(crate) fn last(&self) -> Option<&Step> {
        self.0.last()
    }

    /// The name of the field or the variant that it is.
    pub(crate) fn name(&self) -> Option<&str> {
        match self.last() {
            Some(Step::Field(name) | Step::Variant(name)) => Some(name),
            _ => None,
        }
    }

    /// The place around it.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, steps) = self.0.split_last()?;
        Some(Self(steps.to_vec()))
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    pub(crate) fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The same place, where `from` is called `to`.
    pub(crate) fn moved(&self, from: &Self, to: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(&*from.0)?;
        Some(Self([&to.0, rest].concat()))
    }

    /// The variant that must be chosen at `at` for this place to be there.
    pub(crate) fn variant_at(&self, at: &Self) -> Option<&str> {
        let rest = self.0.strip_prefix(&*at.0)?;
        match rest.first() {
            Some(Step::Variant(name)) => Some(name),
            _ => None,
        }
    }

    /// Calls `change` with this place in `value`, in every item of a list and every entry of a map.
    pub(crate) fn each(&self, value: &mut Value, change: &mut impl FnMut(&mut Value)) {
        let Some((step, rest)) = self.0.split_first() else { return change(value) };
        let rest = Self(rest.to_vec());
        match (step, value) {
            (Step::Field(name) | Step::Variant(name), Value::Object(fields)) => {
                fields.get_mut(name).into_iter().for_each(|value| rest.each(value, change));
            }
            (Step::Index(n), Value::Array(items)) => {
                items.get_mut(*n).into_iter().for_each(|value| rest.each(value, change));
            }
            (Step::Item, Value::Array(items)) => items.iter_mut().for_each(|value| rest.each(value, change)),
            (Step::Value, Value::Object(fields)) => {
                fields.values_mut().for_each(|value| rest.each(value, change));
            }
            _ => {}
        }
    }

    /// This place in `value`, if it is there.
    pub(crate) fn find<'v>(&self, value: &'v mut Value) -> Option<&'v mut Value> {
        self.0.iter().try_fold(value, |value, step| match (step, value) {
            (Step::Field(name) | Step::Variant(name), Value::Object(fields)) => fields.get_mut(name),
            (Step::Index(n), Value::Array(items)) => items.get_mut(*n),
            (Step::Item, Value::Array(items)) => items.first_mut(),
            (Step::Value, Value::Object(fields)) => fields.values_mut().next(),
            _ => None,
        })
    }

    /// Reads what [`Display`](fmt::Display) writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = text.strip_prefix('$')?;
        while !rest.is_empty() {
            let (step, after) = if let Some(rest) = rest.strip_prefix("[]") {
                (Step::Item, rest)
            } else if let Some(rest) = rest.strip_prefix("{key}") {
                (Step::Key, rest)
            } else if let Some(rest) = rest.strip_prefix("{}") {
                (Step::Value, rest)
            } else if let Some(rest) = rest.strip_prefix('[') {
                let (number, rest) = rest.split_once(']')?;
                (Step::Index(number.parse().ok()?), rest)
            } else if let Some(rest) = rest.strip_prefix("::") {
                let (name, rest) = name(rest)?;
                (Step::Variant(name), rest)
            } else {
                let (name, rest) = name(rest.strip_prefix('.')?)?;
                (Step::Field(name), rest)
            };
            steps.push(step);
            rest = after;
        }
        Some(Self(steps))
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c))
}

/// A name at the beginning of `text`, and what comes after it.
fn name(text: &str) -> Option<(String, &str)> {
    if !text.starts_with('"') {
        let end = text.find(['.', ':', '[', '{']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return is_plain(name).then(|| (name.to_owned(), rest));
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let name = values.next()?.ok()?;
    Some((name, text.get(values.byte_offset()..)?))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        let named = |f: &mut fmt::Formatter<'_>, name: &str| {
            // What would not be one word of the line, or not this place, stands in quotes.
            if is_plain(name) {
                f.write_str(name)
            } else {
                let quoted = Value::from(name).to_string();
                f.write_str(&quoted.replace(' ', "\\u0020"))
            }
        };
        for step in &self.0 {
            match step {
                Step::Field(name) => {
                    f.write_str(".")?;
                    named(f, name)?;
                }
                Step::Variant(name) => {
                    f.write_str("::")?;
                    named(f, name)?;
                }
                Step::Index(n) => write!(f, "[{n}]")?,
                Step::Item => f.write_str("[]")?,
                Step::Key => f.write_str("{key}")?,
                Step::Value => f.write_str("{}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_read_as_it_is_written() {
        let names =
            ["a", "with space", "dots.and:colons", "[]", "\"quoted\"", "", "zażółć", "new\nline", "{key}"];
        for name in names {
            let path = Path::default()
                .then(Step::Field(name.into()))
                .then(Step::Item)
                .then(Step::Variant(name.into()))
                .then(Step::Index(3))
                .then(Step::Key)
                .then(Step::Value);
            let text = path.to_string();
            assert_eq!(Path::parse(&text), Some(path), "{text}");
            assert!(!text.contains(char::is_whitespace), "{text}");
        }
        assert_eq!(Path::parse("$.a b"), None);
    }
}
