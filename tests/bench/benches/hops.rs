//! What it costs to read an old event through the chain of its versions, above the conversions themselves.
#![allow(missing_docs, reason = "a bench")]

use benches::Failure;
use benches::measure::{Round, median, nanos, rounds, time};
use benches::report::{self, Goal};
use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::{
    Commit, Encoded, Expected, Format, NewEvent, NonEmpty, Recorded, StreamName, Timestamp, Version,
};
use std::hint::black_box;
use std::num::TryFromIntError;
use std::sync::Arc;
use tokio::runtime::Builder;

const ROUNDS: usize = 101;
const READS: usize = 20_000;

#[event("stay.booked")]
pub struct BookedV1 {
    pub guest: String,
    pub nights: u32,
    pub euros: u64,
    pub note: String,
}

#[event("stay.booked", version = 2, from = BookedV1)]
pub struct BookedV2 {
    pub guest: String,
    pub nights: u32,
    pub cents: u64,
    pub note: String,
}

#[event("stay.booked", version = 3, try_from = BookedV2)]
pub struct Booked {
    pub guest: String,
    pub nights: u16,
    pub cents: u64,
    pub note: Option<String>,
}

impl From<BookedV1> for BookedV2 {
    fn from(old: BookedV1) -> Self {
        let BookedV1 { guest, nights, euros, note } = old;
        Self { guest, nights, cents: euros * 100, note }
    }
}

impl TryFrom<BookedV2> for Booked {
    type Error = TryFromIntError;

    fn try_from(old: BookedV2) -> Result<Self, TryFromIntError> {
        let BookedV2 { guest, nights, cents, note } = old;
        Ok(Self {
            guest,
            nights: nights.try_into()?,
            cents,
            note: Some(note).filter(|note| !note.is_empty()),
        })
    }
}

fn main() -> Result<(), Failure> {
    if !report::is_wanted() {
        return Ok(());
    }
    let stored = stored()?;
    report::head("hops, nanoseconds of CPU", ["ours", "by hand", "ratio"]);
    report::note("By hand: read as the first version, and two conversions called.");
    let rounds = rounds(
        ROUNDS,
        |_| {
            time(|| {
                for _ in 0..READS {
                    black_box(black_box(&stored).decode::<Booked>()?.into_event());
                }
                Ok(())
            })
        },
        |_| {
            time(|| {
                for _ in 0..READS {
                    let first = black_box(&stored).decode::<BookedV1>()?.into_event();
                    black_box(Booked::try_from(BookedV2::from(first))?);
                }
                Ok(())
            })
        },
    )?;
    let of =
        |side: fn(&Round) -> benches::measure::Time| median(&rounds, |round| nanos(side(round).cpu, READS));
    let ratio = median(&rounds, |round| round.ours.cpu.as_secs_f64() / round.by_hand.cpu.as_secs_f64());
    let what = format!("version 1 read as version 3, {} bytes", stored.event().bytes().len());
    let (ours, by_hand) = (of(|round| round.ours), of(|round| round.by_hand));
    report::row(&what, &format!("{ours:.0}"), &format!("{by_hand:.0}"), (ratio, ""), Goal::AtMost(1.15));
    Ok(())
}

/// An event that an older program has stored.
fn stored() -> Result<Recorded, Failure> {
    let booked = BookedV1 {
        guest: "Ada Lovelace".into(),
        nights: 3,
        euros: 420,
        note: "a room that looks to the sea, and a table by the window".into(),
    };
    let event = NewEvent {
        name: BookedV1::NAME.into(),
        schema_version: BookedV1::VERSION,
        payload: Encoded::new(Format::Json, serde_json::to_vec(&booked)?),
        metadata: Arc::default(),
        occurred_at: Timestamp::EPOCH,
    };
    let stream = StreamName::new("stay", 1)?;
    let commit = Commit {
        id: CommitId::derive(&CommitId::ROOT, "hops"),
        stream: stream.clone(),
        expected: Expected::NoStream,
        events: NonEmpty::new(vec![event]).ok_or("no event")?,
        requires: Vec::new(),
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::new(Memory::new());
        store.append(commit).await?;
        let page = store.read_stream(&stream, Version::new(1), es_runtime::Limit::default()).await?;
        Ok(page.events.into_iter().next().ok_or("it is gone")?)
    })
}
