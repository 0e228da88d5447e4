//! Shapes of types that make it more or less hard.

use super::*;
use serde::{Deserialize, de};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
struct Plain {
    id: u64,
    small: i8,
    #[serde(alias = "label")]
    name: String,
    ratio: f32,
    letter: char,
    tags: Vec<Option<bool>>,
    pair: (u8, String),
    map: BTreeMap<u32, String>,
    unit: (),
    #[serde(skip)]
    skipped: HashMap<String, String>,
    kind: Kinds,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
enum Kinds {
    Nothing,
    One(u8),
    Two(u8, Inner),
    Named { inner: Inner },
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
enum Inner {
    A(String),
    B,
}

fn leaf(kind: Kind, accepted: Value, reach: Reach) -> Shape {
    Shape::Leaf(Leaf { kind, accepted: vec![accepted], reach })
}

fn text() -> Shape {
    leaf(Kind::Text, json!(""), Reach::Full)
}

#[test]
fn a_plain_type_is_seen_whole() {
    let number = |max| leaf(Kind::Int(0, max), json!(0), Reach::Full);
    let inner = Shape::Enum("Inner", vec![("A", Content::Shape(text())), ("B", Content::Nothing)]);
    let kinds = vec![
        ("Nothing", Content::Nothing),
        ("One", Content::Shape(number(255))),
        ("Two", Content::Shape(Shape::Tuple(vec![number(255), inner.clone()]))),
        ("Named", Content::Shape(Shape::Struct("", vec![("inner".into(), inner)], vec![]))),
    ];
    let fields: [(&str, Shape); 10] = [
        ("id", number(u64::MAX)),
        ("small", leaf(Kind::Int(-128, 127), json!(0), Reach::Full)),
        ("ratio", leaf(Kind::Float32, json!(0.0), Reach::Full)),
        ("letter", leaf(Kind::Char, json!("a"), Reach::Full)),
        ("tags", Shape::List(Box::new(Shape::Option(Box::new(leaf(Kind::Bool, json!(false), Reach::Full)))))),
        ("pair", Shape::Tuple(vec![number(255), text()])),
        ("map", Shape::Map(Box::new(number(u32::MAX.into())), Box::new(text()))),
        ("unit", Shape::Unit),
        ("kind", Shape::Enum("Kinds", kinds)),
        ("name", text()),
    ];
    let Ok(Shape::Struct("Plain", found, _)) = trace::<Plain>(&[]) else { panic!("no struct") };
    assert_eq!(found.len(), fields.len(), "{found:?}");
    for (name, shape) in fields {
        // Which of its two names the field with the alias goes by is serde's to say.
        let of = |(other, _): &&(String, Shape)| *other == name || (name == "name" && other == "label");
        assert_eq!(found.iter().find(of).map(|(_, shape)| shape), Some(&shape), "{name}");
    }
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
struct Node {
    value: u8,
    left: Option<Box<Node>>,
    others: Vec<Node>,
    term: Term,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
enum Term {
    Sum(Box<Term>, Box<Term>),
    Number(u8),
    Node(Box<Node>),
}

#[test]
fn a_type_inside_of_itself_ends() {
    let Ok(Shape::Struct(_, fields, _)) = trace::<Node>(&[]) else { panic!("no struct") };
    assert_eq!(fields[1].1, Shape::Option(Box::new(Shape::Again("Node"))));
    assert_eq!(fields[2].1, Shape::List(Box::new(Shape::Again("Node"))));
    let Shape::Enum(_, variants) = &fields[3].1 else { panic!("no enum") };
    let again = || Shape::Again("Term");
    assert_eq!(variants[0].1, Content::Shape(Shape::Tuple(vec![again(), again()])));
    assert_eq!(variants[2].1, Content::Shape(Shape::Again("Node")));
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Sku(#[allow(dead_code, reason = "only its shape counts")] String);

impl TryFrom<String> for Sku {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.starts_with("sku-") { Ok(Self(text)) } else { Err("a sku starts with `sku-`") }
    }
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
struct Checked {
    at: crate::Timestamp,
    id: crate::CommitId,
    #[serde(deserialize_with = "positive")]
    amount: i64,
}

fn positive<'de, D: de::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let amount = i64::deserialize(deserializer)?;
    if amount > 0 { Ok(amount) } else { Err(de::Error::custom("it must be positive")) }
}

#[test]
fn values_of_which_only_some_are_taken_are_guessed() {
    let Ok(Shape::Struct(_, fields, _)) = trace::<Checked>(&[]) else { panic!("no struct") };
    let accepted = |at: usize| match &fields[at].1 {
        Shape::Leaf(leaf) => (leaf.accepted.clone(), leaf.reach),
        other => panic!("{other:?}"),
    };
    assert_eq!(accepted(0), (vec![json!("2020-01-01T00:00:00Z")], Reach::Accepted));
    assert_eq!(accepted(1), (vec![json!("00000000-0000-4000-8000-000000000000")], Reach::Accepted));
    assert_eq!(accepted(2).1, Reach::Accepted);
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
struct Lines {
    lines: Vec<Line>,
    first: Line,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
struct Line {
    sku: Sku,
    count: u8,
}

#[test]
fn a_sample_shows_what_cannot_be_guessed() {
    let error = trace::<Lines>(&[]).map(drop).expect_err("no sku is guessed");
    assert_eq!(error.to_string(), "at `first.sku`: a sku starts with `sku-`");
    let sample =
        json!({ "lines": [{ "sku": "sku-1", "count": 7 }], "first": { "sku": "sku-2", "count": 7 } });
    let Ok(Shape::Struct(_, fields, _)) = trace::<Lines>(&[sample]) else { panic!("no struct") };
    let Shape::Struct(_, line, _) = &fields[1].1 else { panic!("no struct") };
    assert_eq!(line[0].1, leaf(Kind::Text, json!("sku-2"), Reach::Accepted));
    assert!(matches!(&line[1].1, Shape::Leaf(leaf) if leaf.reach == Reach::Full));
}

#[derive(Deserialize)]
#[serde(tag = "by")]
#[allow(dead_code, reason = "only its shape counts")]
enum Tagged {
    Card { number: String },
    Cash,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
struct Flat {
    #[serde(flatten)]
    payment: Tagged,
    amount: u8,
}

#[test]
fn what_describes_itself_needs_a_sample() {
    assert!(trace::<Flat>(&[]).is_err());
    assert!(trace::<Tagged>(&[]).is_err());
    let sample = json!({ "by": "Card", "number": "12", "amount": 5 });
    let Ok(Shape::Struct(_, fields, _)) = trace::<Flat>(&[sample]) else { panic!("no struct") };
    let shape = |name: &str| fields.iter().find(|(other, _)| other == name).map(|(_, shape)| shape);
    assert_eq!(
        shape("amount"),
        Some(&Shape::Leaf(Leaf { kind: Kind::Int(0, 255), accepted: vec![json!(5)], reach: Reach::Full }))
    );
    assert_eq!(shape("by"), Some(&leaf(Kind::Any, json!("Card"), Reach::Accepted)));
}

#[derive(Deserialize)]
#[serde(tag = "t", content = "c")]
#[allow(dead_code, reason = "only its shape counts")]
enum Adjacent {
    One(u8),
}

#[test]
fn a_tag_beside_its_content_is_told_by_the_type() {
    let Ok(Shape::Struct(_, fields, _)) = trace::<Adjacent>(&[]) else { panic!("no struct") };
    assert_eq!(fields[0].1, Shape::Enum("Adjacent", vec![("One", Content::Nothing)]));
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
struct Late {
    kind: Kinds,
    at: crate::Timestamp,
}

#[test]
fn a_value_that_is_guessed_late_hides_no_variant() {
    let Ok(Shape::Struct(_, fields, _)) = trace::<Late>(&[]) else { panic!("no struct") };
    let Shape::Enum(_, variants) = &fields[0].1 else { panic!("no enum") };
    for (name, content) in variants {
        assert!(matches!(content, Content::Nothing | Content::Shape(_)), "{name}: {content:?}");
    }
}
