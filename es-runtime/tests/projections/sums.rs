//! The balances as tables, which any event that is handled twice would spoil.

use crate::account::{Account, Before, Closed, Deposited, Opened};
#[cfg(feature = "postgres")]
use es_runtime::postgres::Postgres;
use es_runtime::prelude::*;
use es_runtime::sqlite::Sqlite;
use es_runtime::testing::Faulty;
use es_runtime::{
    Adapter, Durability, ExactlyOnce, Followed, Follower, Handled, On, Projection, Retry, Sql, StreamName,
    Tables,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// How many events and how much, by account.
#[derive(Clone)]
pub struct Sums {
    before: Arc<Before>,
}

impl Sums {
    pub fn new() -> Self {
        Self::with(|_, _| Ok(()))
    }

    pub fn with(before: impl Fn(&StreamName, u64) -> Handled + Send + Sync + 'static) -> Self {
        Self { before: Arc::new(before) }
    }

    async fn add<E>(&self, event: &Recorded<E>, amount: i64, sql: &mut Sql) -> Handled {
        let insert = format!(
            "INSERT INTO {} AS b (account, events, amount) VALUES ($1, 1, $2)
             ON CONFLICT (account) DO UPDATE SET events = b.events + 1, amount = b.amount + $2",
            sql.table("balances")
        );
        sql.execute(&insert, &[&event.stream().key(), &amount]).await?;
        // After the write, so that it is to be taken back.
        (self.before)(event.stream(), event.version().get())
    }
}

impl Follower for Sums {
    const NAME: &'static str = "account.sums";
    const FOLLOWS: &'static [Followed<Self>] = &[Followed::of::<Account>()];
    type Context = Sql;
}

impl Projection for Sums {
    type Delivery = ExactlyOnce;
}

impl Tables for Sums {
    async fn create(&self, sql: &mut Sql) -> Handled {
        let table = sql.table("balances");
        let create = format!(
            "CREATE TABLE {table} (account TEXT PRIMARY KEY, events BIGINT NOT NULL, amount BIGINT NOT NULL)"
        );
        sql.batch(&create).await?;
        let index = format!("CREATE INDEX {} ON {table} (amount)", sql.name("balances_by_amount"));
        Ok(sql.batch(&index).await?)
    }
}

impl On<Opened> for Sums {
    async fn on(&self, event: &Recorded<Opened>, sql: &mut Sql) -> Handled {
        self.add(event, 0, sql).await
    }
}

impl On<Deposited> for Sums {
    async fn on(&self, event: &Recorded<Deposited>, sql: &mut Sql) -> Handled {
        self.add(event, event.event().amount, sql).await
    }
}

impl On<Closed> for Sums {
    async fn on(&self, event: &Recorded<Closed>, sql: &mut Sql) -> Handled {
        self.add(event, 0, sql).await
    }
}

/// What is in the tables that readers see.
pub async fn sums(store: &Store) -> BTreeMap<String, (u64, i64)> {
    let rows = store.read_model::<Sums>().rows("SELECT account, events, amount FROM {balances}", &[]).await;
    let row = |row: &es_runtime::SqlRow| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
    let rows: Result<_, es_runtime::SqlError> = rows.expect("readable").iter().map(row).collect();
    rows.expect("as written")
}

/// A store in a database, and balances kept in a table beside it.
pub struct World<A: Adapter> {
    pub store: Store,
    pub faulty: Faulty<A>,
    _folder: Option<TempDir>,
}

impl World<Sqlite> {
    pub async fn sqlite() -> Self {
        let folder = TempDir::new().expect("a folder");
        let options = Sqlite::options().durability(Durability::ProcessCrash);
        let sqlite = options.open(folder.path().join("a.db")).await.expect("a store");
        Self::of(sqlite, Some(folder))
    }
}

#[cfg(feature = "postgres")]
impl World<Postgres> {
    pub async fn postgres() -> Self {
        let url = servers::postgres::Server::shared().new_database();
        let options = Postgres::options(&url).expect("the server's own URL");
        Self::of(options.open().await.expect("a store"), None)
    }
}

impl<A: Adapter> World<A> {
    fn of(adapter: A, folder: Option<TempDir>) -> Self {
        let faulty = Faulty::new(adapter);
        let retry = Retry { first: Duration::ZERO, ..Retry::default() };
        Self { store: Store::builder().retry(retry).adapter(faulty.clone()), faulty, _folder: folder }
    }

    /// The projection, with something before the end of each handler.
    pub fn projection(&self, before: impl Fn(&StreamName, u64) -> Handled + Send + Sync + 'static) -> Sums {
        Sums::with(before)
    }

    /// The same in another program.
    pub fn elsewhere(&self) -> Store {
        Store::new(self.faulty.clone())
    }

    /// What was read of the log: numbers of events and sums.
    pub async fn balances(&self) -> BTreeMap<String, (u64, i64)> {
        sums(&self.store).await
    }
}

/// The same in its next version: what is owed, and so with the other sign.
#[derive(Clone)]
pub struct Revised(Sums);

impl Revised {
    pub fn new() -> Self {
        Self(Sums::new())
    }

    pub fn with(before: impl Fn(&StreamName, u64) -> Handled + Send + Sync + 'static) -> Self {
        Self(Sums::with(before))
    }
}

impl Follower for Revised {
    const NAME: &'static str = Sums::NAME;
    const FOLLOWS: &'static [Followed<Self>] = &[Followed::of::<Account>()];
    type Context = Sql;
}

impl Projection for Revised {
    const VERSION: u32 = 2;
    type Delivery = ExactlyOnce;
}

impl Tables for Revised {
    async fn create(&self, sql: &mut Sql) -> Handled {
        self.0.create(sql).await
    }
}

impl On<Opened> for Revised {
    async fn on(&self, event: &Recorded<Opened>, sql: &mut Sql) -> Handled {
        self.0.add(event, 0, sql).await
    }
}

impl On<Deposited> for Revised {
    async fn on(&self, event: &Recorded<Deposited>, sql: &mut Sql) -> Handled {
        self.0.add(event, -event.event().amount, sql).await
    }
}

impl On<Closed> for Revised {
    async fn on(&self, event: &Recorded<Closed>, sql: &mut Sql) -> Handled {
        self.0.add(event, 0, sql).await
    }
}

/// One whose tables cannot be made: by a wrong statement, or by a name that is too long.
pub struct Unmade {
    pub table: &'static str,
}

impl Follower for Unmade {
    const NAME: &'static str = "unmade";
    const FOLLOWS: &'static [Followed<Self>] = &[];
    type Context = Sql;
}

impl Projection for Unmade {
    type Delivery = ExactlyOnce;
}

impl Tables for Unmade {
    async fn create(&self, sql: &mut Sql) -> Handled {
        if self.table.is_empty() {
            let create = format!("CREATE TABLE {} (id BIGINT)", sql.table(&"x".repeat(63)));
            return Ok(sql.batch(&create).await?);
        }
        Ok(sql.batch(self.table).await?)
    }
}
