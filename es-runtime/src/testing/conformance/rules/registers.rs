//! Registers: small values that change by compare-and-set.

use super::all;
use crate::testing::conformance::{Ability, Broken, Kept, Subject, ensure, ensure_eq};
use crate::{Adapter, ReadError, Register, Registers, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Barrier;

fn registers<A: Adapter>(store: &Subject<A>) -> Result<Option<impl Registers>, Broken> {
    Ok(if store.can(Ability::Registers)? { store.registers() } else { None })
}

fn write(key: &str, expected: u64, value: &str) -> Write {
    Write { key: key.to_owned(), expected, value: Some(value.as_bytes().to_vec()) }
}

fn remove(key: &str, expected: u64) -> Write {
    Write { key: key.to_owned(), expected, value: None }
}

async fn text(registers: &impl Registers, key: &str) -> Result<Option<(u64, String)>, ReadError> {
    let found = registers.read_register(key).await?;
    Ok(found.map(|found| (found.revision, String::from_utf8_lossy(&found.value).into_owned())))
}

/// What is written comes back at once, to whoever asks, one revision further each time; what is removed is gone, and
/// may be made again.
///
/// Somebody who takes over reads how far the one before had come. A value that is old has events handled twice.
///
/// Holds what [`Registers`] promises.
pub async fn a_register_is_read_as_it_was_written_last<A: Adapter>(store: Subject<A>) -> Kept {
    if registers(&store)?.is_none() {
        return Ok(());
    }
    let handles = match store.can(Ability::TwoHandles)? {
        true => vec![store.clone(), store.twin().await],
        false => vec![store],
    };
    let handles: Vec<_> = handles.iter().filter_map(|store| store.registers()).collect();
    let (one, other) = (&handles[0], &handles[handles.len() - 1]);
    let key = "part/orders/1/0";
    for life in 0..2 {
        ensure_eq!(text(other, key).await?, None, "a register that is not there");
        for revision in 0..5 {
            let (writer, reader) = if revision % 2 == 0 { (one, other) } else { (other, one) };
            let value = format!("{life} {revision}");
            let written = writer.write_registers(vec![write(key, revision, &value)]).await?;
            ensure!(written, "revision {revision} was there and was not taken for it");
            ensure_eq!(text(reader, key).await?, Some((revision + 1, value)), "what was written last");
            for wrong in [0, revision, revision + 2, u64::MAX >> 1] {
                let refused = one.write_registers(vec![write(key, wrong, "wrong")]).await?;
                ensure!(!refused, "revision {wrong} was taken for {}", revision + 1);
            }
        }
        ensure!(!one.write_registers(vec![remove(key, 4)]).await?, "removed at a revision that was gone");
        ensure!(one.write_registers(vec![remove(key, 5)]).await?, "it was not removed");
    }
    ensure!(one.write_registers(vec![remove(key, 0)]).await?, "what is not there is there");
    for value in [vec![], vec![0, 255, b'\'', b'\\'], vec![7; 64 << 10]] {
        let new = Write { key: format!("{}", value.len()), expected: 0, value: Some(value.clone()) };
        ensure!(one.write_registers(vec![new]).await?, "a new register");
        let found = other.read_register(&value.len().to_string()).await?;
        ensure!(found == Some(Register { revision: 1, value }), "a value came back as another");
    }
    Ok(())
}

/// Of writers who found the same revision one wins, and the others are told.
///
/// This is all that keeps two nodes from doing the work of one, and a node that was asleep from moving a checkpoint
/// that another has taken over.
///
/// Holds what [`Registers`] promises.
pub async fn of_many_writers_of_a_register_one_wins<A: Adapter>(store: Subject<A>) -> Kept {
    const WRITERS: usize = 6;
    const ROUNDS: u64 = 15;
    if registers(&store)?.is_none() {
        return Ok(());
    }
    let twin = if store.can(Ability::TwoHandles)? { store.twin().await } else { store.clone() };
    let (start, wins) = (Arc::new(Barrier::new(WRITERS)), Arc::new(AtomicUsize::new(0)));
    let racers = (0..WRITERS).map(|writer| {
        let store = if writer % 2 == 0 { store.clone() } else { twin.clone() };
        let (start, wins) = (start.clone(), wins.clone());
        tokio::spawn(async move {
            let registers = store.registers().ok_or_else(|| Broken::new("it has registers no more"))?;
            for round in 0..ROUNDS {
                start.wait().await;
                let (mine, key) = (format!("{writer} in {round}"), format!("new in {round}"));
                // One that is there, and one that is not.
                let writes = vec![write("shared", round, &mine), write(&key, 0, &mine)];
                let has_won = registers.write_registers(writes).await?;
                start.wait().await;
                let shared = text(&registers, "shared").await?;
                ensure_eq!(
                    text(&registers, &key).await?,
                    shared.clone().map(|(_, who)| (1, who)),
                    "the new one"
                );
                let (revision, winner) = shared.ok_or_else(|| Broken::new("nobody has won"))?;
                ensure_eq!(revision, round + 1, "the revision after {} rounds", round + 1);
                ensure_eq!(has_won, winner == mine, "whether {mine} has won, as it was told");
                wins.fetch_add(usize::from(has_won), Ordering::SeqCst);
            }
            Ok(())
        })
    });
    all(racers.collect::<Vec<_>>()).await?;
    ensure_eq!(wins.load(Ordering::SeqCst) as u64, ROUNDS, "writers that have won in {ROUNDS} rounds");
    Ok(())
}

/// Several changes are made together, or none where one cannot be made; nobody sees some of them.
///
/// An event is parked and its checkpoint moved in one step. One without the other is an event that is lost, or
/// handled twice.
///
/// Holds what [`Registers`] promises.
pub async fn several_registers_are_written_all_or_none<A: Adapter>(store: Subject<A>) -> Kept {
    let Some(registers) = registers(&store)? else { return Ok(()) };
    ensure!(registers.write_registers(Vec::new()).await?, "no changes at all cannot be made");
    ensure!(
        registers.write_registers(vec![write("b", 0, "1"), write("d", 0, "1")]).await?,
        "two new registers"
    );
    for wrong in [
        vec![write("a", 0, "2"), write("b", 1, "2"), write("d", 7, "2")],
        vec![write("d", 7, "2"), write("b", 1, "2"), write("a", 0, "2")],
        vec![write("b", 1, "2"), write("d", 0, "2")],
        vec![remove("b", 1), write("c", 1, "2")],
        vec![write("c", 0, "2"), remove("b", 2), write("d", 1, "2")],
        vec![write("c", 0, "2"), remove("b", 1), remove("d", 0)],
    ] {
        ensure!(!registers.write_registers(wrong.clone()).await?, "{wrong:?} could be made");
        let found = registers.list_registers("", 10).await?;
        let found: Vec<_> = found.iter().map(|(key, found)| (&**key, found.revision)).collect();
        ensure_eq!(found, [("b", 1), ("d", 1)], "what is there after {wrong:?}");
    }
    let right = vec![write("d", 1, "2"), remove("b", 1), write("a", 0, "2"), remove("c", 0)];
    ensure!(registers.write_registers(right.clone()).await?, "{right:?} could not be made");
    let found = registers.list_registers("", 10).await?;
    let found: Vec<_> = found.iter().map(|(key, found)| (&**key, found.revision)).collect();
    ensure_eq!(found, [("a", 1), ("d", 2)], "what is there after {right:?}");

    // Those who write two of them in different orders, and one who looks at both.
    let racers = (0..4).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let registers = store.registers().ok_or_else(|| Broken::new("it has registers no more"))?;
            for _ in 0..25 {
                let found = registers.list_registers("pair/", 10).await?;
                let values: Vec<_> = found.iter().map(|(_, found)| (found.revision, &found.value)).collect();
                ensure!(values.is_empty() || values.len() == 2, "one of a pair");
                ensure!(values.first() == values.last(), "a pair that is not one: {found:?}");
                let revision = values.first().map_or(0, |first| first.0);
                let mut pair = vec![
                    write("pair/a", revision, &format!("{writer}")),
                    write("pair/b", revision, &format!("{writer}")),
                ];
                if writer % 2 == 0 {
                    pair.reverse();
                }
                registers.write_registers(pair).await?;
            }
            Ok(())
        })
    });
    all(racers.collect::<Vec<_>>()).await
}

/// The registers with a prefix are listed in the order of the bytes of their keys, whatever letters are in them, and
/// no other.
///
/// The keys of timers are in the order in which they are due, and a letter that means something to a database, `_` or
/// `%`, would give one follower what another has noted.
///
/// Holds what [`Registers`] promises.
pub async fn registers_are_listed_by_the_bytes_of_their_keys<A: Adapter>(store: Subject<A>) -> Kept {
    let Some(registers) = registers(&store)? else { return Ok(()) };
    let long = "k".repeat(512);
    let mut keys = [
        "a",
        "a/",
        "a/1",
        "a/10",
        "a/2",
        "a/B",
        "a/b",
        "a/ä",
        "a/ß",
        "a/_",
        "a/__",
        "a/%",
        "a/\\",
        "a/'",
        "a/\"",
        "a/*",
        "a/[",
        "a/?",
        "a/\u{7f}",
        "a/\u{d7ff}",
        "a/\u{e000}",
        "a/\u{10ffff}",
        "a/\u{10ffff}z",
        "a/ ",
        "a0",
        "A/1",
        "b",
        "ä",
        "",
        "timer/1",
        "\u{10ffff}",
        "\u{10ffff}\u{10ffff}",
        &*long,
    ];
    for key in keys {
        ensure!(registers.write_registers(vec![write(key, 0, key)]).await?, "{key:?} is another key");
    }
    keys.sort_unstable();
    let prefixes = [
        "a/",
        "a/_",
        "a/%",
        "a/\\",
        "a/*",
        "a/1",
        "A",
        "a/ä",
        "a/\u{10ffff}",
        "\u{10ffff}",
        "",
        "none",
        "ka",
    ];
    for prefix in prefixes {
        let wanted: Vec<_> = keys.iter().filter(|key| key.starts_with(prefix)).collect();
        for limit in [0, 1, 3, wanted.len(), 1000] {
            let found = registers.list_registers(prefix, limit).await?;
            let wanted: Vec<_> = wanted.iter().take(limit).map(|key| (**key).to_owned()).collect();
            let whole = found.iter().all(|(key, found)| found.revision == 1 && found.value == key.as_bytes());
            ensure!(whole, "a key with the value of another");
            let found: Vec<_> = found.into_iter().map(|(key, _)| key).collect();
            ensure_eq!(found, wanted, "the first {limit} keys that begin with {prefix:?}");
        }
    }
    Ok(())
}

/// Registers are there when a store that outlives the process is opened again.
///
/// What was handled is noted in them, and would be handled again.
///
/// Holds what [`Registers`] promises.
pub async fn registers_are_there_when_opened_again<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::Durability)? || registers(&store)?.is_none() {
        return Ok(());
    }
    let mut store = store;
    for revision in 0..3 {
        let Some(registers) = registers(&store)? else { break };
        let value = format!("{revision}");
        ensure!(registers.write_registers(vec![write("a", revision, &value)]).await?, "it was forgotten");
        drop(registers);
        store = store.again().await;
        let Some(registers) = self::registers(&store)? else { break };
        ensure_eq!(text(&registers, "a").await?, Some((revision + 1, value)), "after it was opened again");
    }
    Ok(())
}
