//! The catalog of a program with awkward types and names.
#![cfg(feature = "schema")]
#![allow(missing_docs, dead_code, reason = "the types are looked at, and not used")]

use es_runtime::catalog::Catalog;
use es_runtime::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// It had [`nothing`](crate::nothing) but a *name* | and more.
///
/// # A heading
#[event("thing.made")]
pub struct ThingMadeV1 {
    name: String,
}

/// What is made now.
#[event("thing.made", version = 2, from = ThingMadeV1, alias = "thing.built")]
pub struct ThingMade {
    name: String,
    #[serde(alias = "number")]
    count: u8,
    wide: u128,
    signed: i64,
    ratio: f64,
    letter: char,
    note: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    pair: (i32, bool),
    by_number: BTreeMap<u16, String>,
    shape: Shape,
    maybe: Option<Shape>,
    tree: Node,
    strict: Strict,
}

#[derive(Serialize, Deserialize)]
enum Shape {
    #[serde(rename = "d|o\"t")]
    Dot,
    Circle(u32),
    Box {
        wide: u32,
        high: u32,
    },
}

#[derive(Serialize, Deserialize)]
struct Node {
    value: i32,
    children: Vec<Node>,
    next: Option<Box<Node>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    only: bool,
}

impl From<ThingMadeV1> for ThingMade {
    fn from(old: ThingMadeV1) -> Self {
        Self {
            name: old.name,
            count: 1,
            wide: 0,
            signed: 0,
            ratio: 0.0,
            letter: 'a',
            note: None,
            tags: Vec::new(),
            pair: (0, false),
            by_number: BTreeMap::new(),
            shape: Shape::Dot,
            maybe: None,
            tree: Node { value: 0, children: Vec::new(), next: None },
            strict: Strict { only: true },
        }
    }
}

/// It was thrown away.
#[event("thing.gone")]
pub struct ThingGone {}

/// A thing.
#[derive(Aggregate, Default)]
#[aggregate("thing", id = u64, events(ThingMade, ThingGone), commands(Drop))]
pub struct Thing {}

impl Apply<ThingMade> for Thing {
    fn apply(&mut self, _: &ThingMade) {}
}

impl Apply<ThingGone> for Thing {
    fn apply(&mut self, _: &ThingGone) {}
}

pub struct Drop;

impl Handle<Drop> for Thing {
    type Decision = ThingGone;
    type Error = std::convert::Infallible;

    fn handle(&self, _: &Drop) -> Result<ThingGone, Self::Error> {
        Ok(ThingGone {})
    }
}

/// Counts what is thrown away.
#[derive(Reaction)]
#[reaction("gone-counter", follows(Thing), ignore(ThingMade))]
struct Counter;

impl On<ThingGone> for Counter {
    async fn on(&self, _: &Recorded<ThingGone>, _: &mut es_runtime::Effects) -> Handled {
        Ok(())
    }
}

// Beside the module of this name there is the macro.
es_runtime::catalog!(Thing);

fn rendered(name: &str) -> String {
    let files = Catalog::of_program("A *program*").expect("a catalog").render();
    files.into_iter().find(|(file, _)| file == name).expect("it is one of them").1
}

fn json(name: &str) -> Value {
    serde_json::from_str(&rendered(name)).expect("JSON")
}

/// As much of JSON Schema as the catalog uses; a keyword that is not known here fails.
fn is_valid(document: &Value, schema: &Value, value: &Value) -> bool {
    let schema = match schema {
        Value::Bool(answer) => return *answer,
        schema => schema.as_object().expect("an object"),
    };
    schema.iter().all(|(keyword, rule)| holds(document, schema, keyword, rule, value))
}

fn holds(
    document: &Value,
    schema: &serde_json::Map<String, Value>,
    keyword: &str,
    rule: &Value,
    value: &Value,
) -> bool {
    let valid = |schema: &Value, value: &Value| is_valid(document, schema, value);
    let rules = || rule.as_array().expect("a list");
    let length = value.as_array().map(Vec::len);
    let letters = value.as_str().map(|text| text.chars().count());
    match keyword {
        "title" | "description" | "$comment" | "examples" | "deprecated" | "format" => true,
        "$ref" => valid(document.pointer(&rule.as_str().expect("text")[1..]).expect("it leads there"), value),
        "allOf" => rules().iter().all(|schema| valid(schema, value)),
        "anyOf" => rules().iter().any(|schema| valid(schema, value)),
        "enum" => rules().contains(value),
        "type" => match rule {
            Value::Array(types) => types.iter().any(|name| has_type(name, value)),
            name => has_type(name, value),
        },
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().expect("a number")),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().expect("a number")),
        "minLength" => letters.is_none_or(|letters| letters as u64 >= rule.as_u64().expect("a number")),
        "maxLength" => letters.is_none_or(|letters| letters as u64 <= rule.as_u64().expect("a number")),
        "minItems" => length.is_none_or(|length| length as u64 >= rule.as_u64().expect("a number")),
        "maxItems" => length.is_none_or(|length| length as u64 <= rule.as_u64().expect("a number")),
        "items" => value.as_array().is_none_or(|items| match rule {
            Value::Array(rules) => rules.iter().zip(items).all(|(schema, item)| valid(schema, item)),
            schema => items.iter().all(|item| valid(schema, item)),
        }),
        "prefixItems" => value
            .as_array()
            .is_none_or(|items| rules().iter().zip(items).all(|(schema, item)| valid(schema, item))),
        "required" => value.as_object().is_none_or(|fields| {
            rules().iter().all(|name| fields.contains_key(name.as_str().expect("text")))
        }),
        "properties" => value.as_object().is_none_or(|fields| {
            fields.iter().all(|(name, value)| rule.get(name).is_none_or(|schema| valid(schema, value)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|fields| {
            let named = schema.get("properties");
            let others =
                fields.iter().filter(|(name, _)| named.is_none_or(|named| named.get(name).is_none()));
            others.into_iter().all(|(_, value)| valid(rule, value))
        }),
        "propertyNames" => value
            .as_object()
            .is_none_or(|fields| fields.keys().all(|name| valid(rule, &Value::from(name.clone())))),
        "pattern" => value.as_str().is_none_or(|text| text.trim_start_matches('-').parse::<u64>().is_ok()),
        other => panic!("{other} is not checked"),
    }
}

fn has_type(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("text") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

#[test]
fn golden_payloads_are_valid_and_others_are_not() {
    for (document, schemas) in
        [(json("events.schema.json"), "/$defs"), (json("asyncapi.json"), "/components/schemas")]
    {
        let schemas = document.pointer(schemas).and_then(Value::as_object).expect("schemas");
        let mut examples = 0;
        for (name, schema) in schemas {
            for example in schema.get("examples").and_then(Value::as_array).into_iter().flatten() {
                assert!(is_valid(&document, schema, example), "{name}: {example}");
                examples += 1;
            }
        }
        assert!(examples > 8, "{examples}");

        let made = &schemas["thing.made.v2"];
        let whole = made["examples"][0].clone();
        let spoiled = |pointer: &str, value: Value| {
            let mut payload = whole.clone();
            *payload.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is there")) = value;
            !is_valid(&document, made, &payload)
        };
        for (pointer, value) in [
            ("/name", 1.into()),
            ("/count", 256.into()),
            ("/wide", (-1).into()),
            ("/signed", "1".into()),
            ("/letter", "ab".into()),
            ("/note", 1.into()),
            ("/pair", serde_json::json!([1])),
            ("/pair/1", 1.into()),
            ("/by_number", serde_json::json!({ "one": "text" })),
            ("/shape", "Square".into()),
            ("/maybe", serde_json::json!({ "Circle": "wide" })),
            ("/tree/children/0/value", "text".into()),
            ("/strict", serde_json::json!({ "only": true, "more": 1 })),
            ("", serde_json::json!({})),
        ] {
            assert!(spoiled(pointer, value.clone()), "{pointer}: {value}");
        }
        let mut aliased = whole.clone();
        let fields = aliased.as_object_mut().expect("an object");
        let count = fields.remove("count").expect("it is there");
        assert!(!is_valid(&document, made, &Value::Object(fields.clone())));
        fields.insert("number".into(), count);
        assert!(is_valid(&document, made, &aliased));
        for (pointer, value) in [
            ("/note", Value::Null),
            ("/wide", 7.into()),
            ("/maybe", Value::Null),
            ("/shape", serde_json::json!({ "Box": { "wide": 1, "high": 2 } })),
        ] {
            assert!(!spoiled(pointer, value.clone()), "{pointer}: {value}");
        }
    }
}

#[test]
fn it_is_the_same_each_time_and_ends_with_a_line_break() {
    let once = Catalog::of_program("A program").expect("a catalog").render();
    let again = Catalog::of_program("A program").expect("a catalog").render();
    assert_eq!(once, again);
    for (name, text) in once {
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{name}");
        assert!(!text.contains(env!("CARGO_MANIFEST_DIR")), "{name}");
    }
}

#[test]
fn the_page_tells_of_every_version_and_takes_no_name_for_markdown() {
    let page = rendered("catalog.md");
    for line in [
        "# A \\*program\\*",
        "What is made now.",
        "- once stored as `thing.built`",
        "- raised by `thing`",
        "**Version 2** is `catalog::ThingMade`.",
        "**Version 1** is `catalog::ThingMadeV1`.",
        // Of a link to an item its text is left, and a bar ends no cell.
        "It had `nothing` but a *name* | and more.",
        "| `$.shape::\"d\\|o\\\"t\"` | nothing |",
        "| `Drop` | [`thing.gone`](#thinggone) |",
        "| `thing` | [`thing.gone`](#thinggone) | [`thing.made`](#thingmade) |",
    ] {
        assert!(page.lines().any(|other| other == line), "{line}\n\n{page}");
    }
    assert!(!page.lines().any(|line| line == "# A heading"));
    assert!(!page.contains("crate::nothing"));
}

#[test]
fn what_is_ignored_is_no_edge() {
    let flow = rendered("flow.mmd");
    assert!(flow.starts_with("flowchart LR\n"));
    assert!(flow.contains("event_thing_2egone --> reaction_gone_2dcounter\n"));
    assert!(!flow.contains("event_thing_2emade --> reaction"));
    assert!(flow.contains("command_thing_20Drop --> aggregate_thing\n"));
}

#[test]
fn what_is_no_lock_is_refused() {
    let error = Catalog::with_lock("A program", "nonsense\n").expect_err("it is none");
    assert!(error.to_string().starts_with("`events.lock`: line 1 cannot be read"), "{error}");
}
