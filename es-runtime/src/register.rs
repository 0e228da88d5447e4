//! Registers: small values that change by compare-and-set. Where readers note how far they have come.

use crate::error::ReadError;

/// A value, and how often it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// 1 for a value that was never changed, and one more for each change.
    pub revision: u64,
    /// What was written last. Small: some kibibytes.
    pub value: Vec<u8>,
}

/// A change of one register, made only if nobody else has changed it meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which register. Text without NUL, up to 512 bytes.
    pub key: String,
    /// The revision it must have; 0 for one that must not exist.
    pub expected: u64,
    /// The new value, or nothing to remove it.
    pub value: Option<Vec<u8>>,
}

/// Small values by key, changed by compare-and-set: checkpoints, leases, parked events, timers. They belong to
/// the store and live as long as it does, but they are no events: what is read is the newest value, fresh as
/// [`Freshness::Latest`](crate::Freshness::Latest).
///
/// A key that is removed and made again begins at revision 1 again.
pub trait Registers: Send + Sync + 'static {
    /// The value under `key`, if there is one.
    fn read_register(&self, key: &str) -> impl Future<Output = Result<Option<Register>, ReadError>> + Send;

    /// The first `limit` registers whose keys begin with `prefix`, ordered by the bytes of their keys.
    fn list_registers(
        &self,
        prefix: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(String, Register)>, ReadError>> + Send;

    /// Makes all of the changes and answers `true`, or none and answers `false` where one register is not at the
    /// revision expected of it. The keys must differ.
    ///
    /// As durable as a commit. After [`Unavailable`](ReadError::Unavailable) they are made or not, all or none:
    /// read to learn which.
    fn write_registers(&self, writes: Vec<Write>) -> impl Future<Output = Result<bool, ReadError>> + Send;
}

/// The registers of a store that has none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NoRegisters {}

impl Registers for NoRegisters {
    async fn read_register(&self, _: &str) -> Result<Option<Register>, ReadError> {
        match *self {}
    }

    async fn list_registers(&self, _: &str, _: usize) -> Result<Vec<(String, Register)>, ReadError> {
        match *self {}
    }

    async fn write_registers(&self, _: Vec<Write>) -> Result<bool, ReadError> {
        match *self {}
    }
}
