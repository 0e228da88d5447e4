//! What tells one payment from another.

use super::Payment;
use es_runtime::{Aggregate, InvalidName, StreamName};
use std::fmt;
use std::str::FromStr;

/// What tells one payment from another: the id of the order that it is for. So an order has one at most.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId(String);

impl FromStr for PaymentId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        StreamName::new(Payment::NAME, text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
