//! The card, as far as a payment knows it.

use serde::{Deserialize, Serialize};

/// What a gateway calls a card that it keeps. Worth nothing to anybody but whoever the gateway gave it to, so that
/// it may stand in an event, which is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CardRef(String);

impl CardRef {
    /// The card that its gateway knows by this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
