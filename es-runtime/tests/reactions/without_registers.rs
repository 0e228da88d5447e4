//! A store that keeps no registers cannot note how far a follower has come, and says so.

use super::domain::{Fulfilment, Order, OrderCancelled, OrderConfirmed, OrderPlaced};
use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::{
    Adapter, Appended, Attempt, Capabilities, Commit, Cursor, Direction, Effects, Filter, FollowError, Found,
    Freshness, Limit, LogPage, Page, ReadError, StartAt, StoreId, StreamName, Tables,
};
use tokio::sync::watch;

/// What an adapter may leave out is left out.
struct Bare(Memory);

impl Adapter for Bare {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Appended, AppendError>> {
        self.0.append_batch(commits).await
    }

    async fn append_all(&self, commits: Vec<Commit>) -> Result<Vec<Appended>, AppendError> {
        self.0.append_all(commits).await
    }

    async fn find_commit(&self, id: CommitId) -> Result<Option<Found>, ReadError> {
        self.0.find_commit(id).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        freshness: Freshness,
    ) -> Result<Page, ReadError> {
        self.0.read_stream(stream, from, direction, limit, freshness).await
    }

    async fn read_all(&self, after: &Cursor, filter: &Filter, limit: Limit) -> Result<LogPage, ReadError> {
        self.0.read_all(after, filter, limit).await
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.0.changes()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn identity(&self) -> StoreId {
        self.0.identity()
    }
}

#[derive(Projection)]
#[projection("elsewhere", follows(Order), ignore(OrderConfirmed, OrderCancelled), delivery = AtLeastOnce)]
struct Elsewhere;

impl On<OrderPlaced> for Elsewhere {
    async fn on(&self, _: &Recorded<OrderPlaced>, _: &mut Attempt) -> Handled {
        Ok(())
    }
}

#[derive(Projection)]
#[projection("tables", follows(Order), ignore(OrderConfirmed, OrderCancelled))]
struct InTables;

impl Tables for InTables {
    async fn create(&self, _: &mut Sql) -> Handled {
        Ok(())
    }
}

impl On<OrderPlaced> for InTables {
    async fn on(&self, _: &Recorded<OrderPlaced>, _: &mut Sql) -> Handled {
        Ok(())
    }
}

#[derive(Reaction)]
#[reaction("react", follows(Order), ignore(OrderConfirmed, OrderCancelled))]
struct React;

impl On<OrderPlaced> for React {
    async fn on(&self, _: &Recorded<OrderPlaced>, _: &mut Effects) -> Handled {
        Ok(())
    }
}

/// Says who cannot run here, what is missing and which stores have it.
fn expect_refused<T>(name: &str, outcome: Result<T, FollowError>) {
    let error = outcome.err().expect("it cannot start");
    assert!(matches!(&error, FollowError::Unsupported { follower, .. } if *follower == name), "{error:?}");
    let said = error.to_string();
    for what in [name, "no registers", "how far", "SQLite, PostgreSQL and memory"] {
        assert!(said.contains(what), "`{what}` is not in: {said}");
    }
}

#[tokio::test]
async fn what_must_note_how_far_it_has_come_does_not_start_without_registers() {
    let store = Store::new(Bare(Memory::new()));
    expect_refused("elsewhere", store.projection(Elsewhere).start().await);
    expect_refused("elsewhere", store.projection(Elsewhere).run_to_end().await);
    expect_refused("tables", store.projection(InTables).start().await);
    expect_refused("react", store.reaction(React).start(StartAt::Now).await);
    expect_refused("fulfilment", store.workflow::<Fulfilment>().start(StartAt::Beginning).await);
}

#[tokio::test]
async fn commands_and_subscriptions_need_none() {
    let store = Store::new(Bare(Memory::new()));
    super::domain::place(&store, "o-1", "tea").await;
    let mut log = store.subscribe(Filter::all()).start().await.expect("it starts");
    assert_eq!(log.next_batch().await.expect("readable").events.len(), 1);
}
