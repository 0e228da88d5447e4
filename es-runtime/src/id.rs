//! Ids: of commits, of events and of stores, and where fresh ones come from.

use crate::text::serde_as_text;
use crate::time::Timestamp;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The UUID.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        serde_as_text!($name);
    };
}

uuid_newtype! {
    /// What makes a commit safe to send again: the same id is stored once, and answered as the first time.
    ///
    /// Any UUID will do. A fresh one is of version 7; one that a caller can make again after a crash
    /// comes from [`derive`](Self::derive).
    CommitId
}

uuid_newtype! {
    /// Tells one event from every other: derived from its commit and its place in it.
    EventId
}

uuid_newtype! {
    /// Tells one store from another, so that a checkpoint of one is not used on the other.
    StoreId
}

impl CommitId {
    /// The id that belongs to `name` below `parent`: the same today and after a crash (RFC 9562, version 5).
    ///
    /// ```
    /// use es_runtime::CommitId;
    ///
    /// let import = CommitId::derive(&CommitId::ROOT, "orders.jsonl");
    /// assert_eq!(CommitId::derive(&import, "17"), CommitId::derive(&import, "17"));
    /// assert_ne!(CommitId::derive(&import, "17"), CommitId::derive(&import, "18"));
    /// ```
    pub fn derive(parent: &Self, name: &str) -> Self {
        Self(Uuid::new_v5(&parent.0, name.as_bytes()))
    }

    /// A parent to begin with; never the id of a commit itself.
    pub const ROOT: Self = Self(Uuid::from_u128(0x6f1d_8a04_52c7_5c2e_9d34_8b1e_70c6_43a1));
}

impl EventId {
    /// The id of event `index` (from 0) of `commit`.
    pub fn of(commit: CommitId, index: u64) -> Self {
        Self(Uuid::new_v5(&commit.0, &index.to_be_bytes()))
    }

    /// The id of part `number` (from 0) of the event, where several are read in its place.
    pub(crate) fn of_part(self, number: u32) -> Self {
        Self(Uuid::new_v5(&self.0, &number.to_be_bytes()))
    }
}

/// Where fresh ids and the jitter of a retry come from. Inject one to make a test repeatable.
pub trait Entropy: Send + Sync + 'static {
    /// Sixty-four bits that nobody could foresee.
    fn next(&self) -> u64;
}

impl<T: Entropy + ?Sized> Entropy for Arc<T> {
    fn next(&self) -> u64 {
        (**self).next()
    }
}

impl<F: Fn() -> u64 + Send + Sync + 'static> Entropy for F {
    fn next(&self) -> u64 {
        self()
    }
}

/// Entropy of the operating system, taken once and stretched by the standard library's keyed hash.
#[derive(Debug, Default)]
pub struct SystemEntropy {
    key: RandomState,
    calls: AtomicU64,
}

impl Entropy for SystemEntropy {
    fn next(&self) -> u64 {
        self.key.hash_one(self.calls.fetch_add(1, Ordering::Relaxed))
    }
}

/// A fresh UUID of version 7: ordered by time, so that an index over them grows at its end.
pub(crate) fn fresh(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 10];
    // 62 bits within a millisecond are enough, and twice the entropy would cost twice the time.
    random[2..].copy_from_slice(&entropy.next().to_le_bytes());
    uuid::Builder::from_unix_timestamp_millis(now.as_micros() / 1000, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_ids_are_ordered_by_time_and_differ() {
        let entropy = SystemEntropy::default();
        let at = |micros| fresh(Timestamp::from_micros(micros).expect("in range"), &entropy);
        let (early, late, again) = (at(1_000_000), at(2_000_000), at(2_000_000));
        assert!(early < late);
        assert_ne!(late, again);
        assert_eq!(late.get_version_num(), 7);
    }

    #[test]
    fn events_of_neighbouring_commits_do_not_share_ids() {
        let commit = |n| CommitId::from(Uuid::from_u128(n));
        assert_ne!(EventId::of(commit(1), 1), EventId::of(commit(2), 0));
    }
}
