//! Snapshots: a cache that gives back what was kept, or nothing.

use crate::testing::conformance::draft::{id, payload, stream};
use crate::testing::conformance::{Ability, Broken, Kept, Subject, ensure_eq};
use crate::{Adapter, Encoded, Format, Snapshot, Snapshots, StreamName, Version};

fn snapshot(version: u64, fingerprint: u64, text: &str) -> Snapshot {
    let (version, commit) = (Version::new(version), id(version));
    Snapshot { version, commit, fingerprint, state: payload(text.as_bytes()) }
}

fn snapshots<A: Adapter>(store: &Subject<A>) -> Result<Option<impl Snapshots>, Broken> {
    Ok(if store.can(Ability::Snapshots)? { store.snapshots() } else { None })
}

/// Every field comes back, whatever its value.
///
/// A snapshot that says another version than it was taken at has events applied twice, or not at all.
///
/// Holds what [`Snapshots`] promises.
pub async fn a_snapshot_comes_back_unchanged<A: Adapter>(store: Subject<A>) -> Kept {
    let Some(store) = snapshots(&store)? else { return Ok(()) };
    let order = stream("1");
    ensure_eq!(store.load_snapshot(&order).await?, None, "a snapshot that was never kept");
    let large = Encoded::new(Format::Cbor, (0..2_000_000).map(|n| (n % 255) as u8).collect::<Vec<_>>());
    let kept = [
        snapshot(1, 0, ""),
        snapshot(2, u64::MAX, "{\"a\":\"'\"}"),
        snapshot(i64::MAX as u64, 1 << 63, "\0"),
        Snapshot { state: large, ..snapshot(3, 7, "") },
    ];
    for (n, snapshot) in kept.into_iter().enumerate() {
        store.save_snapshot(&stream(n), snapshot.clone()).await?;
        ensure_eq!(store.load_snapshot(&stream(n)).await?, Some(snapshot), "snapshot {n}");
    }
    Ok(())
}

/// A newer one is kept, an older one only if it has another fingerprint.
///
/// During a rollout two versions of a program share the store: one that always wins would make the other start from
/// its first event each time.
///
/// Holds what [`Snapshots`] promises.
pub async fn a_snapshot_takes_the_place_of_an_older_one<A: Adapter>(store: Subject<A>) -> Kept {
    let Some(store) = snapshots(&store)? else { return Ok(()) };
    let order = stream("1");
    for (saved, wanted, what) in [
        (snapshot(5, 1, "first"), "first", "the first"),
        (snapshot(7, 1, "newer"), "newer", "a newer one"),
        (snapshot(6, 1, "late"), "newer", "an older one that comes late"),
        (snapshot(7, 1, "again"), "again", "one of the same version"),
        (snapshot(4, 2, "other"), "other", "an older one of another program"),
        (snapshot(5, 2, "next"), "next", "a newer one of that"),
    ] {
        store.save_snapshot(&order, saved).await?;
        let kept = store.load_snapshot(&order).await?.map(|kept| kept.state);
        ensure_eq!(kept.as_ref().map(Encoded::bytes), Some(wanted.as_bytes()), "after {what}");
    }
    Ok(())
}

/// Streams do not share snapshots, however alike their names are.
///
/// One customer would see the account of another.
///
/// Holds what [`Snapshots`] promises.
pub async fn a_snapshot_is_its_streams_own<A: Adapter>(store: Subject<A>) -> Kept {
    let Some(store) = snapshots(&store)? else { return Ok(()) };
    let mut streams = ["a", "A", "a ", "a/b", "a%", "é", "e\u{301}", "o'brien"].map(stream).to_vec();
    streams.push(StreamName::new("Order", "a")?);
    for (n, stream) in (1..).zip(&streams) {
        store.save_snapshot(stream, snapshot(n, 1, &stream.to_string())).await?;
    }
    for (n, stream) in (1..).zip(&streams) {
        let wanted = snapshot(n, 1, &stream.to_string());
        ensure_eq!(store.load_snapshot(stream).await?, Some(wanted), "the snapshot of {stream:?}");
    }
    Ok(())
}

/// It is gone when it is deleted, and no other. There need not be one.
///
/// A snapshot that cannot be got rid of is believed for ever.
///
/// Holds what [`Snapshots`] promises.
pub async fn a_snapshot_can_be_deleted<A: Adapter>(store: Subject<A>) -> Kept {
    let Some(store) = snapshots(&store)? else { return Ok(()) };
    let [one, two] = [stream("1"), stream("2")];
    store.delete_snapshot(&one).await?;
    store.save_snapshot(&one, snapshot(9, 1, "one")).await?;
    store.save_snapshot(&two, snapshot(9, 1, "two")).await?;
    store.delete_snapshot(&one).await?;
    ensure_eq!(store.load_snapshot(&one).await?, None, "a deleted snapshot");
    ensure_eq!(store.load_snapshot(&two).await?, Some(snapshot(9, 1, "two")), "the other one");
    store.save_snapshot(&one, snapshot(1, 1, "older")).await?;
    ensure_eq!(store.load_snapshot(&one).await?, Some(snapshot(1, 1, "older")), "one after the deleted");
    Ok(())
}
