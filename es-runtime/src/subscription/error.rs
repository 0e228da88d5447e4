//! What can go wrong for a subscriber to events of one type.

use crate::error::ReadError;
use crate::format::DecodeError;
use crate::recorded::Recorded;

/// The next event of a type could not be had.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The log could not be read. Nothing is passed: ask again, which helps where a retry of the read does.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored event does not fit its type. It is passed: whoever asks again is given the one after it, and
    /// whoever stops keeps the cursor from before.
    #[error("the event at position {} in `{}` cannot be read: {reason}", event.position(), event.stream())]
    Undecodable {
        /// The event as it is stored.
        event: Recorded,
        /// Why it does not fit.
        reason: DecodeError,
    },
}
