//! Snapshots: a fold kept to save time, thrown away at the first doubt.

use crate::aggregate::Aggregate;
use crate::error::ReadError;
use crate::format::{Cause, Encoded, Format};
use crate::id::CommitId;
use crate::name::StreamName;
use crate::position::Version;
use crate::shape::trace;
use crate::text::Hash;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::panic::catch_unwind;
use std::sync::{Mutex, PoisonError};

/// A kept fold of a stream's events. For authors of adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// How many events were folded.
    pub version: Version,
    /// The commit that the last of them belongs to: proof that it is a fold of this very stream.
    pub commit: CommitId,
    /// Which program could read it: see [`SnapshotPlan`].
    pub fingerprint: u64,
    /// The state.
    pub state: Encoded,
}

/// Where snapshots are kept. At most one per stream: the newest.
///
/// They are a cache, so a store may lose any of them at any time, and loading never fails because of one.
pub trait Snapshots: Send + Sync + 'static {
    /// The snapshot of `stream`, if there is one.
    fn load_snapshot(
        &self,
        stream: &StreamName,
    ) -> impl Future<Output = Result<Option<Snapshot>, ReadError>> + Send;

    /// Keeps `snapshot` in place of any other of the stream, unless that one has a higher version and
    /// the same fingerprint.
    fn save_snapshot(
        &self,
        stream: &StreamName,
        snapshot: Snapshot,
    ) -> impl Future<Output = Result<(), ReadError>> + Send;

    /// Forgets the snapshot of `stream`, if there is one.
    fn delete_snapshot(&self, stream: &StreamName) -> impl Future<Output = Result<(), ReadError>> + Send;
}

/// The snapshots of a store that keeps none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NoSnapshots {}

impl Snapshots for NoSnapshots {
    async fn load_snapshot(&self, _: &StreamName) -> Result<Option<Snapshot>, ReadError> {
        match *self {}
    }

    async fn save_snapshot(&self, _: &StreamName, _: Snapshot) -> Result<(), ReadError> {
        match *self {}
    }

    async fn delete_snapshot(&self, _: &StreamName) -> Result<(), ReadError> {
        match *self {}
    }
}

/// When an aggregate is snapshotted, and which snapshots it can read.
/// Written by `#[aggregate(snapshot(every = 100))]`.
///
/// A snapshot carries a fingerprint of the state's fields, the types inside of them as serde sees them, the
/// aggregate's revision and the names and versions of its events, of those in `past(...)` too. When the program's
/// differs, the snapshot is thrown away and made again.
///
/// What the handlers do is not part of it: raise the revision when that changes. The test of
/// `events.lock` notices where it was forgotten.
pub struct SnapshotPlan<A> {
    every: u64,
    fields: &'static str,
    encode: fn(&A, Format) -> Result<Encoded, Cause>,
    decode: fn(&Encoded) -> Result<A, Cause>,
    shape: fn() -> u64,
}

/// State that can be kept: any that serde can write and read.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the state of `{Self}` cannot be kept as a snapshot",
    label = "`{Self}` needs serde's `Serialize` and `Deserialize`",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}` (the crate `serde`, with its feature `derive`), or leave `snapshot(...)` out"
)]
pub trait Keep: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<A: Serialize + DeserializeOwned> Keep for A {}

impl<A: Keep + Default> SnapshotPlan<A> {
    #[doc(hidden)]
    pub const fn new(every: u64, fields: &'static str) -> Self {
        Self {
            every,
            fields,
            encode: |state, format| format.encode(state),
            decode: Encoded::decode,
            shape: shape_of::<A>,
        }
    }
}

impl<A> SnapshotPlan<A> {
    /// After how many events a new snapshot is taken.
    pub const fn every(&self) -> u64 {
        self.every
    }

    pub(crate) fn encode(&self, state: &A, format: Format) -> Result<Encoded, Cause> {
        (self.encode)(state, format)
    }

    /// The state as JSON, whatever the format of the store.
    pub(crate) fn to_json(&self, state: &A) -> Result<serde_json::Value, Cause> {
        self.encode(state, Format::Json)?.decode()
    }

    pub(crate) fn decode(&self, state: &Encoded) -> Result<A, Cause> {
        (self.decode)(state)
    }
}

impl<A> fmt::Debug for SnapshotPlan<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotPlan").field("every", &self.every).field("fields", &self.fields).finish()
    }
}

/// What serde makes of a state, as a number: another one where a type changes that is inside of it.
fn shape_of<A: Keep + Default>() -> u64 {
    // A type may panic at values that nobody would give to it. Then its fields alone must do.
    let looked = catch_unwind(|| {
        let default = serde_json::to_value(A::default()).ok();
        let from_default = default.and_then(|default| trace::<A>(&[default]).ok());
        from_default.or_else(|| trace::<A>(&[]).ok())
    });
    looked.ok().flatten().map_or(0, |shape| Hash::of(&shape.to_string()))
}

/// Which type the state of `A` has: its fields and the types inside of them.
pub(crate) fn shape<A: Aggregate>() -> u64 {
    let plan = const { &A::SNAPSHOT };
    plan.as_ref().map_or(0, |plan| Hash::new().text(plan.fields).long((plan.shape)()).finish())
}

/// The fingerprints of aggregates, each looked for once: it is compared at each load.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints(Mutex<HashMap<TypeId, u64>>);

impl Fingerprints {
    /// What must be the same for a snapshot of `A` to be read.
    pub(crate) fn of<A: Aggregate>(&self) -> u64 {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fingerprint) = known().get(&TypeId::of::<A>()) {
            return *fingerprint;
        }
        // Without the lock, under which the user's code must not run.
        let fingerprint = fingerprint::<A>();
        known().insert(TypeId::of::<A>(), fingerprint);
        fingerprint
    }
}

fn fingerprint<A: Aggregate>() -> u64 {
    let mut hash = Hash::new().long(shape::<A>()).number(A::REVISION);
    let mut i = 0;
    while i < A::EVENTS.len() {
        let event = A::EVENTS[i].schema();
        hash = hash.text(event.name()).number(event.version() as u32);
        i += 1;
    }
    let mut i = 0;
    while i < A::PAST.len() {
        let event = A::PAST[i].schema();
        // An event that was retired had its place in the other list, so the list is part of it.
        let fate = if A::PAST[i].fate().reason().is_some() { "retired" } else { "replaced" };
        hash = hash.text(event.name()).number(event.version() as u32).text(fate);
        i += 1;
    }
    hash.finish()
}
