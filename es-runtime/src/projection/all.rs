//! The projections of a store, whatever program keeps them.

use super::builds::{self, Build, BuildState, Builds};
use crate::error::ReadError;
use crate::following::{ALL, FollowError, NO_REGISTERS, change, decode, encode};
use crate::register::Write;
use crate::sql::{Sql, SqlError};
use crate::store::Store;

/// The projections of a store; made by [`Store::projections`]. For tools: nothing here needs their types.
#[derive(Debug, Clone)]
pub struct Projections {
    store: Store,
}

impl Projections {
    pub(crate) const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Their names and builds.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or keeps no registers.
    pub async fn list(&self) -> Result<Vec<(String, Vec<Build>)>, FollowError> {
        let registers = self.store.registers().ok_or(NO_REGISTERS)?;
        let found = registers.list(&builds::key(""), ALL).await?;
        let projections = found.into_iter().map(|(key, register)| {
            let builds: Builds = decode(&key, &register)?;
            Ok((key[builds::key("").len()..].to_owned(), builds.builds))
        });
        projections.collect()
    }

    /// Drops the retired builds of a projection, with their tables. Answers with those that were dropped.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or a table cannot be dropped; nothing is dropped then.
    pub async fn drop_retired(&self, projection: &str) -> Result<Vec<Build>, FollowError> {
        loop {
            let (revision, builds) = builds::read(&self.store, projection).await?;
            let is_retired = |build: &Build| build.state == BuildState::Retired;
            let (retired, kept): (Vec<Build>, Vec<Build>) = builds.builds.into_iter().partition(is_retired);
            if retired.is_empty() {
                return Ok(retired);
            }
            let value = Some(encode(&Builds { builds: kept }));
            let mut writes = vec![Write { key: builds::key(projection), expected: revision, value }];
            for build in &retired {
                writes.extend(self.removals(projection, build).await?);
            }
            let tables = retired.iter().flat_map(|build| build.tables.clone()).collect();
            if self.remove(tables, writes).await? {
                return Ok(retired);
            }
        }
    }

    /// The removals of what a build has in registers.
    async fn removals(&self, projection: &str, build: &Build) -> Result<Vec<Write>, ReadError> {
        let registers = self.store.registers().ok_or(NO_REGISTERS)?;
        let mut removals = Vec::new();
        for kind in ["part", "parked"] {
            let found = registers.list(&format!("{kind}/{projection}/{}/", build.number), ALL).await?;
            let remove = |(key, register): (String, crate::Register)| Write {
                key,
                expected: register.revision,
                value: None,
            };
            removals.extend(found.into_iter().map(remove));
        }
        Ok(removals)
    }

    /// Drops the tables and makes the changes, all or nothing. Answers `false` where somebody else has changed one.
    async fn remove(&self, tables: Vec<String>, writes: Vec<Write>) -> Result<bool, FollowError> {
        if tables.is_empty() {
            return Ok(self.store.registers().ok_or(NO_REGISTERS)?.write(writes).await?);
        }
        let outcome = self.store.write_sql(move |sql| {
            Box::pin(async move {
                let outcome = drop_tables(sql, &tables, &writes).await;
                (matches!(outcome, Ok(true)), outcome)
            })
        });
        Ok(outcome.await??)
    }
}

async fn drop_tables(sql: &mut Sql, tables: &[String], writes: &[Write]) -> Result<bool, SqlError> {
    for write in writes {
        if !change(sql, write).await? {
            return Ok(false);
        }
    }
    for table in tables {
        let statement = format!("DROP TABLE IF EXISTS {}", sql.table(table));
        sql.execute(&statement, &[]).await?;
    }
    Ok(true)
}
