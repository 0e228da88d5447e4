//! Hops that may refuse what is stored.

use crate::stored::{memory, write};
use es_runtime::prelude::*;
use std::error::Error;

#[event("meter.read")]
pub struct ReadV1 {
    pub kwh: String,
}

#[event("meter.read", version = 2, try_from = ReadV1)]
pub struct ReadV2 {
    pub kwh: u32,
}

#[event("meter.read", version = 3, from = ReadV2)]
pub struct MeterRead {
    pub wh: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no number")]
pub struct NoNumber(String);

impl TryFrom<ReadV1> for ReadV2 {
    type Error = NoNumber;

    fn try_from(old: ReadV1) -> Result<Self, NoNumber> {
        old.kwh.parse().map(|kwh| Self { kwh }).map_err(|_| NoNumber(old.kwh))
    }
}

impl From<ReadV2> for MeterRead {
    fn from(old: ReadV2) -> Self {
        Self { wh: u64::from(old.kwh) * 1000 }
    }
}

#[derive(Aggregate, Default, Debug)]
#[aggregate("meter", id = String, events(MeterRead))]
pub struct Meter {
    wh: Vec<u64>,
}

impl Apply<MeterRead> for Meter {
    fn apply(&mut self, event: &MeterRead) {
        self.wh.push(event.wh);
    }
}

#[tokio::test]
async fn what_a_hop_takes_is_read_through_it() {
    let store = memory();
    let stored = [
        ("meter.read", 1, r#"{"kwh":"7"}"#),
        ("meter.read", 2, r#"{"kwh":8}"#),
        ("meter.read", 3, r#"{"wh":1}"#),
    ];
    write(&store, "meter/m-1", &stored).await;
    assert_eq!(store.repository::<Meter>().load(&"m-1".into()).await.expect("loads").wh, [7000, 8000, 1]);
}

#[tokio::test]
async fn what_a_hop_refuses_is_said_with_its_place_its_versions_and_its_reason() {
    let store = memory();
    write(&store, "meter/m-1", &[("meter.read", 3, r#"{"wh":1}"#), ("meter.read", 1, r#"{"kwh":"many"}"#)])
        .await;
    let meters = store.repository::<Meter>();
    let error = meters.load(&"m-1".into()).await.map(drop).expect_err("refused").to_string();
    let expected = "`meter/m-1` cannot be read at version 2: `meter.read` version 1 was refused as version 2: \
                    `many` is no number; what is stored stays, so let the `TryFrom` of version 2 take it";
    assert!(error.contains(expected), "{error}");

    let history = meters.history(&"m-1".into(), Version::new(2)).await.expect("readable");
    let refused = history.events[0].decode::<MeterRead>().map(drop);
    let Err(DecodeError::Refused { name: "meter.read", from: 1, to: 2, source }) = refused else {
        panic!("{refused:?}")
    };
    let reason: &(dyn Error + 'static) = source.get();
    assert_eq!(reason.downcast_ref::<NoNumber>().map(|NoNumber(text)| text.as_str()), Some("many"));
}

// What the hop refuses of what can be made up is not the aggregate's to read.
es_runtime::testing::properties!(meter: Meter, recorded = [ReadV1 { kwh: "7".into() }]);
