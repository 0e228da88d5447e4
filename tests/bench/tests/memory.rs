//! A log of any length is read in bounded memory.

use benches::Failure;
use benches::long_log::{fill, peak_of, replay};
use es_runtime::Store;

const EVENTS: u64 = 1_000_000;

// Alone in its program: what other tests use would count.
#[tokio::test]
#[ignore = "soak: writes a million events"]
async fn soak_a_million_events_are_read_in_64_mebibytes() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}?durability=process-crash", folder.path().join("log.db").display());
    fill(&Store::connect(&url).await?, EVENTS).await?;

    let store = Store::connect(&url).await?;
    let (events, peak) = peak_of(replay(&store)).await?;
    assert_eq!(events, EVENTS);
    assert!(peak < 64 << 20, "the peak was {peak} bytes above the start");
    Ok(())
}
