//! Finds out what is at each place of an event, and payloads that show all of it.

use super::path::{Path, Step};
use super::place::{Kind, Place, Places};
use crate::shape::{Content, Leaf, Reach, Shape, guesses};
use serde_json::{Map, Value, json};

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

/// Looks at a type through its shape and through what is `read` as it, with the samples first.
///
/// # Errors
///
/// When a part of it is shown by no value that could be found; samples help.
pub(crate) fn explore(
    shape: &Shape,
    samples: &[Value],
    read: &dyn Fn(&Value) -> bool,
) -> Result<Explored, String> {
    let mut places = Places::new();
    add_places(shape, Path::default(), &mut Vec::new(), &mut places);
    let goldens = goldens(shape, &places, samples, read);
    if goldens.is_empty() {
        return Err("no value of it was found".into());
    }
    let mut explored = Explored { places, goldens };
    explored.look_for_variants(samples.is_empty())?;
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
        Shape::Struct(name, fields) => {
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
fn goldens(shape: &Shape, places: &Places, samples: &[Value], read: &dyn Fn(&Value) -> bool) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    let mut add = |value: Option<Value>| {
        let value = value.filter(|value| !found.contains(value) && read(value));
        value.map(|value| found.push(value)).is_some()
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
            Shape::Struct(name, fields) => self.inside(name, shape, |this| {
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
            Kind::Int(..) => json!(1),
            Kind::Float(_) => json!(1.5),
            Kind::Text => match at.last() {
                Some(Step::Field(name) | Step::Variant(name)) => json!(name),
                Some(Step::Key) => json!("key"),
                _ => json!("text"),
            },
            Kind::Bytes => json!([1]),
            _ => return leaf.accepted.first().cloned(),
        })
    }
}

impl Explored {
    fn look_for_variants(&mut self, must_be_shown: bool) -> Result<(), String> {
        let shown: Vec<Path> = self
            .places
            .keys()
            .filter(|path| matches!(path.last(), Some(Step::Variant(_))))
            .filter(|path| !self.goldens.iter().any(|golden| is_shown(path, golden)))
            .cloned()
            .collect();
        for path in shown {
            if must_be_shown {
                return Err(format!("no value with `{path}` was found"));
            }
            self.places.retain(|other, _| !other.starts_with(&path));
            self.places.insert(path, Place::of(Kind::Unknown));
        }
        Ok(())
    }

    /// Finds out, by leaving things out and adding others, which fields may be missing, and what is refused.
    fn probe(&mut self, read: &dyn Fn(&Value) -> bool) {
        let mut places = self.places.clone();
        for (path, place) in &mut places {
            let edited = |path: &Path, edit: &dyn Fn(&mut Value) -> Option<()>| -> Vec<Value> {
                let each = self.goldens.iter().filter_map(|golden| {
                    let mut value = golden.clone();
                    path.find(&mut value).and_then(edit)?;
                    Some(value)
                });
                each.collect()
            };
            if let (Some(Step::Field(name)), Some(parent)) = (path.last(), path.parent()) {
                let without = |value: &mut Value| value.as_object_mut()?.remove(name).map(drop);
                place.is_optional = edited(&parent, &without).iter().any(read);
            }
            match &mut place.kind {
                Kind::Struct { is_closed } => {
                    let more = |value: &mut Value| {
                        value.as_object_mut()?.insert(NOBODY.into(), Value::Null);
                        Some(())
                    };
                    let edited = edited(path, &more);
                    *is_closed = !edited.is_empty() && !edited.iter().any(read);
                }
                Kind::Enum { is_open } => {
                    let other = |value: &mut Value| {
                        *value = json!(NOBODY);
                        Some(())
                    };
                    *is_open = edited(path, &other).iter().any(read);
                }
                _ => {}
            }
        }
        self.places = places;
    }
}

/// Whether the variant at `path` is the one that `golden` has there.
fn is_shown(path: &Path, golden: &Value) -> bool {
    let (Some(Step::Variant(name)), Some(parent)) = (path.last(), path.parent()) else { return false };
    let mut golden = golden.clone();
    match parent.find(&mut golden) {
        Some(Value::String(text)) => text == name,
        Some(Value::Object(fields)) => fields.contains_key(name),
        _ => false,
    }
}
