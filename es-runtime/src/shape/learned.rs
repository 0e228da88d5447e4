//! What the tracer has learned about a type by trying.

use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// What earlier tries have taught, and what happened in the one that is going on.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// Which of the guesses is offered there.
    pub(super) turns: HashMap<String, usize>,
    /// What the type says that it wants there.
    pub(super) named: HashMap<String, &'static [&'static str]>,
    /// Options, lists and maps that stay empty.
    pub(super) empty: HashSet<String>,
    /// Names of fields that are another name of a field before.
    pub(super) aliases: HashSet<String>,
    /// What is offered there, to see whether it is taken.
    pub(super) forced: Option<(String, Value)>,
    pub(super) run: Run,
}

/// What happened in one try. After one that failed, what is around the place is what was around the failure.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Structs and enums around the place.
    pub(super) open: Vec<Open>,
    /// Options, lists and maps around the place.
    pub(super) holders: Vec<String>,
    /// Variants around the place, each with its enum.
    pub(super) variants: Vec<(String, &'static str)>,
    /// Guesses that were offered, and how many there are.
    pub(super) offered: Vec<Offer>,
    /// Values that were taken.
    pub(super) taken: Vec<(String, Value)>,
    pub(super) last_field: String,
    /// Whether the last offer itself was refused.
    pub(super) is_refused: bool,
    pub(super) was_forced: bool,
}

/// A struct or an enum. A tag beside its content is an enum inside of a struct of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Struct(&'static str),
    Enum(&'static str),
}

#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) path: String,
    pub(super) choices: usize,
    /// The option, list or map around it.
    pub(super) holder: Option<String>,
}

impl Learned {
    /// The next combination of guesses, the last digit first. When all were tried, the list around the last one
    /// stays empty; or there is nothing left to try.
    pub(super) fn next_guess(&mut self) -> bool {
        let offered = std::mem::take(&mut self.run.offered);
        for offer in offered.iter().rev() {
            let turn = self.turns.entry(offer.path.clone()).or_default();
            *turn += 1;
            if *turn < offer.choices {
                return true;
            }
            *turn = 0;
            // A value that was refused where it was offered is not made better by those before it.
            if self.run.is_refused {
                break;
            }
        }
        let holder = offered.last().and_then(|offer| offer.holder.clone());
        holder.is_some_and(|holder| self.empty.insert(holder))
    }
}

/// Why a try failed.
#[derive(Debug)]
pub(super) enum Error {
    /// For a reason of the type's own.
    Said(String),
    /// A field came twice, under two names.
    Twice,
    /// It wants one of these.
    Wants(String, &'static [&'static str]),
    /// It is inside of itself, again and again.
    Endless,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(reason) | Self::Wants(reason, _) => f.write_str(reason),
            Self::Twice => f.write_str("a field came twice"),
            Self::Endless => f.write_str("the type never ends"),
        }
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::Said(reason.to_string())
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::Twice
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::Wants(format!("unknown variant `{variant}`, expected one of {expected:?}"), expected)
    }
}
