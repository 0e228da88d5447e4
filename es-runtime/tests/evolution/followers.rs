//! What follows an aggregate is given what is read in the place of a stored event.

use crate::domain::{ItemAdded, Order, Paid, Placed, SEEN, STORED};
use crate::refused::{Meter, MeterRead, NoNumber, ReadV2};
use crate::stored::{memory, write};
use es_runtime::prelude::*;
use es_runtime::{EventId, FollowError, OnFailure, SqlRow, StartAt, StreamName};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// What was handled: the version, the part and the text.
type Seen = Arc<Mutex<Vec<(u64, Option<u32>, String)>>>;

fn see<E>(seen: &Seen, event: &Recorded<E>, text: String) {
    seen.lock().expect("no panic").push((event.version().get(), event.part(), text));
}

#[derive(Projection, Default)]
#[projection("log", follows(Order), delivery = AtLeastOnce)]
struct Log {
    seen: Seen,
    /// The text of what cannot be handled for now.
    fails: Arc<Mutex<Option<&'static str>>>,
}

impl Log {
    fn see<E>(&self, event: &Recorded<E>, text: String) -> Handled {
        let fails = *self.fails.lock().expect("no panic") == Some(&*text);
        see(&self.seen, event, text);
        if fails { Err("not now".into()) } else { Ok(()) }
    }
}

impl On<Placed> for Log {
    async fn on(&self, event: &Recorded<Placed>, _: &mut Attempt) -> Handled {
        self.see(event, format!("placed {}", event.event().cents))
    }
}

impl On<Paid> for Log {
    async fn on(&self, event: &Recorded<Paid>, _: &mut Attempt) -> Handled {
        self.see(event, format!("paid {}", event.event().cents))
    }
}

impl On<ItemAdded> for Log {
    async fn on(&self, event: &Recorded<ItemAdded>, _: &mut Attempt) -> Handled {
        self.see(event, format!("added {}", event.event().sku))
    }
}

#[tokio::test]
async fn a_projection_handles_the_parts_in_their_order_and_nothing_of_what_is_retired() {
    let store = memory();
    write(&store, "order/o-1", &STORED).await;
    let log = Log::default();
    let seen = Arc::clone(&log.seen);
    store.projection(log).run_to_end().await.expect("nothing is unknown");
    let seen = seen.lock().expect("no panic");
    assert_eq!(seen.iter().map(|(.., text)| text.as_str()).collect::<Vec<_>>(), SEEN);
    let places: Vec<_> = seen.iter().map(|(version, part, _)| (*version, *part)).collect();
    let first = [(1, Some(0)), (1, Some(1)), (1, Some(2))];
    let third = [(3, Some(0)), (3, Some(1)), (3, Some(2))];
    assert_eq!(places, [&first[..], &third[..], &[(4, Some(0)), (6, None)]].concat());
}

#[tokio::test]
async fn an_event_is_handled_when_all_of_its_parts_are() {
    let store = memory();
    write(&store, "order/o-1", &STORED[..1]).await;
    let (seen, fails) = (Seen::default(), Arc::new(Mutex::new(Some("added tea"))));
    let log = || Log { seen: Arc::clone(&seen), fails: Arc::clone(&fails) };
    let policy = OnFailure::retry(0);
    let stopped = store.projection(log()).on_failure(policy).run_to_end().await;
    assert!(matches!(stopped, Err(FollowError::Handler { .. })), "{stopped:?}");
    *fails.lock().expect("no panic") = None;
    store.projection(log()).run_to_end().await.expect("it can now");
    let texts: Vec<_> = seen.lock().expect("no panic").iter().map(|(.., text)| text.clone()).collect();
    assert_eq!(texts, ["placed 5", "added tea", "placed 5", "added tea", "paid 5"]);
}

/// A row for each payment, and none for an order whose items cannot be kept.
#[derive(Projection)]
#[projection("payments", follows(Order))]
struct Payments {
    takes_items: bool,
}

impl Tables for Payments {
    async fn create(&self, sql: &mut Sql) -> Handled {
        let rows = sql.table("rows");
        Ok(sql.batch(&format!("CREATE TABLE {rows} (cents BIGINT NOT NULL, part BIGINT)")).await?)
    }
}

impl Payments {
    async fn add<E>(event: &Recorded<E>, cents: u64, sql: &mut Sql) -> Handled {
        let insert = format!("INSERT INTO {} VALUES ($1, $2)", sql.table("rows"));
        sql.execute(&insert, &[&cents, &event.part().map(u64::from)]).await?;
        Ok(())
    }
}

impl On<Placed> for Payments {
    async fn on(&self, event: &Recorded<Placed>, sql: &mut Sql) -> Handled {
        Self::add(event, event.event().cents, sql).await
    }
}

impl On<ItemAdded> for Payments {
    async fn on(&self, _: &Recorded<ItemAdded>, _: &mut Sql) -> Handled {
        if self.takes_items { Ok(()) } else { Err("there is no room".into()) }
    }
}

impl On<Paid> for Payments {
    async fn on(&self, event: &Recorded<Paid>, sql: &mut Sql) -> Handled {
        Self::add(event, event.event().cents, sql).await
    }
}

#[tokio::test]
async fn in_a_transaction_what_was_done_of_an_event_is_undone_with_its_other_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = es_runtime::sqlite::Sqlite::options().open(folder.path().join("events.db")).await;
    let store = Store::new(sqlite.expect("a store"));
    write(&store, "order/o-1", &STORED).await;
    let rows = async || {
        let model = store.read_model::<Payments>();
        let rows = model.rows("SELECT cents, part FROM {rows} ORDER BY rowid", &[]).await.expect("readable");
        let row =
            |row: &SqlRow| (row.get::<u64>(0).expect("a number"), row.get(1).expect("a number or none"));
        rows.iter().map(row).collect::<Vec<(u64, Option<u64>)>>()
    };
    let policy = OnFailure::retry(0);
    let refusing = store.projection(Payments { takes_items: false }).on_failure(policy);
    let stopped = refusing.run_to_end().await;
    assert!(matches!(stopped, Err(FollowError::Handler { .. })), "{stopped:?}");
    assert_eq!(rows().await, []);

    store.projection(Payments { takes_items: true }).run_to_end().await.expect("it can now");
    assert_eq!(rows().await, [(5, Some(0)), (5, Some(2)), (7, Some(0)), (7, Some(0)), (1, None)]);
}

/// What was done in the world: under which key, because of which event.
#[derive(Reaction)]
#[reaction("tell", follows(Order), ignore(ItemAdded))]
struct Tell(Arc<Mutex<Vec<Told>>>);

#[derive(Debug, Clone, PartialEq)]
struct Told {
    key: CommitId,
    event: EventId,
    cause: Option<String>,
}

impl Tell {
    fn tell<E>(&self, event: &Recorded<E>, effects: &Effects) {
        assert_eq!(effects.event(), event.id());
        let cause = effects.metadata().causation_id().map(ToOwned::to_owned);
        let told = Told { key: effects.idempotency_key(), event: event.id(), cause };
        self.0.lock().expect("no panic").push(told);
    }
}

impl On<Placed> for Tell {
    async fn on(&self, event: &Recorded<Placed>, effects: &mut Effects) -> Handled {
        self.tell(event, effects);
        Ok(())
    }
}

impl On<Paid> for Tell {
    async fn on(&self, event: &Recorded<Paid>, effects: &mut Effects) -> Handled {
        self.tell(event, effects);
        Ok(())
    }
}

#[tokio::test]
async fn each_part_is_reacted_to_under_a_key_of_its_own_that_stays() {
    let tell = async |store: &Store| {
        let told = Arc::default();
        let last = write(store, "order/o-1", &STORED[..1]).await;
        let reacting =
            store.reaction(Tell(Arc::clone(&told))).start(StartAt::Beginning).await.expect("starts");
        reacting.at_least(last, SOON).await.expect("in time");
        reacting.stop().await;
        told.lock().expect("no panic").clone()
    };
    let (store, elsewhere) = (memory(), memory());
    let told = tell(&store).await;
    assert_eq!(told.len(), 2, "one part is ignored");
    let keys: BTreeSet<_> = told.iter().map(|told| told.key.to_string()).collect();
    let ids: BTreeSet<_> = told.iter().map(|told| told.event.to_string()).collect();
    assert_eq!((keys.len(), ids.len()), (2, 2));
    // What is caused is traced to what is in the log.
    let history =
        store.repository::<Order>().history(&"o-1".into(), Version::new(1)).await.expect("readable");
    let stored = history.events[0].id().to_string();
    assert!(told.iter().all(|told| told.cause.as_ref() == Some(&stored)), "{told:?} {stored}");

    assert_eq!(tell(&elsewhere).await, told, "the same event has the same keys wherever it is read");
}

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
