//! I11: whoever goes on from where it was notices that this is not the log it came from.

use crate::testing::conformance::draft::{commit, id, stream};
use crate::testing::conformance::{Ability, Broken, Kept, Subject, ensure, ensure_eq};
use crate::{Adapter, CommitId, Cursor, Expected, Filter, Limit, Recorded, StoreId};
use std::path::Path;

/// What a consumer keeps: which store it read, how far, and the commit it read last.
#[derive(Debug, Clone)]
struct Checkpoint {
    store: StoreId,
    cursor: Cursor,
    commit: CommitId,
}

impl Checkpoint {
    async fn at_the_end<A: Adapter>(store: &Subject<A>, events: usize) -> Result<Self, Broken> {
        store.log(events).await?;
        let (mut cursor, mut last) = (Cursor::start(), None);
        loop {
            let page = store.read_all(&cursor, &Filter::all(), Limit::default()).await?;
            last = page.events.last().map(Recorded::commit).or(last);
            cursor = page.next;
            if page.is_end {
                break;
            }
        }
        let commit = last.ok_or_else(|| Broken::new("I11: the log is empty"))?;
        Ok(Self { store: store.identity(), cursor, commit })
    }

    /// Why this log is not the one that the consumer has read, if it is not.
    async fn refusal<A: Adapter>(&self, store: &Subject<A>) -> Result<Option<&'static str>, Broken> {
        if store.identity() != self.store {
            return Ok(Some("it is another store"));
        }
        let Some(found) = store.find_commit(self.commit).await? else {
            return Ok(Some("the commit that was read last is not there"));
        };
        let is_passed = self.cursor.covers(found.range.position);
        Ok((!is_passed).then_some("the commit that was read last comes after the cursor"))
    }
}

async fn write<A: Adapter>(store: &Subject<A>, names: std::ops::Range<usize>, what: &str) -> Kept {
    for n in names {
        store.append(commit(format_args!("{what} {n}"), &stream(n % 3), Expected::Any, 2)).await?;
    }
    Ok(())
}

/// A checkpoint (the store's identity, a cursor, and the last commit that was read) is known again by the log it
/// is from, however far that has come since, and by no other: not by another store, and not by an older copy of
/// the same one, even when that has gone on in its own way.
///
/// The last is looked at where the store keeps its data in its directory: it is copied, written to, and replaced
/// by the copy.
///
/// A consumer that goes on behind the end of a restored log skips what is written there next. It must be able to
/// refuse, and for that the store must not say that it is the same when it is not.
///
/// Holds I11, T3, T4.
pub async fn i11_a_checkpoint_of_another_log_is_refused<A: Adapter>(mut store: Subject<A>) -> Kept {
    write(&store, 0..4, "first").await?;
    let early = Checkpoint::at_the_end(&store, 8).await?;
    ensure_eq!(early.refusal(&store).await?, None, "I11: why a checkpoint is refused where it was made");

    let other = store.another().await;
    write(&other, 0..4, "first").await?;
    ensure!(early.refusal(&other).await?.is_some(), "I11: another store takes the checkpoint for its own");

    let forged = Checkpoint { commit: id("never"), ..early.clone() };
    ensure!(forged.refusal(&store).await?.is_some(), "I11: a commit that nobody stored is found");

    if store.can(Ability::Durability)? {
        store = restore_a_copy(store, &early).await?;
    }
    write(&store, 0..3, "last").await?;
    ensure_eq!(early.refusal(&store).await?, None, "I11: why a checkpoint is refused after more was written");
    Ok(())
}

async fn restore_a_copy<A: Adapter>(store: Subject<A>, early: &Checkpoint) -> Result<Subject<A>, Broken> {
    let mut has_files = false;
    let copy = store.setup().dir.with_extension("copy");
    let store = store
        .again_after(|dir| {
            has_files = std::fs::read_dir(dir)?.next().is_some();
            copy_files(dir, &copy)
        })
        .await?;
    ensure_eq!(
        early.refusal(&store).await?,
        None,
        "I11: why a checkpoint is refused after it was opened again"
    );
    write(&store, 4..8, "lost").await?;
    let late = Checkpoint::at_the_end(&store, 16).await?;
    let restored = store
        .again_after(|dir| {
            if has_files {
                std::fs::remove_dir_all(dir)?;
                copy_files(&copy, dir)?;
            }
            std::fs::remove_dir_all(&copy)
        })
        .await?;
    if has_files {
        ensure_eq!(early.refusal(&restored).await?, None, "I11: why the older copy refuses what it has");
        ensure!(late.refusal(&restored).await?.is_some(), "I11: the older copy takes a later checkpoint");
        write(&restored, 0..8, "other").await?;
        ensure!(
            late.refusal(&restored).await?.is_some(),
            "I11: it does so when it has gone on in its own way"
        );
    }
    Ok(restored)
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.is_dir() {
            copy_files(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
