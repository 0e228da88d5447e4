//! The page that people read.

use super::model::{Aggregate, Consumer, Event, Model, Version};
use super::prose::{anchor, cell, code, plain, summary};
use super::{flow, json};
use crate::registry::FollowerKind;
use std::fmt::Write;

pub(super) fn page(model: &Model) -> String {
    let mut text = format!(
        "# {}\n\nMade of the program: its events, their doc comments and their golden payloads. It is not edited by \
         hand.\n\n```mermaid\n{}```\n",
        plain(&model.title),
        flow::chart(model)
    );
    section(&mut text, "Aggregates", &model.aggregates, |text, name, it| aggregate(text, name, it));
    section(&mut text, "Events", &model.events, |text, name, it| event(text, model, name, it));
    section(&mut text, "Consumers", &model.consumers, |text, (kind, name), it| {
        consumer(text, *kind, name, it);
    });
    section(&mut text, "Retired names", &model.retired, |text, name, why| {
        let _ = writeln!(text, "{} was an event once, and is never used again: {}", code(name), plain(why));
    });
    text
}

fn section<'a, K: 'a, T: 'a>(
    text: &mut String,
    heading: &str,
    parts: impl IntoIterator<Item = (&'a K, &'a T)>,
    mut part: impl FnMut(&mut String, &K, &T),
) {
    let mut parts = parts.into_iter().peekable();
    if parts.peek().is_some() {
        let _ = writeln!(text, "\n## {heading}");
    }
    for (name, it) in parts {
        text.push('\n');
        part(text, name, it);
    }
}

fn paragraph(text: &mut String, doc: &str) {
    if !doc.is_empty() {
        let _ = writeln!(text, "\n{doc}");
    }
}

/// A link to the section of an event.
fn link(event: &str) -> String {
    format!("[{}](#{})", code(event), anchor(event))
}

fn links<'a>(events: impl IntoIterator<Item = &'a String>) -> String {
    events.into_iter().map(|event| link(event)).collect::<Vec<_>>().join(", ")
}

fn aggregate(text: &mut String, name: &str, aggregate: &Aggregate) {
    let _ = writeln!(text, "### Aggregate {}", code(name));
    paragraph(text, &aggregate.doc);
    let _ = writeln!(text, "\n{}, revision {}.", code(&aggregate.path), aggregate.revision);
    if !aggregate.commands.is_empty() {
        text.push_str("\n| command | may lead to |\n| --- | --- |\n");
        for (command, events) in &aggregate.commands {
            let _ = writeln!(text, "| {} | {} |", code(command), links(events));
        }
    }
    let _ = writeln!(text, "\nEvents: {}", links(&aggregate.events));
    if !aggregate.past.is_empty() {
        let _ = writeln!(text, "\nPast events: {}", links(&aggregate.past));
    }
}

fn event(text: &mut String, model: &Model, name: &str, event: &Event) {
    let _ = writeln!(text, "### {}", code(name));
    paragraph(text, event.doc());
    text.push('\n');
    for alias in &event.aliases {
        let _ = writeln!(text, "- once stored as {}", code(alias));
    }
    for aggregate in model.raised_by(name) {
        let _ = writeln!(text, "- raised by {}", code(aggregate));
    }
    for aggregate in model.past_of(name) {
        let _ = writeln!(
            text,
            "- in the past of {}: it is stored and read, and happens no more",
            code(aggregate)
        );
    }
    for (kind, consumer) in model.taken_by(name) {
        let _ = writeln!(text, "- taken by the {kind} {}", code(consumer));
    }
    let newest = event.newest();
    for (number, it) in event.versions.iter().rev() {
        version(text, *number, *number == newest, it);
    }
}

fn version(text: &mut String, number: u16, is_newest: bool, version: &Version) {
    let _ = writeln!(text, "\n**Version {number}** is {}.", code(&version.path));
    if !is_newest && !version.doc.is_empty() {
        let _ = writeln!(text, "\n{}", summary(&version.doc));
    }
    text.push_str("\n| place | holds |\n| --- | --- |\n");
    for (path, place) in &version.places {
        let _ = writeln!(text, "| {} | {} |", code(&path.to_string()), cell(&place.to_string()));
    }
    for example in &version.examples {
        // Backticks in a value would end the block if three of them began a line, and none does: it is JSON.
        let _ = writeln!(text, "\n```json\n{}\n```", json::lines(example));
    }
}

fn consumer(text: &mut String, kind: FollowerKind, name: &str, consumer: &Consumer) {
    let _ = writeln!(text, "### The {kind} {}", code(name));
    paragraph(text, &consumer.doc);
    let _ =
        writeln!(text, "\n{}\n\n| follows | takes | ignores |\n| --- | --- | --- |", code(&consumer.path));
    for (aggregate, (taken, ignored)) in &consumer.follows {
        let _ = writeln!(text, "| {} | {} | {} |", code(aggregate), links(taken), links(ignored));
    }
}
