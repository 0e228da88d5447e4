//! The faults, on a store in memory.

use super::*;
use crate::commit::{Expected, NewEvent, NonEmpty};
use crate::format::{Encoded, Format};
use crate::memory::Memory;
use crate::time::Timestamp;
use std::time::Duration;

fn stream(key: impl fmt::Display) -> StreamName {
    StreamName::new("order", key).expect("valid")
}

fn commit(name: &str, stream: StreamName, expected: Expected) -> Commit {
    let event = NewEvent {
        name: "order.placed".into(),
        schema_version: 1,
        payload: Encoded::new(Format::Json, *b"{\"customer\":\"ada\"}"),
        metadata: Arc::default(),
        occurred_at: Timestamp::EPOCH,
    };
    let events = NonEmpty::new(vec![event]).expect("one");
    Commit { id: CommitId::derive(&CommitId::ROOT, name), stream, expected, events, requires: Vec::new() }
}

async fn append(memory: &Faulty<Memory>, commit: Commit) -> Result<Appended, AppendError> {
    memory.append_batch(vec![commit]).await.remove(0)
}

async fn events(memory: &Faulty<Memory>) -> usize {
    let page = memory.read_all(&Cursor::start(), &Filter::all(), Limit::default()).await;
    page.expect("no fault left").events.len()
}

#[tokio::test]
async fn faults_may_last_for_ever() {
    let memory = Faulty::new(Memory::new());
    memory.faults().fail_before(usize::MAX);
    memory.faults().fail_after(usize::MAX);
    let outcome = append(&memory, commit("1", stream(1), Expected::NoStream)).await;
    assert!(matches!(outcome, Err(AppendError::Unavailable(_))));
}

#[tokio::test]
async fn of_a_batch_each_commit_has_its_own_fate() {
    let memory = Faulty::new(Memory::new());
    memory.faults().fail_before(1);
    memory.faults().fail_after(1);
    let batch = (1..=3).map(|n| commit(&n.to_string(), stream(n), Expected::NoStream)).collect();
    let outcomes = memory.append_batch(batch).await;
    assert!(matches!(outcomes[0], Err(AppendError::Unavailable(_))));
    assert!(matches!(outcomes[1], Err(AppendError::Unknown { .. })));
    assert!(matches!(outcomes[2], Ok(Appended::Committed(_))));
    assert_eq!(events(&memory).await, 2);
    assert!(!memory.faults().are_scripted());
}

#[tokio::test]
async fn an_append_of_several_streams_has_one_fate() {
    let memory = Faulty::new(Memory::new());
    let both = || (1..=2).map(|n| commit(&n.to_string(), stream(n), Expected::NoStream)).collect();
    memory.faults().fail_before(1);
    assert!(matches!(memory.append_all(both()).await, Err(AppendError::Unavailable(_))));
    assert_eq!(events(&memory).await, 0);
    memory.faults().fail_after(1);
    assert!(matches!(memory.append_all(both()).await, Err(AppendError::Unknown { .. })));
    assert_eq!(events(&memory).await, 2);
    let again = memory.append_all(both()).await.expect("no fault left");
    assert!(again.iter().all(|appended| matches!(appended, Appended::AlreadyCommitted(_))));
}

#[tokio::test]
async fn a_lost_answer_may_have_been_a_conflict() {
    let memory = Faulty::new(Memory::new());
    memory.faults().fail_after(1);
    let impossible = commit("a", stream(1), Expected::Exists);
    assert!(matches!(append(&memory, impossible.clone()).await, Err(AppendError::Unknown { .. })));
    assert!(matches!(append(&memory, impossible).await, Err(AppendError::Conflict { .. })));
}

#[tokio::test]
async fn a_task_that_is_aborted_after_its_commit_has_committed() {
    let memory = Faulty::new(Memory::new());
    let hold = memory.faults().hold_after();
    let first = commit("a", stream(1), Expected::NoStream);
    let task = tokio::spawn({
        let (memory, first) = (memory.clone(), first.clone());
        async move { append(&memory, first).await }
    });
    hold.reached().await;
    task.abort();
    assert!(task.await.is_err());
    assert!(matches!(append(&memory, first).await, Ok(Appended::AlreadyCommitted(_))));
}

#[tokio::test]
async fn a_hold_that_is_dropped_or_cleared_stops_nobody() {
    let memory = Faulty::new(Memory::new());
    drop(memory.faults().hold_before());
    assert!(!memory.faults().are_scripted());
    let cleared = memory.faults().hold_before();
    memory.faults().clear();
    assert!(append(&memory, commit("a", stream(1), Expected::NoStream)).await.is_ok());
    drop(cleared);
}

#[tokio::test]
async fn a_read_that_is_held_sees_what_was_stored_meanwhile() {
    let memory = Faulty::new(Memory::new());
    let hold = memory.faults().hold_read();
    let reader = tokio::spawn({
        let memory = memory.clone();
        async move { events(&memory).await }
    });
    hold.reached().await;
    append(&memory, commit("a", stream(1), Expected::NoStream)).await.expect("stored");
    hold.release();
    assert_eq!(reader.await.expect("no panic"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_of_tokios_time() {
    let memory = Faulty::new(Memory::new());
    memory.faults().delay(Duration::from_secs(3600));
    let start = tokio::time::Instant::now();
    append(&memory, commit("a", stream(1), Expected::NoStream)).await.expect("stored");
    assert_eq!(events(&memory).await, 1);
    assert_eq!(start.elapsed(), Duration::from_secs(7200));
    memory.faults().delay(Duration::ZERO);
    assert!(!memory.faults().are_scripted());
}

#[tokio::test]
async fn a_filter_that_lets_nothing_through_ends_its_pages_too() {
    let memory = Faulty::new(Memory::new());
    for n in 0..40_000 {
        append(&memory, commit(&n.to_string(), stream(n % 10), Expected::Any)).await.expect("stored");
    }
    let nothing = Filter::all().category("invoice");
    let (mut cursor, mut pages) = (Cursor::start(), 0);
    loop {
        let page = memory.read_all(&cursor, &nothing, Limit::default()).await.expect("no fault");
        assert!(page.events.is_empty());
        (cursor, pages) = (page.next, pages + 1);
        if page.is_end {
            break;
        }
    }
    assert_eq!(pages, 3);
}
