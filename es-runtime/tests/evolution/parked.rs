//! An event that was parked by one program is retried by another, which reads more.

use crate::followers::{SOON, Seen, see};
use crate::refused::{Meter, MeterRead, NoNumber, ReadV2};
use crate::stored::{memory, write};
use es_runtime::prelude::*;
use es_runtime::{OnFailure, StreamName};
use std::sync::Arc;
use std::time::Duration;

/// Follows the same under the same name, as it was before it knew how to read everything.
#[derive(Projection)]
#[projection("meters", follows(Meter), delivery = AtLeastOnce)]
struct Before(Seen);

impl On<MeterRead> for Before {
    async fn on(&self, event: &Recorded<MeterRead>, _: &mut Attempt) -> Handled {
        see(&self.0, event, event.event().wh.to_string());
        Ok(())
    }
}

/// The meter of a program whose hop takes what the other's refused.
mod repaired {
    use super::{NoNumber, ReadV2};
    use es_runtime::prelude::*;

    #[event("meter.read", version = 2, try_from = super::super::refused::ReadV1)]
    pub struct ReadV2Repaired(ReadV2);

    impl TryFrom<super::super::refused::ReadV1> for ReadV2Repaired {
        type Error = NoNumber;

        fn try_from(old: super::super::refused::ReadV1) -> Result<Self, NoNumber> {
            Ok(Self(ReadV2 { kwh: old.kwh.parse().unwrap_or(1_000) }))
        }
    }

    #[event("meter.read", version = 3, from = ReadV2Repaired)]
    pub struct MeterRead {
        pub wh: u64,
    }

    impl From<ReadV2Repaired> for MeterRead {
        fn from(old: ReadV2Repaired) -> Self {
            Self { wh: u64::from(old.0.kwh) * 1000 }
        }
    }

    #[derive(Aggregate, Default)]
    #[aggregate("meter", id = String, events(MeterRead))]
    pub struct Meter {}

    impl Apply<MeterRead> for Meter {
        fn apply(&mut self, _: &MeterRead) {}
    }
}

#[derive(Projection)]
#[projection("meters", follows(repaired::Meter), delivery = AtLeastOnce)]
struct After(Seen);

impl On<repaired::MeterRead> for After {
    async fn on(&self, event: &Recorded<repaired::MeterRead>, _: &mut Attempt) -> Handled {
        see(&self.0, event, event.event().wh.to_string());
        Ok(())
    }
}

#[tokio::test]
async fn a_parked_event_is_retried_through_the_hops_of_the_program_that_retries_it() {
    let (store, seen) = (memory(), Seen::default());
    let stored = [
        ("meter.read", 1, r#"{"kwh":"7"}"#),
        ("meter.read", 1, r#"{"kwh":"many"}"#),
        ("meter.read", 2, r#"{"kwh":8}"#),
    ];
    write(&store, "meter/m-1", &stored).await;
    let policy = OnFailure::retry(0).then_park();
    store
        .projection(Before(Arc::clone(&seen)))
        .on_failure(policy.clone())
        .run_to_end()
        .await
        .expect("it parks");
    let parked = store.read_model::<Before>().parked().await.expect("readable");
    assert_eq!((parked.len(), parked[0].version), (1, Version::new(2)));
    assert!(parked[0].error.contains("was refused as version 2: `many` is no number"), "{}", parked[0].error);

    let stream: StreamName = "meter/m-1".parse().expect("a name");
    let model = store.read_model::<After>();
    assert!(model.retry(&stream).await.expect("asked"));
    let running =
        store.projection(After(Arc::clone(&seen))).on_failure(policy).start().await.expect("starts");
    tokio::time::timeout(SOON, async {
        while !model.parked().await.expect("readable").is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .expect("in time");
    running.stop().await;
    let seen = seen.lock().expect("no panic");
    let handled: Vec<_> = seen.iter().map(|(version, _, text)| (*version, text.as_str())).collect();
    assert_eq!(handled, [(1, "7000"), (2, "1000000"), (3, "8000")]);
}
