//! Payloads in every format, mixed within a stream.
#![allow(missing_docs)]

#[cfg(any(not(feature = "messagepack"), feature = "cbor"))]
mod common;

#[cfg(any(not(feature = "messagepack"), feature = "cbor"))]
use common::*;
use es_runtime::Format;
use es_runtime::memory::Memory;
use es_runtime::prelude::*;

#[cfg(any(not(feature = "messagepack"), feature = "cbor"))]
fn writing(format: Format, memory: &Memory) -> Repository<Account> {
    Store::builder().format(format).adapter(memory.clone()).repository()
}

#[event("sensor.measured")]
#[derive(Clone)]
pub struct Measured {
    pub value: f64,
    pub parts: Vec<Part>,
}

#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Part(Vec<Part>);

#[derive(Aggregate, Default)]
#[aggregate("sensor", id = u64, events(Measured))]
pub struct Sensor {
    last: f64,
}

impl Apply<Measured> for Sensor {
    fn apply(&mut self, event: &Measured) {
        self.last = event.value;
    }
}

#[cfg(all(feature = "messagepack", feature = "cbor"))]
const FORMATS: &[Format] = &[Format::Json, Format::MessagePack, Format::Cbor];
#[cfg(not(all(feature = "messagepack", feature = "cbor")))]
const FORMATS: &[Format] = &[Format::Json];

#[tokio::test]
async fn a_float_is_read_as_it_was_written_to_the_last_bit() {
    for format in FORMATS {
        let sensors = Store::builder().format(*format).adapter(Memory::new()).repository::<Sensor>();
        let values =
            (1..=500_u32).map(|n| f64::from(n).sqrt() * 100.0).chain([159.262_860_138_266_75, 5e-324]);
        for (id, value) in (0..).zip(values) {
            let mut raised = sensors.load(&id).await.expect("loads");
            raised.raise(Measured { value, parts: vec![] }).expect("encodes");
            sensors.save(&mut raised).await.expect("stored");
            let replayed = sensors.load(&id).await.expect("loads");
            assert_eq!(replayed.last.to_bits(), raised.last.to_bits(), "{value} in {format}");
        }
    }
}

/// JSON has no NaN, and every format stops reading at some depth. Stored, such an event would be in the
/// way of its stream for ever.
#[tokio::test]
async fn an_event_that_could_not_be_read_again_is_not_raised() {
    for format in FORMATS {
        let sensors = Store::builder().format(*format).adapter(Memory::new()).repository::<Sensor>();
        let deep = (0..300).fold(Part::default(), |inner, _| Part(vec![inner]));
        for (id, event) in (0..).zip([
            Measured { value: f64::NAN, parts: vec![] },
            Measured { value: f64::INFINITY, parts: vec![] },
            Measured { value: 1.0, parts: vec![deep] },
            Measured { value: 1.0, parts: vec![Part::default(); 2000] },
        ]) {
            let mut sensor = sensors.load(&id).await.expect("loads");
            match sensor.raise(event) {
                Ok(()) => drop(sensors.save(&mut sensor).await.expect("stored")),
                Err(error) => {
                    assert!(error.to_string().contains("cannot be read again"), "{error}");
                    assert_eq!((sensor.last, sensor.pending().len()), (0.0, 0));
                }
            }
            assert_eq!(sensors.load(&id).await.expect("loads").version(), sensor.version());
        }
        assert!(sensors.exists(&3).await.expect("readable"), "wide is not deep");
        let is_too_deep = *format != Format::MessagePack;
        assert_eq!(sensors.exists(&2).await.expect("readable"), !is_too_deep, "{format}");
    }
}

#[cfg(all(feature = "messagepack", feature = "cbor"))]
#[tokio::test]
async fn each_event_is_read_in_the_format_it_was_written_in() {
    let memory = Memory::new();
    let formats = [Format::Json, Format::MessagePack, Format::Cbor];
    writing(Format::Cbor, &memory).execute(&id("a"), |account| account.open("ada")).await.expect("stored");
    for format in formats {
        writing(format, &memory).execute(&id("a"), |account| account.deposit(1)).await.expect("stored");
    }
    for format in formats {
        assert_eq!(writing(format, &memory).load(&id("a")).await.expect("loads").balance, 3);
    }
    let history = writing(Format::Json, &memory).history(&id("a"), Version::new(1)).await.expect("readable");
    let stored: Vec<_> = history.events.iter().map(|event| event.event().format()).collect();
    assert_eq!(stored, [Format::Cbor, Format::Json, Format::MessagePack, Format::Cbor]);
    assert_eq!(history.events[0].decode::<Opened>().expect("ours").event().owner, "ada");
}

/// The names of fields are written in every format, so that a field may come or go.
#[cfg(all(feature = "messagepack", feature = "cbor"))]
#[tokio::test]
async fn fields_are_stored_by_name() {
    for format in [Format::Json, Format::MessagePack, Format::Cbor] {
        let memory = Memory::new();
        writing(format, &memory).execute(&id("a"), |account| account.open("ada")).await.expect("stored");
        let history = writing(format, &memory).history(&id("a"), Version::new(1)).await.expect("readable");
        let bytes = history.events[0].event().bytes();
        assert!(bytes.windows(5).any(|window| window == b"owner"), "{format}");
    }
}

#[cfg(not(feature = "messagepack"))]
#[tokio::test]
async fn a_format_that_is_not_built_is_an_error_that_names_the_feature() {
    let memory = Memory::new();
    let accounts = writing(Format::MessagePack, &memory);
    let error = accounts.execute(&id("a"), |account| account.open("ada")).await.expect_err("not built");
    assert!(error.to_string().contains("feature `messagepack`"), "{error}");
    assert!(!accounts.exists(&id("a")).await.expect("readable"));
}
