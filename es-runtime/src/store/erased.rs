//! Adapters behind a pointer, so that a store is one type whatever keeps its events.

use crate::adapter::{
    Adapter, Capabilities, Direction, Filter, Found, Freshness, Limit, LogPage, Page, Reader,
};
use crate::commit::{Appended, Commit};
use crate::error::{AppendError, ReadError};
use crate::id::{CommitId, StoreId};
use crate::name::StreamName;
use crate::position::{Cursor, Version};
use crate::register::{Register, Registers, Write};
use crate::snapshot::{Snapshot, Snapshots};
use crate::sql::{SqlError, Transactions, Work};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

pub(crate) trait DynAdapter: Send + Sync {
    fn append_batch(&self, commits: Vec<Commit>) -> Boxed<'_, Vec<Result<Appended, AppendError>>>;
    fn append_all(&self, commits: Vec<Commit>) -> Boxed<'_, Result<Vec<Appended>, AppendError>>;
    fn find_commit(&self, id: CommitId) -> Boxed<'_, Result<Option<Found>, ReadError>>;
    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        freshness: Freshness,
    ) -> Boxed<'a, Result<Page, ReadError>>;
    fn replay<'a>(
        &'a self,
        stream: &'a StreamName,
        from: Version,
        reader: Reader<'a>,
    ) -> Boxed<'a, Result<(), ReadError>>;
    fn read_all<'a>(
        &'a self,
        after: &'a Cursor,
        filter: &'a Filter,
        limit: Limit,
    ) -> Boxed<'a, Result<LogPage, ReadError>>;
    fn head(&self) -> Boxed<'_, Result<Cursor, ReadError>>;
    fn changes(&self) -> watch::Receiver<()>;
    fn capabilities(&self) -> Capabilities;
    fn identity(&self) -> StoreId;
    fn snapshots(&self) -> Option<Arc<dyn DynSnapshots>>;
    fn registers(&self) -> Option<Arc<dyn DynRegisters>>;
    fn transactions(&self) -> Option<Arc<dyn DynTransactions>>;
}

impl<T: Adapter> DynAdapter for T {
    fn append_batch(&self, commits: Vec<Commit>) -> Boxed<'_, Vec<Result<Appended, AppendError>>> {
        Box::pin(Adapter::append_batch(self, commits))
    }

    fn append_all(&self, commits: Vec<Commit>) -> Boxed<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(Adapter::append_all(self, commits))
    }

    fn find_commit(&self, id: CommitId) -> Boxed<'_, Result<Option<Found>, ReadError>> {
        Box::pin(Adapter::find_commit(self, id))
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        freshness: Freshness,
    ) -> Boxed<'a, Result<Page, ReadError>> {
        Box::pin(Adapter::read_stream(self, stream, from, direction, limit, freshness))
    }

    fn replay<'a>(
        &'a self,
        stream: &'a StreamName,
        from: Version,
        reader: Reader<'a>,
    ) -> Boxed<'a, Result<(), ReadError>> {
        Box::pin(Adapter::replay(self, stream, from, reader))
    }

    fn read_all<'a>(
        &'a self,
        after: &'a Cursor,
        filter: &'a Filter,
        limit: Limit,
    ) -> Boxed<'a, Result<LogPage, ReadError>> {
        Box::pin(Adapter::read_all(self, after, filter, limit))
    }

    fn head(&self) -> Boxed<'_, Result<Cursor, ReadError>> {
        Box::pin(Adapter::head(self))
    }

    fn changes(&self) -> watch::Receiver<()> {
        Adapter::changes(self)
    }

    fn capabilities(&self) -> Capabilities {
        Adapter::capabilities(self)
    }

    fn identity(&self) -> StoreId {
        Adapter::identity(self)
    }

    fn snapshots(&self) -> Option<Arc<dyn DynSnapshots>> {
        Adapter::snapshots(self).map(|snapshots| Arc::new(snapshots) as _)
    }

    fn registers(&self) -> Option<Arc<dyn DynRegisters>> {
        Adapter::registers(self).map(|registers| Arc::new(registers) as _)
    }

    fn transactions(&self) -> Option<Arc<dyn DynTransactions>> {
        Adapter::transactions(self).map(|transactions| Arc::new(transactions) as _)
    }
}

pub(crate) trait DynSnapshots: Send + Sync {
    fn load_snapshot<'a>(&'a self, stream: &'a StreamName) -> Boxed<'a, Result<Option<Snapshot>, ReadError>>;
    fn save_snapshot<'a>(
        &'a self,
        stream: &'a StreamName,
        snapshot: Snapshot,
    ) -> Boxed<'a, Result<(), ReadError>>;
    fn delete_snapshot<'a>(&'a self, stream: &'a StreamName) -> Boxed<'a, Result<(), ReadError>>;
}

impl<T: Snapshots> DynSnapshots for T {
    fn load_snapshot<'a>(&'a self, stream: &'a StreamName) -> Boxed<'a, Result<Option<Snapshot>, ReadError>> {
        Box::pin(Snapshots::load_snapshot(self, stream))
    }

    fn save_snapshot<'a>(
        &'a self,
        stream: &'a StreamName,
        snapshot: Snapshot,
    ) -> Boxed<'a, Result<(), ReadError>> {
        Box::pin(Snapshots::save_snapshot(self, stream, snapshot))
    }

    fn delete_snapshot<'a>(&'a self, stream: &'a StreamName) -> Boxed<'a, Result<(), ReadError>> {
        Box::pin(Snapshots::delete_snapshot(self, stream))
    }
}

pub(crate) trait DynRegisters: Send + Sync {
    fn read<'a>(&'a self, key: &'a str) -> Boxed<'a, Result<Option<Register>, ReadError>>;
    fn list<'a>(
        &'a self,
        prefix: &'a str,
        limit: usize,
    ) -> Boxed<'a, Result<Vec<(String, Register)>, ReadError>>;
    fn write(&self, writes: Vec<Write>) -> Boxed<'_, Result<bool, ReadError>>;
}

impl<T: Registers> DynRegisters for T {
    fn read<'a>(&'a self, key: &'a str) -> Boxed<'a, Result<Option<Register>, ReadError>> {
        Box::pin(self.read_register(key))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        limit: usize,
    ) -> Boxed<'a, Result<Vec<(String, Register)>, ReadError>> {
        Box::pin(self.list_registers(prefix, limit))
    }

    fn write(&self, writes: Vec<Write>) -> Boxed<'_, Result<bool, ReadError>> {
        Box::pin(self.write_registers(writes))
    }
}

pub(crate) trait DynTransactions: Send + Sync {
    fn write(&self, work: Work) -> Boxed<'_, Result<bool, SqlError>>;
    fn read(&self, work: Work) -> Boxed<'_, Result<(), SqlError>>;
}

impl<T: Transactions> DynTransactions for T {
    fn write(&self, work: Work) -> Boxed<'_, Result<bool, SqlError>> {
        Box::pin(Transactions::write(self, work))
    }

    fn read(&self, work: Work) -> Boxed<'_, Result<(), SqlError>> {
        Box::pin(Transactions::read(self, work))
    }
}
