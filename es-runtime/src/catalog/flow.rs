//! A Mermaid flowchart: who asks for what, what happens, and who hears of it.

use super::model::Model;
use std::fmt::Write;

pub(super) fn chart(model: &Model) -> String {
    let mut text = String::from("flowchart LR\n");
    for (name, aggregate) in &model.aggregates {
        for command in aggregate.commands.keys() {
            let id = id("command", &format!("{name} {command}"));
            node(&mut text, &id, "[/", command, "/]");
        }
    }
    for name in model.aggregates.keys() {
        node(&mut text, &id("aggregate", name), "[", name, "]");
    }
    for name in model.events.keys() {
        // What happens no more has no place in what happens.
        if model.past_of(name).next().is_some() && model.raised_by(name).next().is_none() {
            continue;
        }
        node(&mut text, &id("event", name), "([", name, "])");
    }
    for (kind, name) in model.consumers.keys() {
        node(&mut text, &id(&kind.to_string(), name), "{{", &format!("{kind} {name}"), "}}");
    }
    for (name, aggregate) in &model.aggregates {
        let to = id("aggregate", name);
        for command in aggregate.commands.keys() {
            edge(&mut text, &id("command", &format!("{name} {command}")), &to);
        }
        for event in &aggregate.events {
            edge(&mut text, &to, &id("event", event));
        }
    }
    for event in model.events.keys() {
        for (kind, name) in model.taken_by(event) {
            edge(&mut text, &id("event", event), &id(&kind.to_string(), name));
        }
    }
    text
}

fn node(text: &mut String, id: &str, open: &str, label: &str, close: &str) {
    let _ = writeln!(text, "    {id}{open}\"{}\"{close}", label_of(label));
}

fn edge(text: &mut String, from: &str, to: &str) {
    let _ = writeln!(text, "    {from} --> {to}");
}

/// A word that is no other name's, and stays the same whatever else there is.
fn id(kind: &str, name: &str) -> String {
    name.bytes().fold(format!("{kind}_"), |mut id, byte| {
        match byte {
            b if b.is_ascii_alphanumeric() => id.push(char::from(b)),
            b => {
                let _ = write!(id, "_{b:02x}");
            }
        }
        id
    })
}

/// What Mermaid shows as this very name.
fn label_of(name: &str) -> String {
    let mut label = String::new();
    for c in name.chars() {
        match c {
            '"' | '#' | '<' | '>' | '&' | ';' | '`' | '\\' => {
                let _ = write!(label, "#{};", u32::from(c));
            }
            c if c.is_control() => label.push(' '),
            c => label.push(c),
        }
    }
    label
}
