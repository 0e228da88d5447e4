//! Days, in UTC.

use es_runtime::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A day in UTC, written as `2026-01-31`: in this form days are ordered as their texts are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(String);

impl Day {
    /// Before every other.
    pub fn first() -> Self {
        Self("0000-01-01".into())
    }

    /// After every other.
    pub fn last() -> Self {
        Self("9999-12-31".into())
    }

    /// The day on which this was.
    pub fn of(time: Timestamp) -> Self {
        Self(time.to_string().chars().take(10).collect())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Day {
    type Error = NotADay;

    fn try_from(text: String) -> Result<Self, NotADay> {
        // Whether the month has so many days is for the clock to say.
        match format!("{text}T00:00:00Z").parse::<Timestamp>() {
            Ok(_) if text.len() == 10 => Ok(Self(text)),
            _ => Err(NotADay),
        }
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.0
    }
}

/// A retry does not help.
#[derive(Debug)]
pub struct NotADay;

impl fmt::Display for NotADay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not a day, such as 2026-01-31")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_day_is_refused() {
        let day = |text: &str| Day::try_from(text.to_owned()).is_ok();
        assert!(day("2026-01-31") && day("2024-02-29"));
        for text in ["", "2026-02-30", "2026-1-31", "2026-01-31 ", "20260131", "yesterday", "2026-01-31T00"] {
            assert!(!day(text), "{text}");
        }
    }
}
