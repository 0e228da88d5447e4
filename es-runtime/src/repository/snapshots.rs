//! Starting from a snapshot, and taking the next.

use super::{Repository, StoreError};
use crate::adapter::{FIRST_PAGE, Limit};
use crate::aggregate::Aggregate;
use crate::name::StreamName;
use crate::root::Root;
use crate::snapshot::{Snapshot, SnapshotPlan};
use crate::store::{SnapshotTurn, Store};
use std::fmt;
use tokio::runtime::Handle as Runtime;

impl<A: Aggregate> Repository<A> {
    /// Starts from a snapshot where there is one that can be trusted.
    pub(super) async fn load_from_snapshot(
        &self,
        mut root: Root<A>,
        plan: &SnapshotPlan<A>,
    ) -> Result<(Root<A>, u64), StoreError> {
        let Some(snapshot) = self.find_snapshot(root.stream()).await else {
            return self.replay_rest(root).await;
        };
        let state = (snapshot.fingerprint == self.store.fingerprints().of::<A>())
            .then(|| plan.decode(&snapshot.state).ok());
        let Some(state) = state.flatten() else {
            self.discard_snapshot(root.stream(), "it was made by another version of the aggregate").await;
            return self.replay_rest(root).await;
        };
        // The event it was taken after is read as well: a stream that does not have it, in that very
        // commit, is another history (a restored backup) and the snapshot is a fold of something else.
        let page = self.store.read_stream(root.stream(), snapshot.version, Limit::events(FIRST_PAGE)).await?;
        let is_of_this_stream = page
            .events
            .first()
            .is_some_and(|event| event.version() == snapshot.version && event.commit() == snapshot.commit);
        if !is_of_this_stream {
            self.discard_snapshot(root.stream(), "the stream has another history").await;
            return self.replay_rest(root).await;
        }
        self.store.counters().snapshot_hits.add();
        root.restore(state, snapshot.version, snapshot.commit);
        for event in &page.events[1..] {
            root.replay(event)?;
        }
        let replayed = page.events.len() as u64 - 1;
        match page.next {
            None => Ok((root, replayed)),
            Some(_) => self.replay_rest(root).await.map(|(root, rest)| (root, replayed + rest)),
        }
    }

    async fn find_snapshot(&self, stream: &StreamName) -> Option<Snapshot> {
        match self.store.snapshots()?.load_snapshot(stream).await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.store.counters().snapshot_failures.add();
                tracing::warn!(%stream, %error, "a snapshot cannot be read, so every event is replayed");
                None
            }
        }
    }

    async fn discard_snapshot(&self, stream: &StreamName, reason: &'static str) {
        self.store.counters().snapshot_discards.add();
        tracing::debug!(%stream, reason, "throwing a snapshot away");
        if let Some(snapshots) = self.store.snapshots()
            && let Err(error) = snapshots.delete_snapshot(stream).await
        {
            self.store.counters().snapshot_failures.add();
            tracing::warn!(%stream, %error, "a useless snapshot cannot be deleted");
        }
    }

    /// Takes a snapshot when one is due, in a task of its own: a commit neither waits for it nor fails by it.
    pub(crate) fn keep_snapshot_of(&self, root: Root<A>) {
        let Some((plan, turn)) = self.due(&root) else { return };
        let store = self.store.clone();
        spawn(async move {
            if let Some(snapshot) = snapshot_of(&store, &root, plan) {
                put_snapshot(&store, root.stream(), snapshot).await;
            }
            drop(turn);
        });
    }

    /// As [`keep_snapshot_of`](Self::keep_snapshot_of), where the caller keeps the root: the state is written
    /// out before the root goes on.
    pub(super) fn snapshot_after_save(&self, root: &mut Root<A>) {
        let Some((plan, turn)) = self.due(root) else { return };
        root.set_snapshot_version(root.version());
        let Some(snapshot) = snapshot_of(&self.store, root, plan) else { return };
        let (store, stream) = (self.store.clone(), root.stream().clone());
        spawn(async move {
            put_snapshot(&store, &stream, snapshot).await;
            drop(turn);
        });
    }

    fn due(&self, root: &Root<A>) -> Option<(&'static SnapshotPlan<A>, SnapshotTurn)> {
        let plan = const { &A::SNAPSHOT }.as_ref()?;
        let events = root.version().get().saturating_sub(root.snapshot_version().get());
        if events < plan.every() || self.store.snapshots().is_none() {
            return None;
        }
        Some((plan, self.store.begin_snapshot(root.stream())?))
    }
}

fn snapshot_of<A: Aggregate>(store: &Store, root: &Root<A>, plan: &SnapshotPlan<A>) -> Option<Snapshot> {
    let commit = root.last_commit()?;
    match plan.encode(root.state(), store.format()) {
        Ok(state) => {
            let fingerprint = store.fingerprints().of::<A>();
            Some(Snapshot { version: root.version(), commit, fingerprint, state })
        }
        Err(error) => {
            note_snapshot_failure(store, root.stream(), &error);
            None
        }
    }
}

async fn put_snapshot(store: &Store, stream: &StreamName, snapshot: Snapshot) {
    let Some(snapshots) = store.snapshots() else { return };
    match snapshots.save_snapshot(stream, snapshot).await {
        Ok(()) => store.counters().snapshot_writes.add(),
        Err(error) => note_snapshot_failure(store, stream, &error),
    }
}

fn note_snapshot_failure(store: &Store, stream: &StreamName, error: &dyn fmt::Display) {
    store.counters().snapshot_failures.add();
    tracing::warn!(%stream, %error, "a snapshot cannot be written");
}

/// A program whose runtime is gone loses the snapshot, which is only a cache.
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Runtime::try_current() {
        runtime.spawn(task);
    }
}
