//! Values of the user's, for types of which none can be guessed.

use crate::event::Event;
use serde_json::Value;

/// An event of the user's, as it would be stored.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Sample {
    pub(crate) name: &'static str,
    pub(crate) version: u16,
    pub(crate) json: Value,
}

impl Sample {
    /// # Panics
    ///
    /// When the event cannot be written.
    pub fn of<E: Event>(event: &E) -> Self {
        match serde_json::to_value(event) {
            Ok(json) => Self { name: E::NAME, version: E::VERSION, json },
            Err(error) => panic!("the sample of `{}` cannot be written as JSON: {error}", E::NAME),
        }
    }
}
