//! What stands at a place of an event's JSON, and how the lock says it.

use super::path::{Path, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Every place of a value, from `$`, which is the whole.
pub(crate) type Places = BTreeMap<Path, Place>;

/// The places right inside of `path`.
pub(crate) fn inside<'p>(places: &'p Places, path: &'p Path) -> impl Iterator<Item = &'p Path> {
    let depth = path.steps().len() + 1;
    let below = places.range(path.clone()..).map(|(other, _)| other);
    below.take_while(|other| other.starts_with(path)).filter(move |other| other.steps().len() == depth)
}

/// Calls the place at `from`, and everything inside of it, `to`.
pub(crate) fn move_places(places: &mut Places, from: &Path, to: &Path) {
    let moved: Vec<_> =
        places.keys().filter_map(|path| Some((path.clone(), path.moved(from, to)?))).collect();
    for (before, after) in moved {
        if let Some(place) = places.remove(&before) {
            places.insert(after, place);
        }
    }
}

/// What is at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    /// Whether `null` is taken instead.
    pub(crate) is_nullable: bool,
    /// Whether a payload without this field is read.
    pub(crate) is_optional: bool,
    /// Whether the type takes only some of the values of this kind.
    pub(crate) is_checked: bool,
    /// Other names under which this field is read.
    pub(crate) aliases: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only `null`; of a variant, only its name.
    Nothing,
    Bool,
    /// A whole number, from and to.
    Int(i64, u64),
    /// A whole number of 128 bits, with a sign or without.
    Wide {
        is_signed: bool,
    },
    /// A number of so many bits.
    Float(u8),
    Char,
    Text,
    Bytes,
    /// Whatever there is: the type describes itself, so only golden payloads tell.
    Any,
    /// No value of it was found.
    Unknown,
    List,
    Tuple(usize),
    Map,
    Struct {
        /// Whether fields that it does not know are refused.
        is_closed: bool,
    },
    Enum {
        /// Whether variants that it does not know are read as one of its own.
        is_open: bool,
    },
    /// The same as around it.
    Same(Path),
}

/// The whole numbers that have names.
const INTS: [(&str, i64, u64); 8] = [
    ("u8", 0, u8::MAX as u64),
    ("u16", 0, u16::MAX as u64),
    ("u32", 0, u32::MAX as u64),
    ("u64", 0, u64::MAX),
    ("i8", i8::MIN as i64, i8::MAX as u64),
    ("i16", i16::MIN as i64, i16::MAX as u64),
    ("i32", i32::MIN as i64, i32::MAX as u64),
    ("i64", i64::MIN, i64::MAX as u64),
];

impl Place {
    pub(crate) const fn of(kind: Kind) -> Self {
        Self { kind, is_nullable: false, is_optional: false, is_checked: false, aliases: BTreeSet::new() }
    }

    /// Reads what [`Display`](fmt::Display) writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(", ");
        let mut place = Self::of(Kind::parse(parts.next()?)?);
        for part in parts {
            match part {
                NULLABLE => place.is_nullable = true,
                OPTIONAL => place.is_optional = true,
                CHECKED => place.is_checked = true,
                _ => {
                    let alias = Path::parse(&format!("$.{}", part.strip_prefix(ALIAS)?))?;
                    let Some(Step::Field(alias)) = alias.last() else { return None };
                    place.aliases.insert(alias.clone());
                }
            }
        }
        Some(place)
    }
}

const NULLABLE: &str = "or null";
const OPTIONAL: &str = "may be missing";
const CHECKED: &str = "checked";
const ALIAS: &str = "also read as ";

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        let marks = [(self.is_checked, CHECKED), (self.is_nullable, NULLABLE), (self.is_optional, OPTIONAL)];
        marks.iter().filter(|(is_so, _)| *is_so).try_for_each(|(_, mark)| write!(f, ", {mark}"))?;
        self.aliases.iter().try_for_each(|alias| {
            let path = Path::default().then(Step::Field(alias.clone())).to_string();
            write!(f, ", {ALIAS}{}", path.trim_start_matches("$."))
        })
    }
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        if let Some((_, from, to)) = INTS.iter().find(|(name, ..)| *name == text) {
            return Some(Self::Int(*from, *to));
        }
        Some(match text.split_once(' ') {
            None => match text {
                "nothing" => Self::Nothing,
                "bool" => Self::Bool,
                "u128" => Self::Wide { is_signed: false },
                "i128" => Self::Wide { is_signed: true },
                "f32" => Self::Float(32),
                "f64" => Self::Float(64),
                "char" => Self::Char,
                "text" => Self::Text,
                "bytes" => Self::Bytes,
                "any" => Self::Any,
                "unknown" => Self::Unknown,
                "list" => Self::List,
                "map" => Self::Map,
                "struct" => Self::Struct { is_closed: false },
                "enum" => Self::Enum { is_open: false },
                _ => return None,
            },
            Some(("closed", "struct")) => Self::Struct { is_closed: true },
            Some(("open", "enum")) => Self::Enum { is_open: true },
            Some(("tuple", items)) => Self::Tuple(items.parse().ok()?),
            Some(("same", path)) => Self::Same(Path::parse(path.strip_prefix("as ")?)?),
            Some(("int", range)) => {
                let (from, to) = range.split_once("..=")?;
                Self::Int(from.parse().ok()?, to.parse().ok()?)
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Bool => f.write_str("bool"),
            Self::Int(from, to) => match INTS.iter().find(|(_, a, b)| (a, b) == (from, to)) {
                Some((name, ..)) => f.write_str(name),
                None => write!(f, "int {from}..={to}"),
            },
            Self::Wide { is_signed: false } => f.write_str("u128"),
            Self::Wide { is_signed: true } => f.write_str("i128"),
            Self::Float(bits) => write!(f, "f{bits}"),
            Self::Char => f.write_str("char"),
            Self::Text => f.write_str("text"),
            Self::Bytes => f.write_str("bytes"),
            Self::Any => f.write_str("any"),
            Self::Unknown => f.write_str("unknown"),
            Self::List => f.write_str("list"),
            Self::Tuple(items) => write!(f, "tuple {items}"),
            Self::Map => f.write_str("map"),
            Self::Struct { is_closed: false } => f.write_str("struct"),
            Self::Struct { is_closed: true } => f.write_str("closed struct"),
            Self::Enum { is_open: false } => f.write_str("enum"),
            Self::Enum { is_open: true } => f.write_str("open enum"),
            Self::Same(path) => write!(f, "same as {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_read_as_it_is_written() {
        let kinds = [
            Kind::Nothing,
            Kind::Bool,
            Kind::Int(0, 255),
            Kind::Int(i64::MIN, i64::MAX as u64),
            Kind::Int(-1, 12),
            Kind::Wide { is_signed: true },
            Kind::Wide { is_signed: false },
            Kind::Float(32),
            Kind::Float(64),
            Kind::Char,
            Kind::Text,
            Kind::Bytes,
            Kind::Any,
            Kind::Unknown,
            Kind::List,
            Kind::Tuple(3),
            Kind::Map,
            Kind::Struct { is_closed: false },
            Kind::Struct { is_closed: true },
            Kind::Enum { is_open: false },
            Kind::Enum { is_open: true },
            Kind::Same(Path::default()),
        ];
        for kind in kinds {
            for marks in 0..8_u8 {
                let (is_nullable, is_optional, is_checked) = (marks & 1 > 0, marks & 2 > 0, marks & 4 > 0);
                let aliases = (0..marks % 3).map(|n| format!("alias, {n}.")).collect();
                let place = Place { kind: kind.clone(), is_nullable, is_optional, is_checked, aliases };
                assert_eq!(Place::parse(&place.to_string()), Some(place.clone()), "{place}");
            }
        }
        assert_eq!(Place::parse("text, sometimes"), None);
    }
}
