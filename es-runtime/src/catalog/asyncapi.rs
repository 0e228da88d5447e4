//! AsyncAPI 3.0: the streams of each aggregate as a channel.

use super::model::{Model, versioned};
use super::prose;
use super::schema::{Dialect, definitions};
use serde_json::{Map, Value, json};

pub(super) fn document(model: &Model) -> Value {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": model.title,
            "version": model.version,
            "description": "Made of the program. A channel is the streams of an aggregate, one for each id. \
                            Consumers take events in their newest version, whichever they are stored in.",
        },
        "defaultContentType": "application/json",
        "channels": channels(model),
        "operations": operations(model),
        "components": {
            "messages": messages(model),
            "schemas": definitions(model, Dialect::Draft7, "#/components/schemas/"),
        },
    })
}

fn channels(model: &Model) -> Map<String, Value> {
    let mut channels = Map::new();
    for (name, aggregate) in &model.aggregates {
        let mut messages = Map::new();
        for event in aggregate.events.iter().chain(&aggregate.past) {
            let Some(versions) = model.events.get(event).map(|event| &event.versions) else { continue };
            for number in versions.keys() {
                let key = versioned(event, *number);
                let reference = format!("#/components/messages/{key}");
                messages.insert(key, json!({ "$ref": reference }));
            }
        }
        let mut channel = json!({
            "address": format!("{name}/{{id}}"),
            "title": name,
            "messages": messages,
            "parameters": { "id": { "description": "Which one of its kind." } },
        });
        describe(&mut channel, &aggregate.doc);
        channels.insert(name.clone(), channel);
    }
    channels
}

fn operations(model: &Model) -> Map<String, Value> {
    let mut operations = Map::new();
    for (name, aggregate) in &model.aggregates {
        let title = format!("{name} raises its events");
        let events = aggregate.events.iter().map(String::as_str);
        operations.insert(
            format!("aggregate.{name}"),
            operation(model, "send", &title, &aggregate.doc, name, events),
        );
    }
    for ((kind, name), consumer) in &model.consumers {
        for (aggregate, (taken, _)) in &consumer.follows {
            // Without messages it would take them all.
            if taken.is_empty() {
                continue;
            }
            let title = format!("{kind} {name} follows {aggregate}");
            let events = taken.iter().map(String::as_str);
            operations.insert(
                format!("{kind}.{name}.{aggregate}"),
                operation(model, "receive", &title, &consumer.doc, aggregate, events),
            );
        }
    }
    operations
}

fn operation<'a>(
    model: &Model,
    action: &str,
    title: &str,
    doc: &str,
    channel: &str,
    events: impl Iterator<Item = &'a str>,
) -> Value {
    let messages = events.filter_map(|event| {
        let key = versioned(event, model.events.get(event)?.newest());
        Some(json!({ "$ref": format!("#/channels/{channel}/messages/{key}") }))
    });
    let mut operation = json!({
        "action": action,
        "title": title,
        "channel": { "$ref": format!("#/channels/{channel}") },
        "messages": messages.collect::<Vec<_>>(),
    });
    describe(&mut operation, doc);
    operation
}

fn messages(model: &Model) -> Map<String, Value> {
    let mut messages = Map::new();
    for (name, event) in &model.events {
        for (number, version) in &event.versions {
            let key = versioned(name, *number);
            let examples: Vec<Value> =
                version.examples.iter().map(|payload| json!({ "payload": payload })).collect();
            let mut message = json!({
                "name": name,
                "title": format!("{name}, version {number}"),
                "payload": { "$ref": format!("#/components/schemas/{key}") },
                "examples": examples,
                "x-schema-version": number,
            });
            if !event.aliases.is_empty() {
                message["x-aliases"] = json!(event.aliases);
            }
            describe(&mut message, &version.doc);
            messages.insert(key, message);
        }
    }
    messages
}

fn describe(value: &mut Value, doc: &str) {
    if !doc.is_empty() {
        value["summary"] = json!(prose::summary(doc));
        value["description"] = json!(doc);
    }
}
