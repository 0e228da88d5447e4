//! What tells one order from another.

use crate::Order;
use es_runtime::{Aggregate, InvalidName, StreamName};
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// What tells one order from another: any text that can name a stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct OrderId(String);

impl TryFrom<String> for OrderId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        StreamName::new(Order::NAME, &text)?;
        Ok(Self(text))
    }
}

impl FromStr for OrderId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
