//! Looks over the shoulder of a `Deserialize`: gives it what it asks for, and notes down what that was.

use super::guesses::guesses;
use super::learned::{Error, Learned, Offer, Open};
use super::parts::{Chosen, Entries, Fields, Items, List};
use super::{Content, Kind, Leaf, Reach, Shape, field, variant};
use serde::de::{Deserializer, Visitor};
use serde_json::Value;
use std::cell::RefCell;

/// What a type reads from: a place in the shape, and in a sample if there is one.
pub(super) struct Tracer<'a> {
    pub(super) shape: &'a mut Shape,
    pub(super) sample: Option<&'a Value>,
    pub(super) path: String,
    pub(super) learned: &'a RefCell<Learned>,
}

impl<'a> Tracer<'a> {
    /// The shape, which is `new` where nothing was seen before.
    pub(super) fn seen(shape: &mut Shape, new: Shape) -> &mut Shape {
        if *shape == Shape::Unseen {
            *shape = new;
        }
        shape
    }

    fn leaf<'de, V: Visitor<'de>>(self, kind: Kind, visitor: V) -> Result<V::Value, Error> {
        let leaf = Leaf { kind, accepted: Vec::new(), reach: Reach::Accepted };
        let shape = Self::seen(self.shape, Shape::Leaf(leaf));
        let value = {
            let mut learned = self.learned.borrow_mut();
            let learned = &mut *learned;
            match (&learned.forced, self.sample) {
                (Some((path, value)), _) if *path == self.path => {
                    learned.run.was_forced = true;
                    value.clone()
                }
                // The name of a field is text, whatever it stands for.
                (_, Some(Value::String(text))) if matches!(kind, Kind::Int(..) | Kind::Wide { .. }) => {
                    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
                }
                (_, Some(sample)) => sample.clone(),
                (_, None) => {
                    let mut choices: Vec<Value> = match &*shape {
                        Shape::Leaf(leaf) => leaf.accepted.clone(),
                        _ => Vec::new(),
                    };
                    match learned.named.get(&self.path) {
                        Some(names) => choices.extend(names.iter().map(|name| Value::from(*name))),
                        None => choices.extend(guesses(kind)),
                    }
                    let turn = learned.turns.get(&self.path).copied().unwrap_or_default();
                    let holder = learned.run.holders.last().cloned();
                    let path = self.path.clone();
                    learned.run.offered.push(Offer { path, choices: choices.len(), holder });
                    choices.swap_remove(turn.min(choices.len() - 1))
                }
            }
        };
        let outcome = value.clone().deserialize_any(visitor);
        let run = &mut self.learned.borrow_mut().run;
        run.is_refused |= outcome.is_err();
        run.taken.push((self.path, value));
        outcome.map_err(|error| Error::Said(error.to_string()))
    }

    /// Looks at the parts of something that may be empty.
    fn holding<T>(
        learned: &RefCell<Learned>,
        path: String,
        look: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let depth = learned.borrow().run.holders.len();
        learned.borrow_mut().run.holders.push(path);
        let value = look()?;
        learned.borrow_mut().run.holders.truncate(depth);
        Ok(value)
    }

    /// Looks at the parts of a struct or an enum. Inside of itself its shape is not noted down again.
    fn opening<T>(
        shape: &mut Shape,
        open: Open,
        learned: &RefCell<Learned>,
        look: impl FnOnce(&mut Shape) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (Open::Struct(name) | Open::Enum(name)) = open;
        let depth = learned.borrow().run.open.len();
        let times = learned.borrow().run.open.iter().filter(|other| **other == open).count();
        if times > 3 {
            return Err(Error::Endless);
        }
        learned.borrow_mut().run.open.push(open);
        let value = if times == 0 {
            look(shape)?
        } else {
            Self::seen(shape, Shape::Again(name));
            look(&mut Shape::Unseen)?
        };
        learned.borrow_mut().run.open.truncate(depth);
        Ok(value)
    }

    /// Looks at the fields of a struct, or of a variant.
    pub(super) fn fields<'de, V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Self { shape, sample, path, learned } = self;
        let fields = names.iter().map(|name| ((*name).to_owned(), Shape::Unseen)).collect();
        let Shape::Struct(_, fields, others) = Self::seen(shape, Shape::Struct(name, fields, Vec::new()))
        else {
            return Err(Error::Said(format!("`{name}` is sometimes a struct and sometimes something else")));
        };
        let is_alias =
            |(name, _): &mut (String, Shape)| learned.borrow().aliases.contains(&field(&path, name));
        others.extend(fields.extract_if(.., is_alias).map(|(name, _)| name));
        visitor.visit_map(Fields { next: fields.iter_mut(), value: None, sample, path: &path, learned })
    }

    fn stays_empty(&self) -> bool {
        self.learned.borrow().empty.contains(&self.path)
    }
}

macro_rules! leaves {
    ($($method:ident: $kind:expr;)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.leaf($kind, visitor)
        }
    )* };
}

const fn signed(min: i64, max: i64) -> Kind {
    Kind::Int(min, max.cast_unsigned())
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Error;

    leaves! {
        deserialize_any: Kind::Any;
        deserialize_bool: Kind::Bool;
        deserialize_i8: signed(i8::MIN as i64, i8::MAX as i64);
        deserialize_i16: signed(i16::MIN as i64, i16::MAX as i64);
        deserialize_i32: signed(i32::MIN as i64, i32::MAX as i64);
        deserialize_i64: signed(i64::MIN, i64::MAX);
        deserialize_i128: Kind::Wide { is_signed: true };
        deserialize_u8: Kind::Int(0, u8::MAX as u64);
        deserialize_u16: Kind::Int(0, u16::MAX as u64);
        deserialize_u32: Kind::Int(0, u32::MAX as u64);
        deserialize_u64: Kind::Int(0, u64::MAX);
        deserialize_u128: Kind::Wide { is_signed: false };
        deserialize_f32: Kind::Float32;
        deserialize_f64: Kind::Float64;
        deserialize_char: Kind::Char;
        deserialize_str: Kind::Text;
        deserialize_string: Kind::Text;
        deserialize_bytes: Kind::Bytes;
        deserialize_byte_buf: Kind::Bytes;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let stays_empty = self.stays_empty();
        let Shape::Option(inner) = Self::seen(self.shape, Shape::Option(Box::default())) else {
            return visitor.visit_none();
        };
        if stays_empty {
            return visitor.visit_none();
        }
        let sample = self.sample.filter(|sample| !sample.is_null());
        let (path, learned) = (self.path, self.learned);
        let inner = Tracer { shape: inner, sample, path: path.clone(), learned };
        Self::holding(learned, path, || visitor.visit_some(inner))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        Self::seen(self.shape, Shape::Unit);
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    /// Around a single value JSON writes nothing.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let stays_empty = self.stays_empty();
        let Shape::List(item) = Self::seen(self.shape, Shape::List(Box::default())) else {
            return visitor.visit_seq(Items { next: Vec::new().into_iter(), learned: self.learned });
        };
        let samples: Vec<Option<&Value>> = match self.sample.and_then(Value::as_array) {
            _ if stays_empty => Vec::new(),
            Some(items) if !items.is_empty() => items.iter().map(Some).collect(),
            _ => vec![None],
        };
        let items = List {
            item,
            samples: samples.into_iter(),
            path: format!("{}[]", self.path),
            learned: self.learned,
        };
        Self::holding(self.learned, self.path, || visitor.visit_seq(items))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let shape = Self::seen(self.shape, Shape::Tuple(vec![Shape::Unseen; len]));
        let items = match shape {
            Shape::Tuple(items) => items.iter_mut().collect(),
            _ => Vec::new(),
        };
        let sample = |i: usize| self.sample.and_then(|sample| sample.get(i));
        let items: Vec<_> = items
            .into_iter()
            .enumerate()
            .map(|(i, shape)| (shape, sample(i), field(&self.path, &i.to_string())))
            .collect();
        visitor.visit_seq(Items { next: items.into_iter(), learned: self.learned })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let entries: Vec<(Option<Value>, Option<&Value>)> = match self.sample.and_then(Value::as_object) {
            _ if self.stays_empty() => Vec::new(),
            Some(object) if !object.is_empty() => {
                object.iter().map(|(name, value)| (Some(Value::from(name.as_str())), Some(value))).collect()
            }
            _ => vec![(None, None)],
        };
        let (path, learned) = (self.path, self.learned);
        let map = Entries {
            shape: self.shape,
            entries: entries.into_iter(),
            value: None,
            path: path.clone(),
            learned,
        };
        Self::holding(learned, path, || visitor.visit_map(map))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Self { shape, sample, path, learned } = self;
        Self::opening(shape, Open::Struct(name), learned, |shape| {
            Tracer { shape, sample, path, learned }.fields(name, names, visitor)
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Self { shape, sample, path, learned } = self;
        let is_inside = learned.borrow().run.open.contains(&Open::Enum(name));
        Self::opening(shape, Open::Enum(name), learned, |shape| {
            let variants = names.iter().map(|name| (*name, Content::Unseen)).collect();
            let Shape::Enum(_, variants) = Self::seen(shape, Shape::Enum(name, variants)) else {
                return Err(Error::Said(format!(
                    "`{name}` is sometimes an enum and sometimes something else"
                )));
            };
            let (sample_name, sample) = match sample {
                Some(Value::String(name)) => (Some(name), None),
                Some(Value::Object(object)) => {
                    object.iter().next().map_or((None, None), |(k, v)| (Some(k), Some(v)))
                }
                _ => (None, None),
            };
            let wanted = chosen(variants, &path, sample_name, is_inside, learned);
            let Some((name, content)) = wanted.and_then(|at| variants.get_mut(at)) else {
                return Err(Error::Said(format!("no value of `{name}` was found")));
            };
            let depth = learned.borrow().run.variants.len();
            learned.borrow_mut().run.variants.push((path.clone(), name));
            let path = variant(&path, name);
            let value = visitor.visit_enum(Chosen { name, content, sample, path, learned })?;
            learned.borrow_mut().run.variants.truncate(depth);
            Ok(value)
        })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.leaf(Kind::Text, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

/// Which variant to look at.
fn chosen(
    variants: &[(&'static str, Content)],
    path: &str,
    sample: Option<&String>,
    is_inside: bool,
    learned: &RefCell<Learned>,
) -> Option<usize> {
    let mut learned = learned.borrow_mut();
    let position = |wanted: &dyn Fn(&str, &Content) -> bool| {
        variants.iter().position(|(name, content)| wanted(name, content))
    };
    if let Some(forced) = learned.forced.as_ref().map(|(forced, _)| forced.as_str()) {
        let leads_there = |name: &str| {
            let rest = forced.strip_prefix(&variant(path, name));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{', ':']))
        };
        if let Some(at) = position(&|name, _| leads_there(name)) {
            return Some(at);
        }
    }
    if let Some(at) = sample.and_then(|sample| position(&|name, _| name == sample)) {
        return Some(at);
    }
    if is_inside {
        let turn = learned.turns.get(path).copied().unwrap_or_default();
        let holder = learned.run.holders.last().cloned();
        learned.run.offered.push(Offer { path: path.to_owned(), choices: variants.len(), holder });
        return Some(turn.min(variants.len().checked_sub(1)?));
    }
    position(&|_, content| *content == Content::Unseen)
        .or_else(|| position(&|_, content| content.unseen() > 0))
        .or_else(|| position(&|_, content| *content != Content::Unusable))
}
