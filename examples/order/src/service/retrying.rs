//! What becomes of events that could not be acted on.

use es_runtime::OnFailure;

/// A store or a gateway that is away is back in a moment, or in some minutes. What fails for longer is noted, with
/// what came after it in its stream, and the others go on.
pub const REACTIONS: OnFailure = OnFailure::retry(60).then_park();
