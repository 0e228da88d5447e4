//! How large things may be: checked before anything is written.

use crate::adapter::Capabilities;
use crate::commit::Commit;
use crate::error::AppendError;

/// How large things may be. Over a limit nothing is written and the error says which one.
///
/// ```
/// use es_runtime::{Limits, Store};
///
/// let limits = Limits { payload_bytes: 16 << 10, ..Limits::default() };
/// let store = Store::builder().limits(limits);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one payload. 1 MiB unless set.
    pub payload_bytes: usize,
    /// Bytes of one event's metadata. 64 KiB unless set.
    pub metadata_bytes: usize,
    /// Bytes of the payloads and the metadata of a commit. 16 MiB unless set.
    pub commit_bytes: usize,
    /// Events of a commit. 10,000 unless set.
    pub commit_events: usize,
    /// Guards of a commit. 64 unless set.
    pub guards: usize,
    /// Bytes of the name of an event. 200, as the macro allows.
    pub name_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes: 1 << 20,
            metadata_bytes: 64 << 10,
            commit_bytes: 16 << 20,
            commit_events: 10_000,
            guards: 64,
            name_bytes: 200,
        }
    }
}

impl Limits {
    /// The smaller of what the user and the store allow.
    pub(crate) fn within(mut self, capabilities: &Capabilities) -> Self {
        self.commit_bytes = self.commit_bytes.min(capabilities.max_commit_bytes);
        self.commit_events = self.commit_events.min(capabilities.max_commit_events);
        self
    }

    pub(crate) fn check(&self, commit: &Commit) -> Result<(), AppendError> {
        let stream = &commit.stream;
        at_most(self.commit_events, commit.events.len(), || format!("the commit to `{stream}`, in events,"))?;
        at_most(self.guards, commit.requires.len(), || format!("the commit to `{stream}`, in guards,"))?;
        let mut total = 0;
        for event in commit.events.iter() {
            let (name, payload) = (&event.name, event.payload.bytes().len());
            let metadata = event.metadata.size();
            // Stores write the metadata with each event, though the events of a commit share it here.
            total += payload + metadata;
            at_most(self.name_bytes, name.len(), || {
                format!("the name of an event of `{stream}`, in bytes,")
            })?;
            at_most(self.payload_bytes, payload, || format!("the event `{name}` of `{stream}`, in bytes,"))?;
            at_most(self.metadata_bytes, metadata, || {
                format!("the metadata of `{name}` of `{stream}`, in bytes,")
            })?;
        }
        at_most(self.commit_bytes, total, || format!("the commit to `{stream}`, in bytes,"))
    }
}

fn at_most(limit: usize, size: usize, what: impl FnOnce() -> String) -> Result<(), AppendError> {
    if size <= limit { Ok(()) } else { Err(AppendError::TooLarge { what: what(), size, limit }) }
}
