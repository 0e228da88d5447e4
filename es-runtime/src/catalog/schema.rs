//! JSON Schema of what the types of events take.

use super::model::{Event, Model, Version, versioned};
use crate::lock::{Kind, Path, Place, Places, Step, inside};
use serde_json::{Map, Value, json};

/// Every version of every event under `$defs`.
pub(super) fn document(model: &Model) -> Value {
    let defs = definitions(model, Dialect::Draft2020, "#/$defs/");
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("{}: events", model.title),
        "$comment": "Made of the program. An event is described under $defs by its stored name and its version.",
        "$defs": defs,
    })
}

/// How a schema is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// JSON Schema, draft 2020-12.
    Draft2020,
    /// What AsyncAPI takes where no other is named: draft 7.
    Draft7,
}

/// The schemas by their names, each of which a reference finds behind `base`.
pub(super) fn definitions(model: &Model, dialect: Dialect, base: &str) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, event) in &model.events {
        for (number, version) in &event.versions {
            let key = versioned(name, *number);
            let mut writer = Writer::new(&version.places, dialect, base, &key);
            let mut schema = writer.at(&Path::default());
            if let Value::Object(fields) = &mut schema {
                describe(fields, name, *number, event, version);
            }
            all.append(&mut writer.parts);
            all.insert(key, schema);
        }
    }
    all
}

fn describe(schema: &mut Map<String, Value>, name: &str, number: u16, event: &Event, version: &Version) {
    schema.insert("title".into(), json!(format!("{name}, version {number}")));
    if !version.doc.is_empty() {
        schema.insert("description".into(), json!(version.doc));
    }
    if number < event.newest() {
        schema.insert("deprecated".into(), json!(true));
    }
    schema.insert("examples".into(), json!(version.examples));
}

struct Writer<'a> {
    places: &'a Places,
    dialect: Dialect,
    base: &'a str,
    key: &'a str,
    /// The places that are inside of themselves.
    around: Vec<&'a Path>,
    parts: Map<String, Value>,
}

impl<'a> Writer<'a> {
    fn new(places: &'a Places, dialect: Dialect, base: &'a str, key: &'a str) -> Self {
        let mut around: Vec<&Path> = Vec::new();
        for place in places.values() {
            if let Kind::Same(path) = &place.kind
                && !around.contains(&path)
            {
                around.push(path);
            }
        }
        Self { places, dialect, base, key, around, parts: Map::new() }
    }

    /// What is at a place.
    fn at(&mut self, path: &Path) -> Value {
        let Some(place) = self.places.get(path) else { return json!({}) };
        let schema = match self.around.iter().position(|around| *around == path) {
            Some(number) => {
                let key = self.part(number);
                if !self.parts.contains_key(&key) {
                    // So that it is not begun again inside of itself.
                    self.parts.insert(key.clone(), Value::Null);
                    let schema = self.kind(path, place);
                    self.parts.insert(key.clone(), schema);
                }
                self.reference(number)
            }
            None => self.kind(path, place),
        };
        if place.is_nullable { or_null(schema) } else { schema }
    }

    fn part(&self, number: usize) -> String {
        // No version of an event is called so: those end with their number.
        format!("{}.part{}", self.key, number + 1)
    }

    /// In an object of its own, since draft 7 sees nothing that stands beside a reference.
    fn reference(&self, number: usize) -> Value {
        json!({ "allOf": [{ "$ref": format!("{}{}", self.base, self.part(number)) }] })
    }

    fn kind(&mut self, path: &Path, place: &Place) -> Value {
        let mut schema = match &place.kind {
            Kind::Nothing => json!({ "type": "null" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Int(from, to) => int(*from, *to),
            Kind::Wide { is_signed: true } => json!({ "type": "integer" }),
            Kind::Wide { is_signed: false } => json!({ "type": "integer", "minimum": 0 }),
            Kind::Float(bits) => {
                json!({ "type": "number", "format": if *bits == 32 { "float" } else { "double" } })
            }
            Kind::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            Kind::Text => json!({ "type": "string" }),
            Kind::Bytes => json!({
                "type": ["array", "string"],
                "items": { "type": "integer", "minimum": 0, "maximum": 255 },
            }),
            Kind::Any | Kind::Unknown => json!({}),
            Kind::List => json!({ "type": "array", "items": self.at(&path.then(Step::Item)) }),
            Kind::Tuple(count) => self.tuple(path, *count),
            Kind::Map => self.map(path),
            Kind::Struct { is_closed } => self.fields(path, *is_closed),
            Kind::Enum { is_open } => self.variants(path, *is_open),
            Kind::Same(around) => match self.around.iter().position(|other| *other == around) {
                Some(number) => self.reference(number),
                None => json!({}),
            },
        };
        if place.is_checked
            && let Value::Object(fields) = &mut schema
        {
            let said = "Takes only some values of this type: see the examples.";
            fields.insert("$comment".into(), json!(said));
        }
        schema
    }

    fn tuple(&mut self, path: &Path, count: usize) -> Value {
        let items: Vec<Value> = (0..count).map(|n| self.at(&path.then(Step::Index(n)))).collect();
        let mut schema = json!({ "type": "array", "minItems": count, "maxItems": count });
        // No draft takes an empty list of them.
        if count > 0 {
            let name = if self.dialect == Dialect::Draft2020 { "prefixItems" } else { "items" };
            schema[name] = json!(items);
        }
        schema
    }

    fn map(&mut self, path: &Path) -> Value {
        let values = self.at(&path.then(Step::Value));
        let mut schema = json!({ "type": "object", "additionalProperties": values });
        let key = path.then(Step::Key);
        // Keys are text, whatever their type.
        match self.places.get(&key).map(|place| &place.kind) {
            Some(Kind::Int(from, _)) => {
                let pattern = if *from < 0 { "^-?[0-9]+$" } else { "^[0-9]+$" };
                schema["propertyNames"] = json!({ "pattern": pattern });
            }
            Some(Kind::Bool) => schema["propertyNames"] = json!({ "enum": ["false", "true"] }),
            Some(Kind::Enum { is_open: false }) => {
                schema["propertyNames"] = json!({ "enum": self.children(&key) })
            }
            _ => {}
        }
        schema
    }

    fn fields(&mut self, path: &Path, is_closed: bool) -> Value {
        let (mut properties, mut required, mut either) = (Map::new(), Vec::new(), Vec::new());
        for name in self.children(path) {
            let field = path.then(Step::Field(name.clone()));
            let schema = self.at(&field);
            let names = self.names(&field, &name);
            if self.places.get(&field).is_some_and(|place| !place.is_optional) {
                match names.as_slice() {
                    [name] => required.push(name.clone()),
                    names => {
                        let each = names.iter().map(|name| json!({ "required": [name] }));
                        either.push(json!({ "anyOf": each.collect::<Vec<_>>() }));
                    }
                }
            }
            properties.extend(names.into_iter().map(|name| (name, schema.clone())));
        }
        let mut schema = json!({ "type": "object" });
        if !properties.is_empty() {
            schema["properties"] = json!(properties);
        }
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if !either.is_empty() {
            schema["allOf"] = json!(either);
        }
        if is_closed {
            schema["additionalProperties"] = json!(false);
        }
        schema
    }

    fn variants(&mut self, path: &Path, is_open: bool) -> Value {
        let (mut names, mut schemas) = (Vec::new(), Vec::new());
        for name in self.children(path) {
            let variant = path.then(Step::Variant(name.clone()));
            let kind = self.places.get(&variant).map(|place| place.kind.clone());
            if matches!(kind, Some(Kind::Nothing | Kind::Unknown)) {
                names.extend(self.names(&variant, &name));
            }
            if kind != Some(Kind::Nothing) {
                let inside = self.at(&variant);
                schemas.extend(self.names(&variant, &name).into_iter().map(|name| {
                    json!({
                        "type": "object",
                        "properties": { name.as_str(): inside },
                        "required": [name.as_str()],
                        "additionalProperties": false,
                    })
                }));
            }
        }
        if is_open {
            schemas.insert(0, json!({ "type": "string" }));
        } else if !names.is_empty() {
            schemas.insert(0, json!({ "type": "string", "enum": names }));
        }
        match schemas.len() {
            1 => schemas.remove(0),
            _ => json!({ "anyOf": schemas }),
        }
    }

    /// Every name under which a field or a variant is read, its own first.
    fn names(&self, path: &Path, name: &str) -> Vec<String> {
        let aliases = self.places.get(path).map(|place| &place.aliases);
        std::iter::once(name.to_owned()).chain(aliases.into_iter().flatten().cloned()).collect()
    }

    /// The names of the fields or variants at a place.
    fn children(&self, path: &Path) -> Vec<String> {
        inside(self.places, path).filter_map(Path::name).map(str::to_owned).collect()
    }
}

/// Those beyond 64 bits were not reached, so that the widest range says nothing.
fn int(from: i64, to: u64) -> Value {
    match (from, to) {
        (i64::MIN, u64::MAX) => json!({ "type": "integer" }),
        (i64::MIN, to) if to == i64::MAX as u64 => json!({ "type": "integer", "format": "int64" }),
        (0, u64::MAX) => json!({ "type": "integer", "minimum": 0 }),
        (from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
    }
}

fn or_null(mut schema: Value) -> Value {
    if let Value::Object(fields) = &mut schema {
        if fields.is_empty() || fields.get("type") == Some(&json!("null")) {
            return schema;
        }
        // An enumeration takes what it lists and nothing else.
        if let (Some(Value::String(name)), None) = (fields.get("type").cloned(), fields.get("enum")) {
            fields.insert("type".into(), json!([name, "null"]));
            return schema;
        }
    }
    json!({ "anyOf": [schema, { "type": "null" }] })
}
