//! Several aggregates saved together, all of them or none.

use crate::aggregate::Aggregate;
use crate::command::Outcome;
use crate::commit::{Commit, Range};
use crate::error::AppendError;
use crate::id::CommitId;
use crate::position::Version;
use crate::repository::StoreError;
use crate::root::Root;
use crate::store::Store;
use crate::time::Timestamp;

/// A [`Root`], whatever its aggregate. See [`Store::save_all`].
pub trait AnyRoot: sealed::Sealed + Send {
    #[doc(hidden)]
    fn stored_version(&self) -> Version;
    #[doc(hidden)]
    fn was_sent(&self) -> bool;
    #[doc(hidden)]
    fn has_news(&self) -> bool;
    #[doc(hidden)]
    fn next_commit(&mut self, fresh: &dyn Fn() -> CommitId, now: Timestamp) -> Option<Commit>;
    #[doc(hidden)]
    fn is_committed(&mut self, commit: &Commit, range: Range);
    #[doc(hidden)]
    fn is_not_committed(&mut self);
}

mod sealed {
    pub trait Sealed {}
}

impl<A: Aggregate> sealed::Sealed for Root<A> {}

impl<A: Aggregate> AnyRoot for Root<A> {
    fn stored_version(&self) -> Version {
        self.version()
    }

    fn was_sent(&self) -> bool {
        self.is_sent()
    }

    fn has_news(&self) -> bool {
        self.has_more_than_sent()
    }

    fn next_commit(&mut self, fresh: &dyn Fn() -> CommitId, now: Timestamp) -> Option<Commit> {
        self.commit(fresh, now)
    }

    fn is_committed(&mut self, commit: &Commit, range: Range) {
        self.committed(commit, range);
    }

    fn is_not_committed(&mut self) {
        self.not_committed();
    }
}

impl Store {
    /// Stores the pending events of all the roots, or of none: where the store can, see
    /// [`Capabilities::multi_stream`](crate::Capabilities::multi_stream).
    ///
    /// An aggregate is the unit of consistency, so this is the exception: a transfer between two accounts of
    /// one store, say. The outcomes are in the order of the roots.
    ///
    /// ```standalone_crate
    /// # use es_runtime::prelude::*;
    /// # #[event("account.changed")]
    /// # pub struct Changed { pub by: i64 }
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("account", id = String, events(Changed))]
    /// # pub struct Account { balance: i64 }
    /// # impl Apply<Changed> for Account { fn apply(&mut self, event: &Changed) { self.balance += event.by; } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = Store::connect("memory:").await?;
    /// let accounts = store.repository::<Account>();
    /// let mut ada = accounts.load(&"ada".to_string()).await?;
    /// let mut bob = accounts.load(&"bob".to_string()).await?;
    /// ada.raise(Changed { by: -5 })?;
    /// bob.raise(Changed { by: 5 })?;
    /// store.save_all(&mut [&mut ada, &mut bob]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Repository::save`](crate::Repository::save); the events of every root stay pending. Only what an
    /// earlier save had sent without an answer is settled on its own, before whatever was raised since.
    pub async fn save_all(&self, roots: &mut [&mut dyn AnyRoot]) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes: Vec<_> =
            roots.iter().map(|root| Outcome::of_nothing(root.stored_version())).collect();
        loop {
            let now = self.now();
            let fresh = || self.fresh_commit_id(now);
            // What was sent without an answer is sent as it was. Where more was raised since, that comes after it
            // and by itself: it must not be left behind by the other roots' events, nor they by it.
            let only_sent = roots.iter().any(|root| root.was_sent() && root.has_news());
            let (mut which, mut commits) = (Vec::new(), Vec::new());
            for (index, root) in roots.iter_mut().enumerate() {
                let was_sent = root.was_sent();
                if (was_sent || !only_sent)
                    && let Some(commit) = root.next_commit(&fresh, now)
                {
                    which.push((index, was_sent));
                    commits.push(commit);
                }
            }
            if commits.is_empty() {
                return Ok(outcomes);
            }
            let any_sent = which.iter().any(|(_, was_sent)| *was_sent);
            match self.send_all(commits.clone(), any_sent).await {
                Ok(appended) => {
                    for (((index, _), commit), appended) in which.into_iter().zip(&commits).zip(appended) {
                        roots[index].is_committed(commit, appended.range());
                        outcomes[index] = Outcome::of_commit(commit, appended.range());
                    }
                }
                Err(error) => {
                    for ((index, was_sent), commit) in which.into_iter().zip(&commits) {
                        // That they are not stored together does not say that one sent before was not.
                        let is_blamed = matches!(&error, AppendError::Conflict { stream, .. } if *stream == commit.stream);
                        if is_blamed || (!was_sent && error.is_not_stored()) {
                            roots[index].is_not_committed();
                        }
                    }
                    return Err(error.into());
                }
            }
        }
    }
}
