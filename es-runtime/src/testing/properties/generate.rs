//! Values of a shape, made up by chance.

use crate::shape::{Content, Kind, Leaf, Reach, Shape};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};
use serde_json::{Map, Value, json};

/// How deep a type goes inside of itself.
const DEPTH: usize = 2;

/// Values of `shape`, or nothing where there is none. Most are taken by the type.
///
/// With [`Reach::Modest`] numbers are small, so that sums of them do not overflow; with [`Reach::Full`] they are
/// the largest there are as well.
pub(crate) fn values(shape: &Shape, reach: Reach) -> Option<BoxedStrategy<Value>> {
    Generator { reach, around: Vec::new() }.of(shape)
}

struct Generator<'a> {
    reach: Reach,
    /// Structs and enums around the place, to be entered again.
    around: Vec<(&'static str, &'a Shape)>,
}

impl<'a> Generator<'a> {
    fn of(&mut self, shape: &'a Shape) -> Option<BoxedStrategy<Value>> {
        match shape {
            Shape::Unseen => None,
            Shape::Unit => Some(Just(Value::Null).boxed()),
            Shape::Leaf(leaf) => of_leaf(leaf, self.reach.min(leaf.reach)),
            Shape::Option(inner) => Some(match self.of(inner) {
                Some(inner) => Union::new([Just(Value::Null).boxed(), inner]).boxed(),
                None => Just(Value::Null).boxed(),
            }),
            Shape::List(item) => Some(match self.of(item) {
                Some(item) => vec(item, 0..4).prop_map(Value::Array).boxed(),
                None => Just(json!([])).boxed(),
            }),
            Shape::Tuple(items) => {
                let items = items.iter().map(|item| self.of(item)).collect::<Option<Vec<_>>>()?;
                Some(items.prop_map(Value::Array).boxed())
            }
            Shape::Map(key, value) => Some(match (self.of(key), self.of(value)) {
                (Some(key), Some(value)) => vec((key, value), 0..4).prop_map(map).boxed(),
                _ => Just(json!({})).boxed(),
            }),
            Shape::Struct(name, fields, _) => self.inside(name, shape, |this| this.fields(fields)),
            Shape::Enum(name, variants) => self.inside(name, shape, |this| {
                let each: Vec<_> =
                    variants.iter().filter_map(|(name, content)| this.variant(name, content)).collect();
                (!each.is_empty()).then(|| Union::new(each).boxed())
            }),
            Shape::Again(name) => {
                let times = self.around.iter().filter(|(other, _)| other == name).count();
                let (_, shape) = *self.around.iter().find(|(other, _)| other == name)?;
                if times > DEPTH { None } else { self.of(shape) }
            }
        }
    }

    fn inside<T>(&mut self, name: &'static str, shape: &'a Shape, of: impl FnOnce(&mut Self) -> T) -> T {
        self.around.push((name, shape));
        let values = of(self);
        self.around.pop();
        values
    }

    fn fields(&mut self, fields: &'a [(String, Shape)]) -> Option<BoxedStrategy<Value>> {
        let names: Vec<_> = fields.iter().map(|(name, _)| name.clone()).collect();
        let values = fields.iter().map(|(_, shape)| self.of(shape)).collect::<Option<Vec<_>>>()?;
        let object = move |values: Vec<Value>| Value::Object(names.iter().cloned().zip(values).collect());
        Some(values.prop_map(object).boxed())
    }

    fn variant(&mut self, name: &'static str, content: &'a Content) -> Option<BoxedStrategy<Value>> {
        match content {
            Content::Unseen | Content::Unusable => None,
            Content::Nothing => Some(Just(json!(name)).boxed()),
            Content::Shape(shape) => {
                Some(self.of(shape)?.prop_map(move |value| json!({ name: value })).boxed())
            }
        }
    }
}

/// Keys are text in JSON, whatever they stand for.
fn map(entries: Vec<(Value, Value)>) -> Value {
    let entries = entries.into_iter().map(|(key, value)| match key {
        Value::String(key) => (key, value),
        other => (other.to_string(), value),
    });
    Value::Object(entries.collect::<Map<_, _>>())
}

fn of_leaf(leaf: &Leaf, reach: Reach) -> Option<BoxedStrategy<Value>> {
    let accepted = (!leaf.accepted.is_empty()).then(|| select(leaf.accepted.clone()).boxed());
    let modest = (reach >= Reach::Modest).then(|| modest(leaf.kind)).flatten();
    let full = (reach >= Reach::Full).then(|| full(leaf.kind)).flatten();
    let each: Vec<_> = [accepted, modest, full].into_iter().flatten().collect();
    (!each.is_empty()).then(|| Union::new(each).boxed())
}

fn modest(kind: Kind) -> Option<BoxedStrategy<Value>> {
    let letters = || select("abcxyzABC012 _-é".chars().collect::<Vec<_>>());
    Some(match kind {
        Kind::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Int(min, _) => ((-10).max(min)..=10_i64).prop_map(Value::from).boxed(),
        Kind::Wide { is_signed: true } => return modest(Kind::Int(i64::MIN, i64::MAX as u64)),
        Kind::Wide { is_signed: false } => return modest(Kind::Int(0, u64::MAX)),
        // Some that have no end in binary.
        Kind::Float32 => (-100..=100_i8).prop_map(|n| json!(f32::from(n) / 10.0)).boxed(),
        Kind::Float64 => {
            let of = |divisor: f64| (-100..=100_i8).prop_map(move |n| json!(f64::from(n) / divisor)).boxed();
            Union::new([of(10.0), of(7.0)]).boxed()
        }
        Kind::Char => letters().prop_map(|c| json!(c)).boxed(),
        Kind::Text => {
            vec(letters(), 0..6).prop_map(|text| json!(text.into_iter().collect::<String>())).boxed()
        }
        Kind::Bytes => vec(any::<u8>(), 0..6).prop_map(|bytes| json!(bytes)).boxed(),
        Kind::Any => return None,
    })
}

fn full(kind: Kind) -> Option<BoxedStrategy<Value>> {
    Some(match kind {
        Kind::Int(min, max) => {
            let below = (min..=0).prop_map(Value::from);
            let above = (0..=max).prop_map(Value::from);
            Union::new([above.boxed(), below.boxed(), select(vec![json!(min), json!(max)]).boxed()]).boxed()
        }
        Kind::Wide { is_signed: true } => return full(Kind::Int(i64::MIN, i64::MAX as u64)),
        Kind::Wide { is_signed: false } => return full(Kind::Int(0, u64::MAX)),
        Kind::Float32 => any::<f32>().prop_map(|n| json!(n)).boxed(),
        Kind::Float64 => any::<f64>().prop_map(|n| json!(n)).boxed(),
        Kind::Char => any::<char>().prop_map(|c| json!(c)).boxed(),
        Kind::Text => {
            vec(any::<char>(), 0..12).prop_map(|text| json!(text.into_iter().collect::<String>())).boxed()
        }
        Kind::Bytes => vec(any::<u8>(), 0..300).prop_map(|bytes| json!(bytes)).boxed(),
        Kind::Bool | Kind::Any => return None,
    })
}
