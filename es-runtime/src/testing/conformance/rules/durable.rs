//! T3: what is acknowledged is there later.

use crate::testing::conformance::draft::{commit, id, stream};
use crate::testing::conformance::{Ability, Kept, Subject, ensure, ensure_eq, ensure_matches};
use crate::{Adapter, Appended, Expected};

/// A store that says it outlives the process has everything when it is opened again: events, ids, the
/// place to go on, and its identity.
///
/// `Ok` is what the customer was told.
///
/// Holds T3, I1, I8.
pub async fn t3_what_was_acknowledged_is_there_when_opened_again<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::Durability)? {
        return Ok(());
    }
    let order = stream("1");
    let first = store.append(commit("a", &order, Expected::NoStream, 3)).await?.range();
    let (events, identity) = (store.stream(&order).await?, store.identity());
    let store = store.again().await;
    ensure_eq!(store.identity(), identity, "the identity");
    ensure!(store.stream(&order).await? == events, "other events than before");
    ensure_eq!(store.find_commit(id("a")).await?.map(|found| found.range), Some(first), "the commit");
    let again = store.append(commit("a", &order, Expected::NoStream, 3)).await?;
    ensure_eq!(again, Appended::AlreadyCommitted(first), "the same commit again");
    let next = store.append(commit("b", &order, Expected::Exists, 1)).await?;
    ensure_matches!(
        next,
        Appended::Committed(range) if range.first.get() == 4 && range.position > first.position,
        "the next commit"
    );
    ensure_eq!(store.log(4).await?.len(), 4, "events in the log");
    Ok(())
}

/// A store's identity stays the same, and is not another's.
///
/// A checkpoint that is used on another store than its own skips what that has there. What is gone with the process
/// is another store afterwards.
///
/// Holds T3, I11.
pub async fn t3_a_store_knows_itself_again<A: Adapter>(store: Subject<A>) -> Kept {
    let identity = store.identity();
    store.append(commit("a", &stream("1"), Expected::Any, 1)).await?;
    ensure_eq!(store.identity(), identity, "the identity after an append");
    ensure!(store.another().await.identity() != identity, "two stores have the identity {identity}");
    let is_durable = store.can(Ability::Durability)?;
    let again = store.again().await.identity();
    // What is gone with the process is another store afterwards: nobody may take it for the one it was.
    ensure_eq!(again == identity, is_durable, "whether it has the same identity when it is opened again");
    Ok(())
}
