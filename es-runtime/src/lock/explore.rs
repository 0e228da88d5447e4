//! Finds out what is at each place of an event, and payloads that show all of it.

use super::path::{Path, Step};
use super::place::{Kind, Place, Places, inside, move_places};
use crate::shape::{Content, Leaf, Reach, Shape, guesses};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The most examples of a place that takes only some values.
const EXAMPLES: usize = 4;

/// How often a type goes inside of itself.
const DEPTH: usize = 2;

/// A name that no field and no variant has.
const NOBODY: &str = "__nobody__";

/// What was found out about one version of an event.
#[derive(Debug)]
pub(crate) struct Explored {
    pub(crate) places: Places,
    /// Payloads that are read, which have every variant and every field between them.
    pub(crate) goldens: Vec<Value>,
}

/// Reads a value as the type, and writes it again; nothing where it is none of the type's.
pub(crate) type Read<'a> = &'a dyn Fn(&Value) -> Option<Value>;

/// Looks at a type through its shape and through what is `read` as it, with the samples first.
///
/// # Errors
///
/// When a part of it is shown by no value that could be found; samples help.
pub(crate) fn explore(shape: &Shape, samples: &[Value], read: Read<'_>) -> Result<Explored, String> {
    let mut places = Places::new();
    add_places(shape, Path::default(), &mut Vec::new(), &mut places);
    let goldens = goldens(shape, &places, samples, read);
    if goldens.is_empty() {
        return Err("no value of it was found".into());
    }
    let mut explored = Explored { places, goldens };
    explored.look_for_variants(shape, samples.is_empty(), read)?;
    explored.name_fields(shape, read);
    explored.probe(read);
    Ok(explored)
}

fn add_places<'s>(shape: &'s Shape, at: Path, around: &mut Vec<(&'s str, Path)>, places: &mut Places) {
    let kind = match shape {
        Shape::Unseen => Kind::Unknown,
        Shape::Unit => Kind::Nothing,
        Shape::Leaf(leaf) => {
            let mut place = Place::of(kind_of(leaf));
            place.is_checked = leaf.reach != Reach::Full && place.kind != Kind::Any;
            places.insert(at, place);
            return;
        }
        Shape::Option(inner) => {
            add_places(inner, at.clone(), around, places);
            if let Some(place) = places.get_mut(&at) {
                place.is_nullable = true;
            }
            return;
        }
        Shape::List(item) => {
            add_places(item, at.then(Step::Item), around, places);
            Kind::List
        }
        Shape::Tuple(items) => {
            for (n, item) in items.iter().enumerate() {
                add_places(item, at.then(Step::Index(n)), around, places);
            }
            Kind::Tuple(items.len())
        }
        Shape::Map(key, value) => {
            add_places(key, at.then(Step::Key), around, places);
            add_places(value, at.then(Step::Value), around, places);
            Kind::Map
        }
        Shape::Struct(name, fields, _) => {
            around.push((name, at.clone()));
            for (name, field) in fields {
                add_places(field, at.then(Step::Field(name.clone())), around, places);
            }
            around.pop();
            Kind::Struct { is_closed: false }
        }
        Shape::Enum(name, variants) => {
            around.push((name, at.clone()));
            for (name, content) in variants {
                let at = at.then(Step::Variant((*name).to_owned()));
                match content {
                    Content::Nothing => {
                        places.insert(at, Place::of(Kind::Nothing));
                    }
                    Content::Shape(shape) => add_places(shape, at, around, places),
                    Content::Unseen | Content::Unusable => {
                        places.insert(at, Place::of(Kind::Unknown));
                    }
                }
            }
            around.pop();
            Kind::Enum { is_open: false }
        }
        Shape::Again(name) => {
            let same = around.iter().rev().find(|(other, _)| other == name);
            same.map_or(Kind::Unknown, |(_, path)| Kind::Same(path.clone()))
        }
    };
    places.insert(at, Place::of(kind));
}

fn kind_of(leaf: &Leaf) -> Kind {
    use crate::shape::Kind as Asked;
    match leaf.kind {
        Asked::Bool => Kind::Bool,
        Asked::Int(from, to) => Kind::Int(from, to),
        Asked::Wide { is_signed } => Kind::Wide { is_signed },
        Asked::Float32 => Kind::Float(32),
        Asked::Float64 => Kind::Float(64),
        Asked::Char => Kind::Char,
        Asked::Text => Kind::Text,
        Asked::Bytes => Kind::Bytes,
        Asked::Any => Kind::Any,
    }
}

/// Payloads that are read: the samples, one with all there is, one for each variant and for some values of each
/// place that is checked, and one with as little as there can be.
fn goldens(shape: &Shape, places: &Places, samples: &[Value], read: Read<'_>) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    // As the type writes them, and so as they are stored.
    let mut add = |value: Option<Value>| {
        let Some(value) = value else { return false };
        let written = read(&value).filter(|written| *written == value || read(written).is_some());
        let Some(written) = written else { return false };
        if !found.contains(&written) {
            found.push(written);
        }
        true
    };
    for sample in samples {
        add(Some(sample.clone()));
    }
    add(Maker::default().make(shape, &Path::default()));
    for (path, place) in places {
        let maker = || Maker { target: path.clone(), ..Maker::default() };
        if matches!(path.last(), Some(Step::Variant(_))) {
            add(maker().make(shape, &Path::default()));
        }
        if place.is_checked
            && let Some(base) = maker().make(shape, &Path::default())
        {
            let examples = examples_of(&place.kind).into_iter().map(|example| {
                let mut value = base.clone();
                path.find(&mut value).map(|place| *place = example)?;
                Some(value)
            });
            let mut taken = 0;
            for example in examples {
                taken += usize::from(add(example));
                if taken == EXAMPLES {
                    break;
                }
            }
        }
    }
    add(Maker { is_minimal: true, ..Maker::default() }.make(shape, &Path::default()));
    found
}

fn examples_of(kind: &Kind) -> Vec<Value> {
    use crate::shape::Kind as Asked;
    let asked = match kind {
        Kind::Int(from, to) => Asked::Int(*from, *to),
        Kind::Wide { is_signed } => Asked::Wide { is_signed: *is_signed },
        Kind::Float(_) => Asked::Float64,
        Kind::Char => Asked::Char,
        Kind::Text => Asked::Text,
        Kind::Bytes => Asked::Bytes,
        _ => return Vec::new(),
    };
    guesses(asked)
}

/// Makes a value of a shape.
#[derive(Default)]
struct Maker<'s> {
    /// A place that must be there.
    target: Path,
    is_minimal: bool,
    around: Vec<(&'static str, &'s Shape)>,
}

impl<'s> Maker<'s> {
    fn make(&mut self, shape: &'s Shape, at: &Path) -> Option<Value> {
        let may_be_empty = self.is_minimal && !self.target.starts_with(at);
        Some(match shape {
            Shape::Unseen => return None,
            Shape::Unit => Value::Null,
            Shape::Leaf(leaf) => self.leaf(leaf, at)?,
            Shape::Option(_) if may_be_empty => Value::Null,
            Shape::Option(inner) => self.make(inner, at).unwrap_or_default(),
            Shape::List(_) if may_be_empty => json!([]),
            Shape::List(item) => self.make(item, &at.then(Step::Item)).into_iter().collect(),
            Shape::Tuple(items) => {
                let items = items.iter().enumerate();
                items.map(|(n, item)| self.make(item, &at.then(Step::Index(n)))).collect::<Option<_>>()?
            }
            Shape::Map(..) if may_be_empty => json!({}),
            Shape::Map(key, value) => {
                let key = self.make(key, &at.then(Step::Key)).map(|key| match key {
                    Value::String(key) => key,
                    other => other.to_string(),
                });
                let value = self.make(value, &at.then(Step::Value));
                Value::Object(key.zip(value).into_iter().collect())
            }
            Shape::Struct(name, fields, _) => self.inside(name, shape, |this| {
                let fields = fields.iter().map(|(name, field)| {
                    Some((name.clone(), this.make(field, &at.then(Step::Field(name.clone())))?))
                });
                fields.collect::<Option<Map<_, _>>>().map(Value::Object)
            })?,
            Shape::Enum(name, variants) => self.inside(name, shape, |this| {
                let wanted = this.target.variant_at(at).map(str::to_owned);
                let mut variants =
                    variants.iter().filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == name));
                variants.find_map(|(name, content)| this.variant(name, content, at))
            })?,
            Shape::Again(name) => {
                let times = self.around.iter().filter(|(other, _)| other == name).count();
                let (_, shape) = *self.around.iter().find(|(other, _)| other == name)?;
                if times > DEPTH {
                    return None;
                }
                self.make(shape, at)?
            }
        })
    }

    fn inside<T>(&mut self, name: &'static str, shape: &'s Shape, make: impl FnOnce(&mut Self) -> T) -> T {
        self.around.push((name, shape));
        let made = make(self);
        self.around.pop();
        made
    }

    fn variant(&mut self, name: &'static str, content: &'s Content, at: &Path) -> Option<Value> {
        match content {
            Content::Unseen | Content::Unusable => None,
            Content::Nothing => Some(json!(name)),
            Content::Shape(shape) => {
                let value = self.make(shape, &at.then(Step::Variant(name.to_owned())))?;
                Some(json!({ name: value }))
            }
        }
    }

    /// Of a place that takes everything a value that people recognize; of others one that is known to be taken.
    fn leaf(&self, leaf: &Leaf, at: &Path) -> Option<Value> {
        if leaf.reach != Reach::Full || self.is_minimal {
            return leaf.accepted.first().cloned();
        }
        Some(match kind_of(leaf) {
            Kind::Bool => json!(true),
            Kind::Int(..) | Kind::Wide { .. } => json!(1),
            Kind::Float(_) => json!(1.5),
            Kind::Text if at.last() == Some(&Step::Key) => json!("key"),
            Kind::Text => json!(at.name().unwrap_or("text")),
            Kind::Bytes => json!([1]),
            _ => return leaf.accepted.first().cloned(),
        })
    }
}

impl Explored {
    /// Every variant is to be in some payload, unless it is another name of one that is.
    fn look_for_variants(
        &mut self,
        shape: &Shape,
        must_be_shown: bool,
        read: Read<'_>,
    ) -> Result<(), String> {
        let hidden: Vec<Path> = self
            .places
            .keys()
            .filter(|path| matches!(path.last(), Some(Step::Variant(_))))
            .filter(|path| !self.goldens.iter().any(|golden| is_shown(path, golden)))
            .cloned()
            .collect();
        for path in hidden {
            let value = Maker { target: path.clone(), ..Maker::default() }.make(shape, &Path::default());
            let written = value.and_then(|value| read(&value));
            let real = written.and_then(|mut written| variant_of(path.parent()?.find(&mut written)?));
            let real = real.and_then(|name| Some(path.parent()?.then(Step::Variant(name))));
            self.places.retain(|other, _| !other.starts_with(&path));
            match (path.last(), real.and_then(|real| self.places.get_mut(&real))) {
                (Some(Step::Variant(alias)), Some(real)) => {
                    real.aliases.insert(alias.clone());
                }
                _ if must_be_shown => return Err(format!("no value with `{path}` was found")),
                _ => {
                    self.places.insert(path, Place::of(Kind::Unknown));
                }
            }
        }
        Ok(())
    }

    /// Calls every field as it is written, and notes down under which other names it is read.
    fn name_fields(&mut self, shape: &Shape, read: Read<'_>) {
        let mut aliases = Vec::new();
        collect_aliases(shape, &Path::default(), &mut aliases);
        for (parent, others) in aliases {
            // One name for another, where both mean the same.
            let is_same = |written: &str, other: &str| {
                self.goldens.iter().any(|golden| {
                    let mut renamed = golden.clone();
                    let Some(Value::Object(fields)) = parent.find(&mut renamed) else { return false };
                    let Some(value) = fields.remove(written) else { return false };
                    fields.insert(other.to_owned(), value);
                    read(&renamed).as_ref() == Some(golden)
                })
            };
            let mut named = Vec::new();
            for field in inside(&self.places, &parent).filter_map(Path::name).map(str::to_owned) {
                let written = others.iter().find(|other| is_same(other, &field)).unwrap_or(&field).clone();
                let also = others.iter().chain([&field]).filter(|other| **other != written);
                let also: BTreeSet<String> = also.filter(|other| is_same(&written, other)).cloned().collect();
                named.push((field, written, also));
            }
            for (field, written, also) in named {
                let (from, to) = (parent.then(Step::Field(field)), parent.then(Step::Field(written)));
                if from != to {
                    move_places(&mut self.places, &from, &to);
                }
                if let Some(place) = self.places.get_mut(&to) {
                    place.aliases = also;
                }
            }
        }
    }

    /// Finds out, by leaving things out and adding others, which fields may be missing, and what is refused.
    fn probe(&mut self, read: Read<'_>) {
        let reads = |value: &Value| read(value).is_some();
        let mut places = self.places.clone();
        for (path, place) in &mut places {
            let edited = |path: &Path, edit: &dyn Fn(&mut Value) -> Option<()>| -> Vec<Value> {
                let each = self.goldens.iter().filter_map(|golden| {
                    let mut value = golden.clone();
                    path.find(&mut value).and_then(edit)?;
                    Some(value)
                });
                // What a type can do without hardly depends on the rest of the payload.
                each.take(2).collect()
            };
            if let (Some(Step::Field(name)), Some(parent)) = (path.last(), path.parent()) {
                let without = |value: &mut Value| value.as_object_mut()?.remove(name).map(drop);
                place.is_optional = edited(&parent, &without).iter().any(reads);
            }
            match &mut place.kind {
                Kind::Struct { is_closed } => {
                    let more = |value: &mut Value| {
                        value.as_object_mut()?.insert(NOBODY.into(), Value::Null);
                        Some(())
                    };
                    let edited = edited(path, &more);
                    *is_closed = !edited.is_empty() && !edited.iter().any(reads);
                }
                Kind::Enum { is_open } => {
                    let other = |value: &mut Value| {
                        *value = json!(NOBODY);
                        Some(())
                    };
                    *is_open = edited(path, &other).iter().any(reads);
                }
                _ => {}
            }
        }
        self.places = places;
    }
}

/// Where fields go by several names, and those that were passed over, innermost first.
fn collect_aliases(shape: &Shape, at: &Path, to: &mut Vec<(Path, Vec<String>)>) {
    match shape {
        Shape::Unseen | Shape::Unit | Shape::Leaf(_) | Shape::Again(_) => {}
        Shape::Option(inner) => collect_aliases(inner, at, to),
        Shape::List(item) => collect_aliases(item, &at.then(Step::Item), to),
        Shape::Map(_, value) => collect_aliases(value, &at.then(Step::Value), to),
        Shape::Tuple(items) => {
            for (n, item) in items.iter().enumerate() {
                collect_aliases(item, &at.then(Step::Index(n)), to);
            }
        }
        Shape::Struct(_, fields, aliases) => {
            for (name, field) in fields {
                collect_aliases(field, &at.then(Step::Field(name.clone())), to);
            }
            if !aliases.is_empty() {
                to.push((at.clone(), aliases.clone()));
            }
        }
        Shape::Enum(_, variants) => {
            for (name, content) in variants {
                if let Content::Shape(shape) = content {
                    collect_aliases(shape, &at.then(Step::Variant((*name).to_owned())), to);
                }
            }
        }
    }
}

/// Whether the variant at `path` is the one that `golden` has there.
fn is_shown(path: &Path, golden: &Value) -> bool {
    let (Some(Step::Variant(name)), Some(parent)) = (path.last(), path.parent()) else { return false };
    let mut golden = golden.clone();
    parent.find(&mut golden).and_then(|place| variant_of(place)).as_ref() == Some(name)
}

/// The variant that `value` is.
fn variant_of(value: &Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name.clone()),
        Value::Object(fields) => fields.keys().next().cloned(),
        _ => None,
    }
}
