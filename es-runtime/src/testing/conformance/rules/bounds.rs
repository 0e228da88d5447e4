//! T10: everything within the limits is kept as it is, and nothing beyond them.

use crate::testing::conformance::draft::{commit, event, id, payload, stream, with_events};
use crate::testing::conformance::{Kept, Subject, ensure_eq, ensure_matches};
use crate::{Adapter, AppendError, Expected, NewEvent, StreamName};

/// Quotes, slashes, wildcards, any language, any length, any case, blanks: each is a stream of its own.
///
/// Names come from users: one that is folded, cut or escaped wrongly is somebody else's stream.
///
/// Holds T10.
pub async fn t10_names_are_taken_as_they_are<A: Adapter>(store: Subject<A>) -> Kept {
    let longest = "x".repeat(StreamName::LONGEST);
    let keys = [
        "a",
        "A",
        " a",
        "a ",
        "a/b",
        "a//b",
        "/",
        "a/",
        "o'brien",
        "\"quoted\"",
        "`",
        ";--",
        "%",
        "_",
        "a%",
        "*",
        ">",
        ".",
        "a.b",
        "..",
        "$1",
        "?",
        ":a",
        "\\",
        "{}",
        "0",
        "00",
        "1e3",
        "null",
        "é",
        "e\u{301}",
        "ß",
        "ss",
        "SS",
        "заказ",
        "注文",
        "🦀",
        "\u{200b}",
        "\u{feff}a",
        "\u{10ffff}",
        &longest,
        &longest[1..],
        &"é".repeat(127),
    ];
    let categories = ["order", "Order", "order-2", &longest[..]];
    let mut streams = Vec::new();
    for category in categories {
        for key in keys {
            streams.push(StreamName::new(category, key)?);
        }
    }
    for (n, name) in streams.iter().enumerate() {
        store.append(commit(n, name, Expected::NoStream, 1)).await?;
    }
    for (n, name) in streams.iter().enumerate() {
        let events = store.stream(name).await?;
        ensure_eq!(events.len(), 1, "events of {name:?}");
        ensure_eq!(events[0].commit(), id(n), "the commit in {name:?}");
        ensure_eq!(events[0].stream(), name, "the name of the stream");
        ensure_eq!(events[0].stream().key(), name.key(), "the key of the stream");
    }
    ensure_eq!(store.log(streams.len()).await?.len(), streams.len(), "events in the log");
    Ok(())
}

/// A payload of no bytes, and one of 3 MiB if the store takes that.
///
/// What is dropped or cut at some size is noticed when it is read, and then it is too late.
///
/// Holds T10, T1.
pub async fn t10_large_and_empty_payloads_are_kept<A: Adapter>(store: Subject<A>) -> Kept {
    let order = stream("1");
    let large = (3 << 20).min(store.capabilities().max_commit_bytes / 2);
    let bytes: Vec<u8> = (0..large).map(|n| (n % 251) as u8).collect();
    let sized = |bytes: Vec<u8>| NewEvent { payload: payload(bytes), ..event("order.changed", "") };
    let events = vec![sized(Vec::new()), sized(bytes.clone()), sized(vec![0])];
    store.append(with_events("a", &order, Expected::NoStream, events)).await?;
    let events = store.stream(&order).await?;
    ensure_eq!(events.len(), 3, "events in the stream");
    ensure_eq!(events[0].event().bytes().len(), 0, "bytes of the empty payload");
    ensure_eq!(events[1].event().bytes() == bytes, true, "whether the large payload is unchanged");
    ensure_eq!(events[2].event().bytes(), [0], "the payload after it");
    Ok(())
}

/// One event or one byte more than the store says it takes is refused, and nothing is stored.
///
/// A store that fails in the middle of what is too large for it takes others down with it.
///
/// Holds T10, T5.
pub async fn t10_too_large_is_refused<A: Adapter>(store: Subject<A>) -> Kept {
    const TRIED: usize = 1 << 20;
    let capabilities = store.capabilities();
    let order = stream("1");
    let same = |count: usize, bytes: usize| {
        // One payload for all of them, so that it costs the test no memory.
        let one = NewEvent { payload: payload(vec![b'0'; bytes]), ..event("order.changed", "") };
        with_events("large", &order, Expected::NoStream, vec![one; count])
    };
    let mut commits = Vec::new();
    if capabilities.max_commit_events < TRIED {
        commits.push(("events", same(capabilities.max_commit_events + 1, 1)));
    }
    if capabilities.max_commit_bytes < TRIED << 10 {
        let part = capabilities.max_commit_bytes.div_ceil(64) + 1;
        commits.push(("bytes", same(64.min(capabilities.max_commit_events), part)));
    }
    for (what, commit) in commits {
        ensure_matches!(store.append(commit).await, Err(AppendError::TooLarge { .. }), "too many {what}");
        ensure_eq!(store.find_commit(id("large")).await?, None, "the commit with too many {what}");
        ensure_eq!(store.stream(&order).await?.len(), 0, "events stored of too many {what}");
    }
    store.append(commit("large", &order, Expected::NoStream, 1)).await?;
    Ok(())
}
