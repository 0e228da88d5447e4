//! What a change of shape means for what is stored, and for programs that are older.

use super::path::{Path, Step};
use super::place::{Kind, Place, Places, inside, move_places};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// Who can still read what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Old and new programs read what either has written.
    Full,
    /// The new program reads what is stored; an older one may not read what this one writes.
    Backward,
    /// Older programs read what the new one writes, but the new one does not read all that is stored.
    Forward,
    /// Neither.
    Breaking,
}

impl Verdict {
    const fn of(breaks_backward: bool, breaks_forward: bool) -> Self {
        match (breaks_backward, breaks_forward) {
            (false, false) => Self::Full,
            (false, true) => Self::Backward,
            (true, false) => Self::Forward,
            (true, true) => Self::Breaking,
        }
    }

    /// Whether everything that is stored can be read.
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Full | Self::Backward)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Backward => "backward",
            Self::Forward => "forward",
            Self::Breaking => "breaking",
        })
    }
}

/// One difference between two shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) verdict: Verdict,
    /// What happened to the event, to be read after its name.
    pub(crate) what: String,
}

/// Everything that differs. The verdicts are never laxer than serde; some are stricter, because what serde passes
/// over is lost.
pub(crate) fn compare(old: &Places, new: &Places) -> Vec<Change> {
    let mut old = old.clone();
    let changes = rename(&mut old, new);
    let mut comparison = Comparison { old: &old, new, changes };
    comparison.place(&Path::default());
    comparison.changes
}

/// What the shapes do not show: a part that describes itself, or takes only some values, may take others now. The new
/// program is asked about the old payloads; nobody can ask an older program about the new ones.
pub(crate) fn compare_payloads(
    (old, old_payloads): (&Places, &[&Value]),
    (new, new_payloads): (&Places, &[Value]),
) -> Option<Change> {
    let is_hidden = |place: &Place| place.kind == Kind::Any || place.is_checked;
    let mut places = new.iter().filter(|(_, place)| is_hidden(place));
    let (path, _) = places.find(|(path, _)| old.get(path).is_some_and(is_hidden))?;
    let is_known = new_payloads.iter().all(|payload| old_payloads.contains(&payload));
    let what = format!("takes other values at `{path}`, or elsewhere");
    (!is_known).then_some(Change { verdict: Verdict::Backward, what })
}

/// Calls fields of `old` as they are called in `new`, where that reads them under their old names.
fn rename(old: &mut Places, new: &Places) -> Vec<Change> {
    let mut changes = Vec::new();
    for (path, place) in new {
        let Some(parent) = path.parent() else { continue };
        for alias in &place.aliases {
            let before = parent.then(match path.last() {
                Some(Step::Variant(_)) => Step::Variant(alias.clone()),
                _ => Step::Field(alias.clone()),
            });
            if old.contains_key(&before) && !old.contains_key(path) && !new.contains_key(&before) {
                move_places(old, &before, path);
                let what = format!("calls `{before}` `{path}` now");
                changes.push(Change { verdict: Verdict::Backward, what });
            }
        }
    }
    changes
}

struct Comparison<'a> {
    old: &'a Places,
    new: &'a Places,
    changes: Vec<Change>,
}

impl Comparison<'_> {
    fn note(&mut self, breaks_backward: bool, breaks_forward: bool, what: String) {
        self.changes.push(Change { verdict: Verdict::of(breaks_backward, breaks_forward), what });
    }

    fn place(&mut self, path: &Path) {
        let (Some(old), Some(new)) = (self.old.get(path), self.new.get(path)) else {
            // One side has a part that the other's parent cannot have: said at the parent.
            return;
        };
        let is_null_now = new.is_nullable || new.kind == Kind::Nothing;
        match (old.is_nullable, new.is_nullable) {
            (true, false) if !is_null_now => {
                self.note(true, false, format!("takes no `null` at `{path}` any more"));
            }
            (false, true) if old.kind != Kind::Nothing => {
                self.note(false, true, format!("takes `null` at `{path}`"));
            }
            _ => {}
        }
        match (old.is_checked, new.is_checked) {
            (false, true) => self.note(true, false, format!("takes only some values at `{path}`")),
            (true, false) => self.note(false, true, format!("takes any {} at `{path}`", new.kind)),
            _ => {}
        }
        for alias in old.aliases.difference(&new.aliases) {
            // It may be what the place is called now.
            if path.name() != Some(alias) {
                self.note(true, false, format!("does not read `{alias}` as `{path}` any more"));
            }
        }
        self.kinds(path, old, new);
    }

    fn kinds(&mut self, path: &Path, old: &Place, new: &Place) {
        let is_variant = matches!(path.last(), Some(Step::Variant(_)));
        match (&old.kind, &new.kind) {
            (Kind::Struct { is_closed: old_closed }, Kind::Struct { is_closed }) => {
                self.fields(path, *old_closed, *is_closed);
            }
            (Kind::Enum { is_open: old_open }, Kind::Enum { is_open }) => {
                self.variants(path, *old_open, *is_open);
            }
            (Kind::Tuple(a), Kind::Tuple(b)) if a == b => self.parts(path),
            (Kind::List, Kind::List) | (Kind::Map, Kind::Map) => self.parts(path),
            (a, b) if a == b => {}
            // `null` is all there was.
            (Kind::Nothing, _) if new.is_nullable && !is_variant => {
                self.note(false, true, format!("takes more than `null` at `{path}`"));
            }
            (a, b) => {
                let (backward, forward) = (reads(b, a), reads(a, b));
                self.note(!backward, !forward, format!("had {a} at `{path}`, and has {b} now"));
            }
        }
    }

    fn parts(&mut self, path: &Path) {
        for part in self.children(path) {
            self.place(&part);
        }
    }

    fn fields(&mut self, path: &Path, was_closed: bool, is_closed: bool) {
        if !was_closed && is_closed {
            self.note(true, false, format!("refuses fields at `{path}` that it does not know"));
        }
        for child in self.children(path) {
            match (self.old.get(&child), self.new.get(&child)) {
                (Some(_), None) => {
                    // An older program goes without a field only where it may be missing.
                    let may_be_missing = self.old.get(&child).is_some_and(|old| old.is_optional);
                    self.note(true, !may_be_missing, format!("lost the field `{child}`"));
                }
                (None, Some(new)) if new.is_optional => {
                    self.note(false, was_closed, format!("gained the field `{child}`"));
                }
                (None, Some(_)) => {
                    let what = format!("gained the field `{child}`, which no stored payload has");
                    self.note(true, was_closed, what);
                }
                (Some(old), Some(new)) => {
                    match (old.is_optional, new.is_optional) {
                        (true, false) => {
                            self.note(true, false, format!("cannot do without the field `{child}` any more"));
                        }
                        (false, true) => {
                            self.note(false, true, format!("can do without the field `{child}`"))
                        }
                        _ => {}
                    }
                    self.place(&child);
                }
                (None, None) => {}
            }
        }
    }

    fn variants(&mut self, path: &Path, was_open: bool, is_open: bool) {
        if was_open && !is_open {
            self.note(true, false, format!("reads variants at `{path}` no more that it does not know"));
        }
        for child in self.children(path) {
            match (self.old.get(&child), self.new.get(&child)) {
                (Some(_), None) => self.note(true, false, format!("lost the variant `{child}`")),
                (None, Some(_)) => self.note(false, !was_open, format!("gained the variant `{child}`")),
                _ => self.place(&child),
            }
        }
    }

    /// The places right inside of `path`, on either side.
    fn children(&self, path: &Path) -> BTreeSet<Path> {
        inside(self.old, path).chain(inside(self.new, path)).cloned().collect()
    }
}

/// Whether a type that asks for `kind` reads every value of `of`.
fn reads(kind: &Kind, of: &Kind) -> bool {
    match (kind, of) {
        (Kind::Int(from, to), Kind::Int(of_from, of_to)) => from <= of_from && of_to <= to,
        (Kind::Wide { is_signed: true }, Kind::Int(..)) => true,
        (Kind::Wide { is_signed: false }, Kind::Int(from, _)) => *from >= 0,
        (Kind::Float(bits), Kind::Float(of_bits)) => bits >= of_bits,
        (Kind::Text, Kind::Char) => true,
        (a, b) => a == b,
    }
}
