//! What differs between the deliveries of a projection: what runs it, and how a build begins.

use super::builds::{Builds, key, prefix};
use super::{AtLeastOnce, Attempt, Delivery, ExactlyOnce, Projection, Tables};
use crate::follow::Follower;
use crate::following::{
    Direct, Engine, FollowError, InTransaction, NO_REGISTERS, change, check_registers, encode,
};
use crate::format::Cause;
use crate::position::Cursor;
use crate::recorded::Recorded;
use crate::register::Write;
use crate::sql::Sql;
use crate::store::Store;
use std::sync::Arc;

/// The longest names that PostgreSQL keeps; it cuts longer ones short. The same everywhere, so that a program that
/// runs on one database runs on the others.
pub(crate) const LONGEST_NAME: usize = 63;

/// A delivery that projections of type `P` can have.
pub(crate) trait Delivers<P: Projection>: Delivery {
    type Engine: Engine<P>;

    /// Refuses a store that cannot do it.
    fn check(store: &Store) -> Result<(), FollowError>;

    /// What runs a build.
    fn engine(store: &Store, build: u32) -> Self::Engine;

    /// Begins the last of `builds`, all or nothing. Answers `false` where somebody else was faster.
    fn begin(
        store: &Store,
        projection: &Arc<P>,
        revision: u64,
        builds: Builds,
    ) -> impl Future<Output = Result<bool, FollowError>> + Send;
}

/// The changes that begin the last of `builds`: of the list, and of its parts.
fn writes<P: Projection>(store: &Store, revision: u64, builds: &Builds) -> Vec<Write> {
    let list = Write { key: key(P::NAME), expected: revision, value: Some(encode(builds)) };
    let parts = builds
        .builds
        .last()
        .map(|build| build.part_writes(P::NAME, store, &Cursor::start()))
        .unwrap_or_default();
    std::iter::once(list).chain(parts).collect()
}

impl<P> Delivers<P> for AtLeastOnce
where
    P: Projection<Delivery = Self> + Follower<Context = Attempt>,
{
    type Engine = Direct<fn(&Recorded, u32) -> Attempt>;

    fn check(store: &Store) -> Result<(), FollowError> {
        check_registers::<P>(store)
    }

    fn engine(store: &Store, _: u32) -> Self::Engine {
        Direct { store: store.clone(), context: |_, attempt| Attempt::new(attempt) }
    }

    async fn begin(store: &Store, _: &Arc<P>, revision: u64, builds: Builds) -> Result<bool, FollowError> {
        let registers = store.registers().ok_or(NO_REGISTERS)?;
        Ok(registers.write(writes::<P>(store, revision, &builds)).await?)
    }
}

impl<P: Tables + Follower<Context = Sql>> Delivers<P> for ExactlyOnce {
    type Engine = InTransaction;

    fn check(store: &Store) -> Result<(), FollowError> {
        check_registers::<P>(store)?;
        match store.transactions() {
            Some(_) => Ok(()),
            None => Err(FollowError::Unsupported {
                follower: P::NAME,
                why: "it has no SQL, so that handlers cannot write in the transaction that moves the checkpoint; \
                      use SQLite or PostgreSQL, or let the delivery be `AtLeastOnce`",
            }),
        }
    }

    fn engine(store: &Store, build: u32) -> Self::Engine {
        InTransaction { store: store.clone(), prefix: prefix(P::NAME, build) }
    }

    async fn begin(
        store: &Store,
        projection: &Arc<P>,
        revision: u64,
        builds: Builds,
    ) -> Result<bool, FollowError> {
        let writes = writes::<P>(store, revision, &builds);
        let projection = Arc::clone(projection);
        let outcome = store.write_sql(move |sql| {
            Box::pin(async move {
                let outcome = create(&*projection, sql, revision, builds, &writes).await;
                (matches!(outcome, Ok(true)), outcome)
            })
        });
        outcome.await?
    }
}

/// Makes the tables of a build and notes them. The registers come first: who is second waits for them, and not
/// for a table.
async fn create<P: Tables>(
    projection: &P,
    sql: &mut Sql,
    revision: u64,
    mut builds: Builds,
    writes: &[Write],
) -> Result<bool, FollowError> {
    for write in writes {
        if !change(sql, write).await? {
            return Ok(false);
        }
    }
    let Some(build) = builds.builds.last_mut() else { return Ok(false) };
    sql.set_prefix(prefix(P::NAME, build.number));
    sql.keep_names();
    let failed = |error| FollowError::Create { follower: P::NAME, error: Cause::new(error) };
    projection.create(sql).await.map_err(failed)?;
    build.tables = sql.take_names();
    if let Some(name) = build.tables.iter().find(|name| name.len() > LONGEST_NAME) {
        return Err(FollowError::NameTooLong { name: name.clone(), limit: LONGEST_NAME });
    }
    let list = Write { key: key(P::NAME), expected: revision + 1, value: Some(encode(&builds)) };
    Ok(change(sql, &list).await?)
}
