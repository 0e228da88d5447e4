//! The lines that mend a breaking change.

use super::path::{Path, Step};
use super::place::{Kind, Places};
use crate::registry::EventEntry;
use std::fmt::Write;

/// What to write so that version `number`, which had the places `old` and has `new` now, stays as it was.
pub(super) fn of_version(entry: &EventEntry, number: u16, old: &Places, new: &Places) -> String {
    let (schema, newest) = (entry.schema(), entry.schema().version());
    let (name, type_name) = (schema.name(), entry.probe.type_name(number));
    if number < newest {
        return format!("version {number} is history: put `{type_name}` back as it was");
    }
    let (next, kept) = (u32::from(number) + 1, format!("{}V{number}", base(type_name)));
    let mut text =
        format!("keep the old shape, and say how it becomes the new one ({}):\n\n", schema.origin());
    let attribute = match number {
        1 => format!("#[event(\"{name}\")]"),
        _ => {
            format!("#[event(\"{name}\", version = {number}, from = {})]", entry.probe.type_name(number - 1))
        }
    };
    let aliases: String = schema.aliases().iter().map(|alias| format!(", alias = \"{alias}\"")).collect();
    let _ = write!(
        text,
        "    {attribute}\n    pub struct {kept} {}\n\n    \
         #[event(\"{name}\", version = {next}, from = {kept}{aliases})]\n    \
         pub struct {type_name} {{ /* as it is now */ }}\n\n    \
         impl From<{kept}> for {type_name} {{\n        fn from(old: {kept}) -> Self {{\n            Self {{\n{}            }}\n        }}\n    }}",
        fields(old),
        conversions(old, new),
    );
    text
}

/// The name of a type without a version at its end.
fn base(type_name: &str) -> &str {
    let without = type_name.trim_end_matches(|c: char| c.is_ascii_digit());
    without
        .strip_suffix('V')
        .filter(|base| without.len() < type_name.len() && !base.is_empty())
        .unwrap_or(type_name)
}

/// The fields of the whole.
fn names(places: &Places) -> Vec<(&Path, &str)> {
    let fields = places.keys().filter_map(|path| match path.steps() {
        [Step::Field(name)] => Some((path, name.as_str())),
        _ => None,
    });
    fields.collect()
}

fn fields(places: &Places) -> String {
    let mut text = String::from("{");
    for (path, name) in names(places) {
        let _ = write!(text, "\n        pub {name}: {},", rust_type(places, path));
    }
    text.push_str(if text.len() > 1 { "\n    }" } else { "}" });
    text
}

fn conversions(old: &Places, new: &Places) -> String {
    let mut text = String::new();
    for (path, name) in names(new) {
        let value = if old.get(path) == new.get(path) {
            format!("old.{name}")
        } else if old.contains_key(path) {
            format!("todo!(\"what `{name}` becomes: `old.{name}`\")")
        } else {
            format!("todo!(\"`{name}` of the events that had none\")")
        };
        let _ = writeln!(text, "                {name}: {value},");
    }
    text
}

/// A type that has the shape at `path`, as far as a type without a name can.
fn rust_type(places: &Places, path: &Path) -> String {
    let Some(place) = places.get(path) else { return "/* as it was */".into() };
    let inside = |step: Step| rust_type(places, &path.then(step));
    let name = match &place.kind {
        Kind::Nothing => "()".into(),
        Kind::Char => "char".into(),
        Kind::Text => "String".into(),
        Kind::Bytes => "Vec<u8>".into(),
        Kind::List => format!("Vec<{}>", inside(Step::Item)),
        Kind::Map => format!("BTreeMap<{}, {}>", inside(Step::Key), inside(Step::Value)),
        Kind::Tuple(items) => {
            let items: Vec<_> = (0..*items).map(|n| inside(Step::Index(n))).collect();
            format!("({})", items.join(", "))
        }
        Kind::Any => "serde_json::Value".into(),
        kind @ (Kind::Bool | Kind::Int(..) | Kind::Wide { .. } | Kind::Float(_)) => kind.to_string(),
        kind => format!("/* the {kind} that it was */"),
    };
    let name = if place.is_checked { format!("{name} /* or the type that checks it */") } else { name };
    if place.is_nullable { format!("Option<{name}>") } else { name }
}
