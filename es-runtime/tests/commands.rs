//! What a caller of `execute`, `command` and `send` relies on.
#![allow(missing_docs)]

mod common;

use common::*;
use es_runtime::prelude::*;
use es_runtime::{
    Commit, Decision, Encoded, Expected, Format, Guard, Limits, NewEvent, NonEmpty, Retry, Timestamp,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[tokio::test]
async fn a_command_is_decided_on_what_happened_before() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();

    let opened = accounts.execute(&id("a"), |account| account.open("ada")).await.expect("accepted");
    assert_eq!(opened.version(), Version::new(1));
    assert!(opened.events()[0].is::<Opened>());
    assert_eq!(opened.events()[0].decode::<Opened>().expect("ours"), Opened { owner: "ada".into() });

    let deposited = accounts.execute(&id("a"), |account| account.deposit(5)).await.expect("accepted");
    assert_eq!(deposited.version(), Version::new(2));
    assert!(deposited.position() > opened.position());
    assert_eq!(*accounts.load(&id("a")).await.expect("loads").state(), Account { open: true, balance: 5 });
}

#[tokio::test]
async fn a_refusal_is_the_domains_own_error_and_writes_nothing() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    let refused = accounts.execute(&id("a"), |account| account.deposit(5)).await;
    assert!(matches!(refused, Err(CommandError::Refused(Refusal::NotOpen))), "{refused:?}");
    assert!(!accounts.exists(&id("a")).await.expect("readable"));
}

#[tokio::test]
async fn a_decision_without_events_is_a_success_that_writes_nothing() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    for _ in 0..2 {
        let outcome =
            accounts.execute(&id("a"), |_| Ok::<_, Infallible>(None::<Opened>)).await.expect("accepted");
        assert_eq!((outcome.version(), outcome.position()), (Version::NONE, None));
        assert!(outcome.events().is_empty());
    }
    assert_eq!(store.stats().commits, 0);
}

#[tokio::test]
async fn every_shape_of_a_decision_becomes_one_commit_in_order() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    let deposit = |amount| Deposited { amount };
    let outcome = accounts
        .execute(&id("a"), |_| {
            Ok::<_, Infallible>((
                Opened { owner: "ada".into() },
                [deposit(1), deposit(2)],
                vec![deposit(3)],
                Some(deposit(4)),
                (None::<Closed>, ()),
            ))
        })
        .await
        .expect("accepted");
    assert_eq!(outcome.version(), Version::new(5));
    assert_eq!(store.stats().commits, 1);
    assert_eq!(accounts.load(&id("a")).await.expect("loads").balance, 10);
}

#[tokio::test]
async fn a_later_event_may_depend_on_the_state_after_an_earlier_one() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    let fill = |account: &Account| {
        let mut events = Events::after(account);
        events.raise(Opened { owner: "ada".into() });
        while events.balance < 10 {
            events.raise(Deposited { amount: 4 });
        }
        Ok::<_, Infallible>(events)
    };
    let outcome = accounts.execute(&id("a"), fill).await.expect("accepted");
    assert_eq!(outcome.version(), Version::new(4));
    assert_eq!(accounts.load(&id("a")).await.expect("loads").balance, 12);
}

#[tokio::test]
async fn after_a_conflict_it_is_decided_again_on_the_new_state() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    accounts.execute(&id("a"), |account| account.open("ada")).await.expect("accepted");
    let rival = Store::new(memory).repository::<Account>();
    let mut seen = Vec::new();
    let outcome = accounts
        .execute(&id("a"), |account| {
            seen.push(account.balance);
            // Somebody else is faster, between the load and the append, twice.
            if seen.len() < 3 {
                from_elsewhere(&rival, |account| account.deposit(10));
            }
            account.deposit(1)
        })
        .await
        .expect("accepted");
    assert_eq!(seen, [0, 10, 20]);
    assert_eq!((outcome.version().get(), store.stats().conflicts), (4, 2));
    assert_eq!(accounts.load(&id("a")).await.expect("loads").balance, 21);
}

/// Executes a command on the account `a` while the caller stands still.
fn from_elsewhere<D: Decision<Account>>(
    rival: &Repository<Account>,
    decide: impl Fn(&Account) -> Result<D, Refusal> + Send,
) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(rival.execute(&id("a"), decide)).expect("accepted");
        });
    });
}

#[tokio::test]
async fn a_command_that_expects_a_version_is_decided_on_that_version_only() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    let seen = accounts.execute(&id("a"), |account| account.open("ada")).await.expect("accepted").version();
    let request = CommitId::derive(&CommitId::ROOT, "request 1");
    let deposit = || accounts.command(&id("a")).commit_id(request).expect_version(seen);
    let first = deposit().execute(|account| account.deposit(5)).await.expect("nothing happened since");

    let decide = |_: &Account| -> Result<Closed, Refusal> { panic!("nobody has seen what happened since") };
    let late = accounts.command(&id("a")).expect_version(seen).execute(decide).await;
    match late.map_err(conflict) {
        Err(versions) => assert_eq!(versions, (Expected::Exactly(seen), first.version())),
        Ok(outcome) => panic!("{outcome:?}"),
    }
    // What was done is answered before the version is looked at, so that the caller may ask again.
    assert!(deposit().execute(|account| account.deposit(5)).await.expect("done").is_repeated());

    // Of two who have seen the same version one is told, and neither decides again.
    let decided = AtomicU32::new(0);
    let give = |accounts: &Repository<Account>| {
        accounts.command(&id("a")).expect_version(first.version()).execute(|account| {
            decided.fetch_add(1, Ordering::Relaxed);
            account.deposit(1)
        })
    };
    let elsewhere = Store::new(memory.clone()).repository::<Account>();
    memory.faults().delay(std::time::Duration::from_millis(5));
    let (one, other) = tokio::join!(give(&accounts), give(&elsewhere));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(decided.into_inner(), 2);
}

fn conflict(error: CommandError<Refusal>) -> (Expected, Version) {
    match error {
        CommandError::Store(StoreError::Append(AppendError::Conflict { expected, actual, .. })) => {
            (expected, actual)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_conflict_ends_in_an_error_when_no_more_tries_are_left() {
    let (store, memory) = memory_with(Store::builder().retry(Retry::never()));
    let accounts = store.repository::<Account>();
    let rival = Store::new(memory).repository::<Account>();
    let result = accounts
        .execute(&id("a"), |account| {
            from_elsewhere(&rival, |account| account.open("bob"));
            account.open("ada")
        })
        .await;
    let Err(CommandError::Store(StoreError::Append(AppendError::Conflict { stream, expected, actual }))) =
        result
    else {
        panic!("{result:?}");
    };
    assert_eq!(
        (stream.as_str(), expected, actual),
        ("account/a", Expected::Exactly(Version::NONE), Version::new(1))
    );
}

#[tokio::test]
async fn a_command_that_was_done_is_answered_and_not_decided_again() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    let request = CommitId::derive(&CommitId::ROOT, "request 1");
    let give = || accounts.command(&id("a")).commit_id(request).execute(|account| account.open("ada"));

    let first = give().await.expect("accepted");
    accounts.execute(&id("a"), |account| account.deposit(1)).await.expect("accepted");
    let again = give().await.expect("answered as the first time, although opening would be refused now");

    assert!(!first.is_repeated() && again.is_repeated());
    assert_eq!((first.version(), first.position()), (again.version(), again.position()));
    assert_eq!(again.events()[0].decode::<Opened>().expect("ours").owner, "ada");
    assert_eq!(names(&store, "a").await.len(), 2);
}

#[tokio::test]
async fn one_command_given_twice_at_once_is_done_once() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    accounts.execute(&id("a"), |account| account.open("ada")).await.expect("accepted");
    let request = CommitId::derive(&CommitId::ROOT, "request 1");
    let balance = AtomicU32::new(0);
    // The two decide differently: each deposits what it finds, plus one.
    let give = |accounts: &Repository<Account>| {
        accounts.command(&id("a")).commit_id(request).execute(|account| {
            let extra = balance.fetch_add(1, Ordering::Relaxed);
            account.deposit(1 + u64::from(extra))
        })
    };
    let elsewhere = Store::new(memory.clone()).repository::<Account>();
    memory.faults().delay(std::time::Duration::from_millis(5));
    let (one, other) = tokio::join!(give(&accounts), give(&elsewhere));
    let (one, other) = (one.expect("answered"), other.expect("answered"));
    assert_eq!(one.version(), other.version());
    assert!(one.is_repeated() != other.is_repeated());
    assert_eq!(names(&store, "a").await.len(), 2);
}

#[tokio::test]
async fn a_command_that_somebody_else_did_meanwhile_is_answered_and_not_refused() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    let elsewhere = Store::new(memory.clone()).repository::<Account>();
    let request = CommitId::derive(&CommitId::ROOT, "request 1");
    // Whatever the slow one reads first, the quick one does the command before it reads on.
    for reads_before in 0..2 {
        let account = format!("{reads_before}");
        let request = CommitId::derive(&request, &account);
        let mut hold = memory.faults().hold_read();
        let slow = tokio::spawn({
            let command = accounts.command(&account).commit_id(request);
            async move { command.execute(|account| account.open("ada")).await }
        });
        for _ in 0..reads_before {
            hold.reached().await;
            let next = memory.faults().hold_read();
            hold.release();
            hold = next;
        }
        hold.reached().await;
        let quick = elsewhere.command(&account).commit_id(request);
        quick.execute(|account| account.open("ada")).await.expect("accepted");
        hold.release();
        let outcome = slow.await.expect("no panic").expect("done, if by another");
        assert!(outcome.is_repeated());
        assert_eq!(outcome.version(), Version::new(1));
    }
}

#[tokio::test]
async fn the_outcome_of_a_command_that_somebody_else_did_is_what_is_stored() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    let request = CommitId::derive(&CommitId::ROOT, "request 1");
    let by = |actor: &str| {
        accounts.command(&id("a")).commit_id(request).metadata(Metadata::new().with_actor(actor))
    };
    let hold = memory.faults().hold_before();
    let slow = tokio::spawn(by("slow").execute(|account| account.open("ada")));
    hold.reached().await;
    // Past the lock of the batcher, as from another process.
    let other = Store::new(memory.clone());
    let quick = other.repository::<Account>().command(&id("a")).commit_id(request);
    quick
        .metadata(Metadata::new().with_actor("quick"))
        .execute(|account| account.open("ada"))
        .await
        .expect("done");
    hold.release();
    let outcome = slow.await.expect("no panic").expect("done");
    assert!(outcome.is_repeated());
    assert_eq!(outcome.events()[0].metadata.actor(), Some("quick"));
    assert_eq!((store.stats().commits, store.stats().repeats), (0, 1));
}

#[tokio::test]
async fn a_commit_id_of_another_aggregate_is_refused() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    let request = CommitId::derive(&CommitId::ROOT, "request 1");
    let give = async |account: &str| {
        accounts.command(&id(account)).commit_id(request).execute(|account| account.open("ada")).await
    };
    give("a").await.expect("accepted");
    let error = give("b").await.expect_err("the id is taken");
    assert!(
        matches!(error, CommandError::Store(StoreError::Append(AppendError::IdReused { id })) if id == request)
    );
}

#[tokio::test]
async fn a_lost_acknowledgement_is_asked_for_again() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    memory.faults().fail_after(2);
    let outcome = accounts.execute(&id("a"), |account| account.open("ada")).await.expect("stored once");
    assert_eq!(outcome.version(), Version::new(1));
    assert_eq!((names(&store, "a").await.len(), store.stats().resends), (1, 2));
}

#[tokio::test]
async fn a_store_that_stays_away_ends_in_an_error_that_says_so() {
    let (store, memory) = memory_with(Store::builder().retry(Retry::never()));
    let accounts = store.repository::<Account>();
    memory.faults().fail_before(1);
    let error = accounts.execute(&id("a"), |account| account.open("ada")).await.expect_err("unavailable");
    assert!(
        matches!(error, CommandError::Store(StoreError::Append(AppendError::Unavailable(_)))),
        "{error:?}"
    );
    memory.faults().fail_after(1);
    let error = accounts.execute(&id("a"), |account| account.open("ada")).await.expect_err("unknown");
    let CommandError::Store(StoreError::Append(AppendError::Unknown { id: commit, .. })) = error else {
        panic!("{error:?}")
    };
    assert!(
        store.find_commit(commit).await.expect("readable").is_some(),
        "the id tells whether it was stored"
    );
}

#[tokio::test]
async fn a_store_that_goes_away_after_a_lost_answer_leaves_the_outcome_unknown() {
    let (store, memory) = memory();
    let accounts = store.repository::<Account>();
    memory.faults().fail_after(1);
    let hold = memory.faults().hold_after();
    let execute = tokio::spawn({
        let accounts = accounts.clone();
        async move { accounts.execute(&id("a"), |account| account.open("ada")).await }
    });
    hold.reached().await;
    // The first sending is stored. Of those after it the store says, truly, that they did not arrive.
    memory.faults().fail_before(usize::MAX);
    hold.release();
    match execute.await.expect("no panic") {
        Err(CommandError::Store(StoreError::Append(AppendError::Unknown { id, .. }))) => {
            memory.faults().clear();
            assert!(store.find_commit(id).await.expect("readable").is_some(), "it can be looked up");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn metadata_and_the_time_it_happened_are_kept() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    let at: Timestamp = "2016-10-08T13:54:00Z".parse().expect("a time");
    let metadata = Metadata::new().with_actor("ada").with_tenant("acme").with_header("line", "17");
    let command = accounts.command(&id("a")).metadata(metadata.clone()).occurred_at(at);
    command.execute(|account| account.open("ada")).await.expect("accepted");

    let history = accounts.history(&id("a"), Version::new(1)).await.expect("readable");
    let opened: Recorded<Opened> = history.events[0].decode().expect("ours");
    assert_eq!((opened.metadata(), opened.occurred_at()), (&metadata, at));
    assert!(opened.recorded_at() > at);
}

#[tokio::test]
async fn a_guard_holds_another_aggregate_still() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    let open = |account: &Account| account.open("ada");
    let guard = Guard::on::<Account>(&id("parent"), Expected::Exists).expect("a name");

    let error =
        accounts.command(&id("child")).requires(guard.clone()).execute(open).await.expect_err("no parent");
    let CommandError::Store(StoreError::Append(AppendError::Conflict { stream, .. })) = error else {
        panic!("{error:?}")
    };
    assert_eq!(stream.as_str(), "account/parent");
    assert!(!accounts.exists(&id("child")).await.expect("readable"));

    accounts.execute(&id("parent"), open).await.expect("accepted");
    accounts.command(&id("child")).requires(guard).execute(open).await.expect("the parent is there now");

    let parent = accounts.load(&id("parent")).await.expect("loads");
    accounts.execute(&id("parent"), |account| account.deposit(1)).await.expect("accepted");
    let unchanged = Guard::unchanged(&parent);
    accounts
        .command(&id("other"))
        .requires(unchanged)
        .execute(open)
        .await
        .expect_err("the parent has changed");
}

pub struct Deposit(u64);

impl Handle<Deposit> for Account {
    type Decision = Deposited;
    type Error = Refusal;

    fn handle(&self, command: &Deposit) -> Result<Deposited, Refusal> {
        self.deposit(command.0)
    }
}

#[tokio::test]
async fn a_command_may_be_data() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    let refused = accounts.send(&id("a"), Deposit(5)).await;
    assert!(matches!(refused, Err(CommandError::Refused(Refusal::NotOpen))));
    accounts.execute(&id("a"), |account| account.open("ada")).await.expect("accepted");
    assert_eq!(accounts.send(&id("a"), Deposit(5)).await.expect("accepted").version(), Version::new(2));
}

#[tokio::test]
async fn an_id_that_cannot_name_a_stream_is_refused() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    for bad in ["", "a\0b", "line\nbreak", &"x".repeat(300)] {
        let error = accounts.execute(&id(bad), |account| account.open("ada")).await.expect_err("no name");
        assert!(matches!(error, CommandError::Store(StoreError::InvalidName(_))), "{error:?}");
    }
    for odd in ["o'brien", "\"; DROP TABLE event; --", "../../etc", "заказ", "a/b"] {
        accounts.execute(&id(odd), |account| account.open("ada")).await.expect("accepted");
        assert!(accounts.load(&id(odd)).await.expect("loads").open, "{odd}");
    }
}

#[tokio::test]
async fn metadata_counts_for_each_event_of_a_commit() {
    let (store, _) =
        memory_with(Store::builder().limits(Limits { commit_bytes: 100 << 10, ..Limits::default() }));
    let accounts = store.repository::<Account>();
    let metadata = Metadata::new().with_header("note", "x".repeat(40 << 10));
    let deposit = |times| {
        let command = accounts.command(&id("a")).metadata(metadata.clone());
        command.execute(move |_| {
            Ok::<_, Infallible>((0..times).map(|_| Deposited { amount: 1 }).collect::<Vec<_>>())
        })
    };
    deposit(2).await.expect("below the limit");
    let error = deposit(3).await.expect_err("above the limit");
    assert!(
        matches!(error, CommandError::Store(StoreError::Append(AppendError::TooLarge { .. }))),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused_whole() {
    let (store, _) = memory();
    let accounts = store.repository::<Account>();
    let long = "x".repeat(2 << 20);
    let error = accounts.execute(&id("a"), |account| account.open(&long)).await.expect_err("too large");
    let CommandError::Store(StoreError::Append(AppendError::TooLarge { what, limit, .. })) = error else {
        panic!("{error:?}")
    };
    assert!(what.contains("account.opened") && limit == 1 << 20, "{what}");

    let many =
        |_: &Account| Ok::<_, Infallible>((0..10_001).map(|amount| Deposited { amount }).collect::<Vec<_>>());
    let error = accounts.execute(&id("a"), many).await.expect_err("too many");
    assert!(matches!(
        error,
        CommandError::Store(StoreError::Append(AppendError::TooLarge { size: 10_001, .. }))
    ));

    let metadata = Metadata::new().with_header("note", "x".repeat(100_000));
    let error = accounts
        .command(&id("a"))
        .metadata(metadata)
        .execute(|account| account.open("ada"))
        .await
        .expect_err("large");
    assert!(matches!(error, CommandError::Store(StoreError::Append(AppendError::TooLarge { .. }))));
    assert!(!accounts.exists(&id("a")).await.expect("readable"));
}

/// As `anyhow` prints it with `{:#}`.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[tokio::test]
async fn an_error_says_its_reason_once_and_shows_it_to_who_knows_the_store() {
    let (store, memory) = memory_with(Store::builder().retry(Retry::never()));
    let accounts = store.repository::<Account>();
    let mut account = accounts.load(&id("a")).await.expect("loads");
    account.decide(|account| account.open("ada")).expect("accepted");
    memory.faults().fail_before(1);
    let away = accounts.save(&mut account).await.expect_err("away");
    memory.faults().fail_after(1);
    let unknown = accounts.save(&mut account).await.expect_err("no answer");
    memory.faults().fail_reads(1);
    let unread = accounts.load(&id("a")).await.expect_err("away");
    for error in [&away, &unknown, &unread] {
        let chain = chain(error);
        assert_eq!(chain.matches("asked for").count(), 1, "{chain}");
    }
    let StoreError::Append(AppendError::Unavailable(cause)) = away else { panic!("{away:?}") };
    assert!(cause.get().to_string().contains("asked for"));

    let nonsense = store.append(Commit {
        id: CommitId::derive(&CommitId::ROOT, "nonsense"),
        stream: accounts.stream(&id("b")).expect("a name"),
        expected: Expected::NoStream,
        events: NonEmpty::new(vec![NewEvent {
            name: "account.opened".into(),
            schema_version: 1,
            payload: Encoded::new(Format::Json, *b"nonsense"),
            metadata: Arc::default(),
            occurred_at: Timestamp::EPOCH,
        }])
        .expect("one"),
        requires: Vec::new(),
    });
    nonsense.await.expect("a store does not look into payloads");
    let chain = chain(&accounts.load(&id("b")).await.expect_err("no event"));
    assert_eq!(chain.matches("expected ident").count(), 1, "{chain}");
}
