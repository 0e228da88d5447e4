//! What serde makes of a type: the shape of its JSON, found by looking over the shoulder of its `Deserialize`.
//!
//! A type needs nothing for it but `Deserialize`. Where it takes only certain values, such as dates, some are
//! guessed and the rest comes from samples. A type that describes itself (`tag`, `untagged`, `flatten`) asks for
//! whatever there is, so of what lies below that point nothing is known but the samples.

mod guesses;
mod learned;
mod parts;
#[cfg(test)]
mod tests;
mod trace;
mod tracer;

#[cfg(feature = "schema")]
pub(crate) use self::guesses::guesses;
pub(crate) use self::trace::trace;

use serde_json::Value;

/// The shape of a value in JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Shape {
    /// Not looked at: inside a list that may not have items, or a variant that was not tried yet.
    #[default]
    Unseen,
    /// Always `null`.
    Unit,
    /// Something without parts.
    Leaf(Leaf),
    /// Something or `null`.
    Option(Box<Shape>),
    /// Any number of items.
    List(Box<Shape>),
    /// So many items.
    Tuple(Vec<Shape>),
    /// An object whose fields have any names.
    Map(Box<Shape>, Box<Shape>),
    /// An object with these fields, and with other names that some of them go by.
    Struct(&'static str, Vec<(String, Shape)>, Vec<String>),
    /// One of these, with its name around it.
    Enum(&'static str, Vec<(&'static str, Content)>),
    /// The struct or enum of this name, around it.
    Again(&'static str),
}

/// What a variant holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// It was not tried yet.
    Unseen,
    /// Nothing: its name is all there is.
    Nothing,
    /// Something.
    Shape(Shape),
    /// No value of it was found.
    Unusable,
}

/// Something without parts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leaf {
    /// What was asked for.
    pub(crate) kind: Kind,
    /// Values that were taken.
    pub(crate) accepted: Vec<Value>,
    /// Which others are.
    pub(crate) reach: Reach,
}

/// What a type asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Bool,
    /// A whole number, from and to.
    Int(i64, u64),
    /// A whole number of 128 bits, with a sign or without. Those beyond 64 bits are not reached.
    Wide {
        is_signed: bool,
    },
    Float32,
    Float64,
    Char,
    Text,
    Bytes,
    /// Whatever there is.
    Any,
}

/// How much of its kind a leaf takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// What was accepted, and nothing else is known.
    Accepted,
    /// Small numbers and short texts.
    Modest,
    /// Everything.
    Full,
}

/// No value of a type was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", at(path))]
pub(crate) struct Untraceable {
    /// Where, as in `lines[].sku`.
    pub(crate) path: String,
    /// What the type said.
    pub(crate) reason: String,
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("at `{path}`: ") }
}

impl Shape {
    /// How many variants were not tried yet.
    fn unseen(&self) -> usize {
        match self {
            Self::Unseen | Self::Unit | Self::Leaf(_) | Self::Again(_) => 0,
            Self::Option(inner) | Self::List(inner) => inner.unseen(),
            Self::Map(key, value) => key.unseen() + value.unseen(),
            Self::Tuple(items) => items.iter().map(Self::unseen).sum(),
            Self::Struct(_, fields, _) => fields.iter().map(|(_, shape)| shape.unseen()).sum(),
            Self::Enum(_, variants) => variants.iter().map(|(_, content)| content.unseen()).sum(),
        }
    }

    /// Calls `look` with every leaf below `path`, and where it is.
    fn leaves(&mut self, path: &str, look: &mut impl FnMut(&str, &mut Leaf)) {
        match self {
            Self::Unseen | Self::Unit | Self::Again(_) => {}
            Self::Leaf(leaf) => look(path, leaf),
            Self::Option(inner) => inner.leaves(path, look),
            Self::List(inner) => inner.leaves(&format!("{path}[]"), look),
            Self::Map(key, value) => {
                key.leaves(&format!("{path}{{key}}"), look);
                value.leaves(&format!("{path}{{}}"), look);
            }
            Self::Tuple(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    item.leaves(&field(path, &i.to_string()), look);
                }
            }
            Self::Struct(_, fields, _) => {
                for (name, shape) in fields {
                    shape.leaves(&field(path, name), look);
                }
            }
            Self::Enum(_, variants) => {
                for (name, content) in variants {
                    if let Content::Shape(shape) = content {
                        shape.leaves(&variant(path, name), look);
                    }
                }
            }
        }
    }
}

impl Content {
    fn unseen(&self) -> usize {
        match self {
            Self::Unseen => 1,
            Self::Shape(shape) => shape.unseen(),
            Self::Nothing | Self::Unusable => 0,
        }
    }
}

fn field(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn variant(path: &str, name: &str) -> String {
    format!("{path}::{name}")
}
