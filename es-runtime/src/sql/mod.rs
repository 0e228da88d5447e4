//! SQL inside a transaction of the store: what a projection writes its tables with.

mod error;
mod row;
mod transactions;
mod value;

pub use error::SqlError;
pub use row::{FromSql, SqlRow};
pub(crate) use transactions::NoTransactions;
pub use transactions::{SqlDriver, Transactions, Work};
pub use value::{SqlValue, ToSql};

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

/// A transaction of the store's database, with the few things that every SQL store can do.
///
/// Statements have parameters `$1`, `$2` and so on, in every dialect. What only one database can do is done by its
/// own driver: see [`driver`](Self::driver).
///
/// ```
/// use es_runtime::{Sql, SqlError};
///
/// async fn count(sql: &mut Sql, status: &str) -> Result<i64, SqlError> {
///     let query = format!("SELECT count(*) FROM {} WHERE status = $1", sql.table("orders"));
///     sql.query(&query, &[&status]).await?[0].get(0)
/// }
/// ```
///
/// A statement that fails spoils the transaction: answer with its error, and all of it is rolled back.
pub struct Sql {
    driver: Box<dyn SqlDriver>,
    prefix: String,
    /// The tables that were named, if somebody wants to know them.
    named: Option<RefCell<BTreeSet<String>>>,
}

impl Sql {
    /// A transaction that `driver` has begun. For authors of adapters.
    pub fn new(driver: Box<dyn SqlDriver>) -> Self {
        Self { driver, prefix: String::new(), named: None }
    }

    /// What it was made of. For authors of adapters.
    pub fn into_driver(self) -> Box<dyn SqlDriver> {
        self.driver
    }

    /// Lets `prefix` go before the name of each [`table`](Self::table), so that two builds of one projection have
    /// their own.
    pub(crate) fn set_prefix(&mut self, prefix: String) {
        self.prefix = prefix;
    }

    /// What goes before the name of each table.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// From now on keeps the names of tables.
    pub(crate) fn keep_names(&mut self) {
        self.named = Some(RefCell::default());
    }

    /// The names of the tables that were asked for, with the prefix.
    pub(crate) fn take_names(&mut self) -> Vec<String> {
        self.named.take().map(|named| named.into_inner().into_iter().collect()).unwrap_or_default()
    }

    /// The table of the registers.
    pub(crate) fn registers(&self) -> &str {
        self.driver.registers()
    }

    /// The table that this build of the projection has under `name`, quoted and qualified: to be put into
    /// statements as it is. Each build has tables of its own, side by side.
    ///
    /// Use lower-case letters, digits and `_`; other names are quoted all the same.
    pub fn table(&self, name: &str) -> String {
        let name = format!("{}{name}", self.prefix);
        let table = self.driver.qualified(&name);
        if let Some(named) = &self.named {
            named.borrow_mut().insert(name);
        }
        table
    }

    /// A name that this build of the projection has for something else than a table, such as an index: quoted, but
    /// not qualified.
    ///
    /// ```
    /// # use es_runtime::Sql;
    /// fn by_day(sql: &Sql) -> String {
    ///     format!("CREATE INDEX {} ON {} (day)", sql.name("orders_by_day"), sql.table("orders"))
    /// }
    /// ```
    pub fn name(&self, name: &str) -> String {
        format!("\"{}\"", format!("{}{name}", self.prefix).replace('"', "\"\""))
    }

    /// Runs a statement, and answers with how many rows it changed.
    ///
    /// # Errors
    ///
    /// See [`SqlError`].
    pub async fn execute(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<u64, SqlError> {
        let values = value::all(parameters)?;
        self.driver.execute(sql, &values).await
    }

    /// Runs several statements without parameters, such as those that make tables.
    ///
    /// # Errors
    ///
    /// See [`SqlError`].
    pub async fn batch(&mut self, sql: &str) -> Result<(), SqlError> {
        self.driver.batch(sql).await
    }

    /// Runs a query, and answers with all of its rows.
    ///
    /// # Errors
    ///
    /// See [`SqlError`].
    pub async fn query(
        &mut self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<SqlRow>, SqlError> {
        let values = value::all(parameters)?;
        self.driver.query(sql, &values).await
    }

    /// The way out: the connection of the driver beneath, inside the transaction. `rusqlite::Connection` on
    /// SQLite and `tokio_postgres::Client` on PostgreSQL; nothing where the store has another.
    ///
    /// Do not end the transaction with it: the checkpoint moves in the same one.
    pub fn driver<C: 'static>(&mut self) -> Option<&mut C> {
        self.driver.connection().downcast_mut()
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sql").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
