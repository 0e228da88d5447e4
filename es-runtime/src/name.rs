//! Names of streams and events.

use crate::text::serde_as_text;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

/// Where one aggregate's events are kept: a category, and what tells it from others of its kind.
///
/// Written `category/key`. Cheap to clone.
///
/// ```
/// use es_runtime::StreamName;
///
/// let stream = StreamName::new("order", "o-1")?;
/// assert_eq!((stream.category(), stream.key()), ("order", "o-1"));
/// assert_eq!(stream.to_string().parse::<StreamName>()?, stream);
/// # Ok::<(), es_runtime::InvalidName>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamName {
    text: Arc<str>,
    category: usize,
}

impl StreamName {
    /// The longest category and the longest key, in bytes.
    pub const LONGEST: usize = 255;

    /// The stream of `key` in `category`.
    ///
    /// # Errors
    ///
    /// When the category is empty, longer than [`LONGEST`](Self::LONGEST) or has other characters than
    /// ASCII letters, digits, `.`, `_` and `-`; when the key is empty, longer than that, or has control
    /// characters. A retry does not help.
    pub fn new(category: &str, key: impl fmt::Display) -> Result<Self, InvalidName> {
        check_category(category)?;
        let mut text = String::with_capacity(category.len() + 40);
        text.push_str(category);
        text.push('/');
        fmt::Write::write_fmt(&mut text, format_args!("{key}")).map_err(|_| InvalidName::Unwritable)?;
        check_key(&text[category.len() + 1..])?;
        Ok(Self { text: text.into(), category: category.len() })
    }

    /// What kind of stream it is: the name of the aggregate.
    pub fn category(&self) -> &str {
        &self.text[..self.category]
    }

    /// Which one of its kind it is: the text of the aggregate's id.
    pub fn key(&self) -> &str {
        &self.text[self.category + 1..]
    }

    /// `category/key`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for StreamName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (category, key) = text.split_once('/').ok_or_else(|| InvalidName::NoSlash(shown(text)))?;
        Self::new(category, key)
    }
}

serde_as_text!(StreamName);

impl Hash for StreamName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// Equal to its text, so that a map of streams can be searched without making a name.
impl Borrow<str> for StreamName {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

fn check_category(text: &str) -> Result<(), InvalidName> {
    let travels = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match text.chars().find(|c| !travels(*c)) {
        Some(found) => Err(InvalidName::Category { name: shown(text), found }),
        None => check_length("category", text),
    }
}

fn check_key(text: &str) -> Result<(), InvalidName> {
    match text.chars().find(|c| c.is_control()) {
        Some(found) => Err(InvalidName::Key { name: shown(text), found }),
        None => check_length("id", text),
    }
}

fn check_length(what: &'static str, text: &str) -> Result<(), InvalidName> {
    match text.len() {
        0 => Err(InvalidName::Empty { what }),
        length if length > StreamName::LONGEST => {
            Err(InvalidName::TooLong { what, length, name: shown(text) })
        }
        _ => Ok(()),
    }
}

/// Enough of a bad name to know it again in a log.
fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

/// A stream cannot have this name. A retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// There is nothing.
    #[error("the {what} of a stream cannot be empty")]
    Empty {
        /// Which part of the name.
        what: &'static str,
    },
    /// It is longer than stores can keep.
    #[error("the {what} of a stream has at most {} bytes, but `{name}…` has {length}", StreamName::LONGEST)]
    TooLong {
        /// Which part of the name.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
        /// How it starts.
        name: String,
    },
    /// The category has a character that does not travel through every store.
    #[error(
        "the category of a stream has ASCII letters, digits, `.`, `_` and `-`, but `{name}` has {found:?}"
    )]
    Category {
        /// How it starts.
        name: String,
        /// The character.
        found: char,
    },
    /// The id has a control character.
    #[error("the id of a stream has no control characters, but `{name}` has {found:?}")]
    Key {
        /// How it starts.
        name: String,
        /// The character.
        found: char,
    },
    /// There is no `/` between category and key.
    #[error("a stream is written `category/id`, but `{0}` has no `/`")]
    NoSlash(String),
    /// The id's `Display` reported an error.
    #[error("the id cannot be written as text: its `Display` failed")]
    Unwritable,
}

/// The name an event is stored under. Cheap to clone.
#[derive(Clone)]
pub struct EventName(Name);

#[derive(Clone)]
enum Name {
    Static(&'static str),
    Shared(Arc<str>),
}

impl From<&'static str> for EventName {
    fn from(name: &'static str) -> Self {
        Self(Name::Static(name))
    }
}

impl From<Arc<str>> for EventName {
    fn from(name: Arc<str>) -> Self {
        Self(Name::Shared(name))
    }
}

impl Deref for EventName {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Name::Static(name) => name,
            Name::Shared(name) => name,
        }
    }
}

impl PartialEq for EventName {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for EventName {}

impl PartialEq<str> for EventName {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for EventName {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl Hash for EventName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_have_slashes_quotes_and_any_language() {
        for key in ["a/b", "o'brien", "\"quoted\"", "заказ", "order 1"] {
            let stream = StreamName::new("order", key).expect(key);
            assert_eq!(stream.key(), key);
            assert_eq!(stream.as_str().parse(), Ok(stream));
        }
    }

    #[test]
    fn what_does_not_travel_is_refused() {
        assert_eq!(StreamName::new("", "1"), Err(InvalidName::Empty { what: "category" }));
        assert_eq!(StreamName::new("order", ""), Err(InvalidName::Empty { what: "id" }));
        assert!(matches!(StreamName::new("an order", "1"), Err(InvalidName::Category { found: ' ', .. })));
        assert!(matches!(StreamName::new("order", "a\0b"), Err(InvalidName::Key { found: '\0', .. })));
        assert!(matches!(
            StreamName::new("order", "x".repeat(256)),
            Err(InvalidName::TooLong { length: 256, .. })
        ));
        assert!(matches!("order".parse::<StreamName>(), Err(InvalidName::NoSlash(_))));
    }

    #[test]
    fn event_names_compare_by_their_text() {
        assert_eq!(EventName::from("order.placed"), EventName::from(Arc::from("order.placed")));
    }
}
