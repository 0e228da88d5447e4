//! What follows an aggregate is given what is read in the place of a stored event.

use crate::domain::{ItemAdded, Order, Paid, Placed, SEEN, STORED};
use crate::stored::{memory, write};
use es_runtime::prelude::*;
use es_runtime::{EventId, FollowError, OnFailure, StartAt};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const SOON: Duration = Duration::from_secs(10);

/// What was handled: the version, the part and the text.
pub type Seen = Arc<Mutex<Vec<(u64, Option<u32>, String)>>>;

pub fn see<E>(seen: &Seen, event: &Recorded<E>, text: String) {
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
