//! What a caller of `load`, `save` and the past relies on.
#![allow(missing_docs)]

mod common;

use common::*;
use es_runtime::prelude::*;
use es_runtime::{Clock, ReplayError, Retry, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

async fn opened(store: &Store, account: &str, deposits: &[u64]) {
    let accounts = store.repository::<Account>();
    accounts.execute(&id(account), |account| account.open("ada")).await.expect("accepted");
    for amount in deposits {
        accounts.execute(&id(account), |account| account.deposit(*amount)).await.expect("accepted");
    }
}

#[tokio::test]
async fn a_root_collects_events_until_it_is_saved() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    let mut account = accounts.load(&id("a")).await.expect("loads");
    account.decide(|account| account.open("ada")).expect("accepted");
    account.decide(|account| account.deposit(7)).expect("the first event counts already");
    account.raise(Closed {}).expect("encodes");
    assert_eq!((account.version(), account.pending().len()), (Version::NONE, 3));
    assert_eq!(*account.state(), Account { open: false, balance: 7 });
    assert_eq!(account.pending()[1].decode::<Deposited>().expect("one"), Deposited { amount: 7 });
    assert!(account.pending()[2].is::<Closed>() && account.pending()[2].decode::<Opened>().is_err());

    let outcome = accounts.save(&mut account).await.expect("stored");
    assert_eq!((outcome.version(), outcome.events().len()), (Version::new(3), 3));
    assert_eq!((account.version(), account.pending().len()), (Version::new(3), 0));
    assert_eq!(accounts.load(&id("a")).await.expect("loads").state(), account.state());

    let nothing = accounts.save(&mut account).await.expect("nothing to do");
    assert_eq!((nothing.version(), nothing.position()), (Version::new(3), None));
}

#[tokio::test]
async fn of_two_who_save_on_one_version_one_is_told() {
    let (store, _) = memory();
    opened(&store, "a", &[]).await;
    let accounts = store.repository::<Account>();
    let mut one = accounts.load(&id("a")).await.expect("loads");
    let mut other = accounts.load(&id("a")).await.expect("loads");
    one.decide(|account| account.deposit(1)).expect("accepted");
    other.decide(|account| account.close()).expect("accepted");
    accounts.save(&mut one).await.expect("first");
    for _ in 0..2 {
        let error = accounts.save(&mut other).await.expect_err("second");
        assert!(matches!(error, StoreError::Append(AppendError::Conflict { .. })), "{error:?}");
    }
    assert_eq!(other.pending().len(), 1, "what was not stored is still in hand");
    assert_eq!(names(&store, "a").await.len(), 2);
}

#[tokio::test]
async fn a_save_without_an_answer_is_sent_again_as_it_was() {
    let (store, memory) = memory_with(Store::builder().retry(Retry::never()));
    let accounts = store.repository::<Account>();
    let mut account = accounts.load(&id("a")).await.expect("loads");
    account.decide(|account| account.open("ada")).expect("accepted");
    memory.faults().fail_after(1);
    let error = accounts.save(&mut account).await.expect_err("no answer");
    assert!(matches!(error, StoreError::Append(AppendError::Unknown { .. })), "{error:?}");

    // More happens before the caller tries again: the first commit stays what it was.
    account.decide(|account| account.deposit(3)).expect("accepted");
    let outcome = accounts.save(&mut account).await.expect("both stored");
    assert_eq!(outcome.version(), Version::new(2));
    assert_eq!(names(&store, "a").await, [(1, "account.opened".into()), (2, "account.deposited".into())]);
}

#[tokio::test]
async fn a_save_without_an_answer_stays_what_it_was_while_the_store_is_away() {
    let (store, memory) = memory_with(Store::builder().retry(Retry::never()));
    let accounts = store.repository::<Account>();
    let mut account = accounts.load(&id("a")).await.expect("loads");
    account.decide(|account| account.open("ada")).expect("accepted");
    memory.faults().fail_after(1);
    accounts.save(&mut account).await.expect_err("stored, but not answered");
    memory.faults().fail_before(1);
    let error = accounts.save(&mut account).await.expect_err("away");
    assert!(matches!(error, StoreError::Append(AppendError::Unknown { .. })), "{error:?}");
    assert_eq!(accounts.save(&mut account).await.expect("stored").version(), Version::new(1));
    assert_eq!(names(&store, "a").await.len(), 1);

    // Where nothing was ever sent without an answer, what is raised later goes into the same commit.
    account.raise(Deposited { amount: 1 }).expect("encodes");
    memory.faults().fail_before(1);
    let error = accounts.save(&mut account).await.expect_err("away");
    assert!(matches!(error, StoreError::Append(AppendError::Unavailable(_))), "{error:?}");
    account.raise(Deposited { amount: 2 }).expect("encodes");
    accounts.save(&mut account).await.expect("stored");
    assert_eq!(store.stats().commits, 2);
}

#[tokio::test]
async fn a_save_that_is_dropped_can_be_done_again() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    let mut account = accounts.load(&id("a")).await.expect("loads");
    account.decide(|account| account.open("ada")).expect("accepted");
    memory.faults().delay(std::time::Duration::from_secs(3600));
    let dropped =
        tokio::time::timeout(std::time::Duration::from_millis(5), accounts.save(&mut account)).await;
    assert!(dropped.is_err());
    memory.faults().delay(std::time::Duration::ZERO);
    accounts.save(&mut account).await.expect("stored");
    assert_eq!(names(&store, "a").await.len(), 1);
}

#[tokio::test]
async fn the_past_can_be_looked_at_by_version() {
    let (store, _) = memory();
    opened(&store, "a", &[1, 2, 4]).await;
    let accounts = store.repository::<Account>();
    for (version, balance) in [(1, 0), (2, 1), (3, 3), (4, 7)] {
        let past = accounts.load_at(&id("a"), Version::new(version)).await.expect("was there");
        assert_eq!((past.version().get(), past.balance), (version, balance));
    }
    assert!(!accounts.load_at(&id("a"), Version::NONE).await.expect("before everything").open);
    let error = accounts.load_at(&id("a"), Version::new(5)).await.expect_err("not yet");
    assert!(error.to_string().contains("has 4 events"), "{error}");
}

#[tokio::test]
async fn the_past_can_be_looked_at_by_time() {
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = {
        let seconds = Arc::clone(&seconds);
        move || Timestamp::from_micros(seconds.fetch_add(0, Ordering::Relaxed) * 1_000_000).expect("in range")
    };
    let memory = es_runtime::memory::Memory::with(clock.clone(), es_runtime::SystemEntropy::default());
    let store = Store::builder().clock(clock.clone()).adapter(memory);
    for (second, amount) in [(10, None), (20, Some(1)), (30, Some(2))] {
        seconds.store(second, Ordering::Relaxed);
        match amount {
            None => opened(&store, "a", &[]).await,
            Some(amount) => {
                let accounts = store.repository::<Account>();
                accounts.execute(&id("a"), |account| account.deposit(amount)).await.expect("accepted");
            }
        }
    }
    let accounts = store.repository::<Account>();
    for (second, version) in [(9, 0), (10, 1), (25, 2), (31, 3)] {
        seconds.store(second, Ordering::Relaxed);
        let past = accounts.load_as_of(&id("a"), clock.now()).await.expect("readable");
        assert_eq!(past.version().get(), version, "at {second} s");
    }
}

#[tokio::test]
async fn only_its_own_past_can_be_replayed() {
    let (store, _) = memory();
    opened(&store, "a", &[1]).await;
    opened(&store, "b", &[]).await;
    let accounts = store.repository::<Account>();
    let of_a = accounts.history(&id("a"), Version::new(1)).await.expect("readable").events;
    let of_b = accounts.history(&id("b"), Version::new(1)).await.expect("readable").events;

    let mut root = Root::<Account>::new(id("a")).expect("a name");
    assert!(matches!(root.replay(&of_b[0]), Err(ReplayError::OtherStream { .. })));
    assert!(
        matches!(root.replay(&of_a[1]), Err(ReplayError::OutOfOrder { found, .. }) if found == Version::new(2))
    );
    root.replay(&of_a[0]).expect("the first");
    assert!(matches!(root.replay(&of_a[0]), Err(ReplayError::OutOfOrder { .. })));
    root.raise(Closed {}).expect("encodes");
    assert!(matches!(root.replay(&of_a[1]), Err(ReplayError::Pending { pending: 1, .. })));
    assert_eq!(root.version(), Version::new(1));
}

#[event("account.frozen")]
pub struct Frozen {}

#[derive(Aggregate, Default)]
#[aggregate("account", id = String, events(Frozen))]
pub struct Freezer {}

impl Apply<Frozen> for Freezer {
    fn apply(&mut self, _: &Frozen) {}
}

#[tokio::test]
async fn an_event_that_the_aggregate_does_not_list_stops_the_load() {
    let (store, _) = memory();
    opened(&store, "a", &[]).await;
    let freezer = store.repository::<Freezer>();
    freezer.execute(&id("b"), |_| Ok::<_, Refusal>(Frozen {})).await.expect("accepted");
    let error = store.repository::<Account>().load(&id("b")).await.expect_err("not listed");
    let text = error.to_string();
    assert!(
        text.contains("account.frozen") && text.contains("version 1") && text.contains("account/b"),
        "{text}"
    );
    // Nothing is decided on half a state either.
    let error = store.repository::<Account>().execute(&id("b"), |account| account.open("ada")).await;
    assert!(matches!(error, Err(CommandError::Store(StoreError::Replay(ReplayError::UnknownEvent { .. })))));
}

/// An event that is sometimes impossible to write.
#[derive(Debug, Clone)]
pub struct Unwritable(bool);

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 { Err(serde::ser::Error::custom("no")) } else { serializer.serialize_unit() }
    }
}

impl<'de> serde::Deserialize<'de> for Unwritable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self(false))
    }
}

#[event("note.written")]
pub struct Written {
    pub note: Unwritable,
}

#[derive(Aggregate, Default)]
#[aggregate("note", id = String, events(Written))]
pub struct Notes {
    written: u32,
}

impl Apply<Written> for Notes {
    fn apply(&mut self, _: &Written) {
        self.written += 1;
    }
}

#[test]
fn an_event_that_cannot_be_written_changes_nothing() {
    let mut notes = Root::<Notes>::new(id("n")).expect("a name");
    let written = |fails| Written { note: Unwritable(fails) };
    assert!(notes.decide(|_| Ok::<_, Refusal>([written(false), written(true)])).is_err());
    assert_eq!((notes.written, notes.pending().len()), (0, 0));
    notes.raise(written(false)).expect("encodes");
    let error = notes.raise(written(true)).expect_err("cannot be written");
    assert!(error.to_string().contains("note.written"), "{error}");
    assert_eq!((notes.written, notes.pending().len()), (1, 1));
}

#[tokio::test]
async fn several_are_saved_together_or_not_at_all() {
    let (store, memory) = memory_with(Store::builder().retry(Retry::never()));
    opened(&store, "a", &[]).await;
    opened(&store, "b", &[]).await;
    let accounts = store.repository::<Account>();
    let mut a = accounts.load(&id("a")).await.expect("loads");
    let mut b = accounts.load(&id("b")).await.expect("loads");
    a.raise(Deposited { amount: 1 }).expect("encodes");
    b.raise(Deposited { amount: 2 }).expect("encodes");

    accounts.execute(&id("b"), |account| account.deposit(10)).await.expect("accepted");
    let error = store.save_all(&mut [&mut a, &mut b]).await.expect_err("b has changed");
    assert!(
        matches!(error, StoreError::Append(AppendError::Conflict { stream, .. }) if stream == *b.stream())
    );
    assert_eq!(names(&store, "a").await.len(), 1, "nothing of a either");

    let mut b = accounts.load(&id("b")).await.expect("loads");
    b.raise(Deposited { amount: 2 }).expect("encodes");
    memory.faults().fail_after(1);
    store.save_all(&mut [&mut a, &mut b]).await.expect_err("no answer");
    let outcomes = store.save_all(&mut [&mut a, &mut b]).await.expect("stored the first time");
    assert_eq!(outcomes.iter().map(|o| o.version().get()).collect::<Vec<_>>(), [2, 3]);
    assert_eq!((names(&store, "a").await.len(), names(&store, "b").await.len()), (2, 3));
}

/// Two accounts, with a deposit to `a` that is stored but was not answered.
async fn one_of_two_not_answered() -> (Repository<Account>, Root<Account>, Root<Account>) {
    let (store, memory) = memory_with(Store::builder().retry(Retry::never()));
    opened(&store, "a", &[]).await;
    opened(&store, "b", &[]).await;
    let accounts = store.repository::<Account>();
    let mut a = accounts.load(&id("a")).await.expect("loads");
    let b = accounts.load(&id("b")).await.expect("loads");
    a.raise(Deposited { amount: 1 }).expect("encodes");
    memory.faults().fail_after(1);
    accounts.save(&mut a).await.expect_err("stored, but not answered");
    (accounts, a, b)
}

#[tokio::test]
async fn what_was_sent_before_does_not_tear_apart_what_is_saved_together() {
    let (accounts, mut a, mut b) = one_of_two_not_answered().await;
    // More is raised on both, but somebody else was faster on `a`.
    accounts.execute(&id("a"), |account| account.deposit(10)).await.expect("accepted");
    a.raise(Deposited { amount: 2 }).expect("encodes");
    b.raise(Deposited { amount: 2 }).expect("encodes");
    accounts.store().save_all(&mut [&mut a, &mut b]).await.expect_err("a has changed");
    assert_eq!(a.pending().len(), 1, "what was sent before is known to be stored");
    assert_eq!(names(accounts.store(), "b").await.len(), 1, "nothing of b without the rest of a");
}

#[tokio::test]
async fn the_conflict_of_one_root_does_not_make_another_forget_what_it_sent() {
    let (accounts, mut a, mut b) = one_of_two_not_answered().await;
    accounts.execute(&id("b"), |account| account.deposit(10)).await.expect("accepted");
    b.raise(Deposited { amount: 2 }).expect("encodes");
    accounts.store().save_all(&mut [&mut a, &mut b]).await.expect_err("b has changed");
    assert_eq!(accounts.save(&mut a).await.expect("stored long ago").version(), Version::new(2));
    assert_eq!(names(accounts.store(), "a").await.len(), 2);
}
