//! What becomes of events that could not be acted on.

use es_runtime::{Follower, OnFailure, Reacting};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::sleep;

/// What is in the way is gone in a moment, or not so soon. Then the event is parked, with what comes after it in its
/// stream, and the others go on.
pub const REACTIONS: OnFailure = OnFailure::retry(8).then_park();

/// How often what is parked is tried again.
const PAUSE: Duration = Duration::from_secs(30);

/// Tries again what is parked, from time to time and for ever: a gateway that was away for an hour is back some time.
pub async fn retry_parked<R: Follower>(reacting: &Reacting<R>) -> Infallible {
    loop {
        sleep(PAUSE).await;
        // Where the store is away, the reaction says so itself.
        for parked in reacting.parked().await.unwrap_or_default() {
            tracing::warn!(follower = R::NAME, stream = %parked.stream, error = %parked.error, "trying again");
            let _ = reacting.retry(&parked.stream).await;
        }
    }
}
