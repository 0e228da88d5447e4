//! Events as a failed test shows them.

use super::diff::{Step, diff};
use super::json::Json;
use crate::format::Encoded;
use std::fmt;

/// An event as it is stored: what counts is the name, the version and the payload.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    name: String,
    version: u16,
    payload: Json,
}

impl Shown {
    /// Of an event that is stored as JSON.
    pub(super) fn of(name: &str, version: u16, payload: &Encoded) -> Result<Self, String> {
        let payload = Json::of(payload).map_err(|error| format!("`{name}` is no JSON: {error}"))?;
        Ok(Self { name: name.to_owned(), version, payload })
    }

    fn pretty(&self) -> String {
        format!("{} v{}\n{}", self.name, self.version, self.payload.pretty())
    }
}

/// On one line.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{} {}", self.name, self.version, self.payload)
    }
}

/// An event a line.
pub(super) fn list(events: &[Shown]) -> String {
    if events.is_empty() {
        return "    nothing\n".into();
    }
    events.iter().map(|event| format!("    {event}\n")).collect()
}

/// What differs, event by event: those that differ only inside are shown line by line.
pub(super) fn differences(wanted: &[Shown], found: &[Shown]) -> String {
    let (mut gone, mut new, mut text) = (Vec::new(), Vec::new(), String::new());
    for step in diff(wanted, found) {
        match step {
            Step::Gone(event) => gone.push(event),
            Step::New(event) => new.push(event),
            Step::Same(event) => {
                write_changes(&mut text, &mut gone, &mut new);
                text += &marked(' ', &event.to_string());
            }
        }
    }
    write_changes(&mut text, &mut gone, &mut new);
    text
}

fn write_changes(text: &mut String, gone: &mut Vec<&Shown>, new: &mut Vec<&Shown>) {
    for wanted in gone.drain(..) {
        let twin = new.iter().position(|found| found.name == wanted.name);
        let Some(twin) = twin else {
            *text += &marked('-', &wanted.to_string());
            continue;
        };
        for passed in new.drain(..twin) {
            *text += &marked('+', &passed.to_string());
        }
        let (wanted, found) = (wanted.pretty(), new.remove(0).pretty());
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        for step in diff(&lines(&wanted), &lines(&found)) {
            *text += &match step {
                Step::Same(line) => marked(' ', line),
                Step::Gone(line) => marked('-', line),
                Step::New(line) => marked('+', line),
            };
        }
    }
    for found in new.drain(..) {
        *text += &marked('+', &found.to_string());
    }
}

fn marked(mark: char, line: &str) -> String {
    format!("  {mark} {line}\n")
}
