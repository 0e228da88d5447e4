//! I1 to I8: what many clients at once were told fits together.

use crate::testing::conformance::clients::{Clients, give_up_after};
use crate::testing::conformance::draft::{commit, stream};
use crate::testing::conformance::{History, Kept, Subject, ensure_eq};
use crate::{Adapter, Expected};

/// What was acknowledged is there once: in its stream at the versions it was said to have, in the log, and
/// found by its id. Nothing is there that nobody sent.
///
/// A store that loses an acknowledged commit, or stores one twice or under another id, ships an order that
/// was never placed, or forgets one.
///
/// Holds I1, T1, T2, T4.
pub async fn i1_what_was_acknowledged_is_there_once<A: Adapter>(store: Subject<A>) -> Kept {
    let clients = Clients { batches: 3, reads: 1, ..Clients::default() };
    let evidence = clients.on(&store).await?;
    evidence.i1_acknowledged_commits_are_there_once()
}

/// What was refused is not there, whichever error said so, and what is there was let in rightly: the stream
/// was as its commit expected.
///
/// A store that keeps what it refused has the decision twice: the caller decides again after a conflict.
///
/// Holds I2, T2, T5.
pub async fn i2_what_was_refused_is_not_there<A: Adapter>(store: Subject<A>) -> Kept {
    let clients = Clients { streams: 2, appends: 8, reads: 1, ..Clients::default() };
    let evidence = clients.on(&store).await?;
    evidence.i2_refused_commits_are_not_there()
}

/// An append of which nobody knows the outcome is stored once or not at all, and whoever sends the same commit
/// again learns which.
///
/// Without this a lost answer is a lost order or a double one: the caller cannot find out.
///
/// Holds I3, T4, T5.
pub async fn i3_an_unknown_outcome_is_found_out_by_asking_again<A: Adapter>(store: Subject<A>) -> Kept {
    let clients = Clients { given_up: 8, repetitions: 3, ..Clients::default() };
    let evidence = clients.on(&store).await?;
    evidence.i3_unknown_outcomes_are_found_out()?;
    evidence.i1_acknowledged_commits_are_there_once()?;
    let history = History::new();
    for polls in 0..48 {
        // Nobody else writes here, so the only thing in the way of the second can be the first.
        let order = stream(format_args!("alone {polls}"));
        let alone = commit(format_args!("alone {polls}"), &order, Expected::NoStream, 3);
        give_up_after(polls % 24, history.append(&*store, alone)).await;
        history.settle(&*store).await?;
        ensure_eq!(store.stream(&order).await?.len(), 3, "I3: events of a commit that was sent again");
    }
    history.evidence(&*store).await?.i3_unknown_outcomes_are_found_out()
}

/// Versions are 1, 2, 3 and so on, and the events of a commit stand together, whole and in order: for whoever
/// reads meanwhile, and in the end.
///
/// A reader that sees half of a commit folds a state that the aggregate never had.
///
/// Holds I4, T1, T9.
pub async fn i4_no_commit_is_seen_in_part<A: Adapter>(store: Subject<A>) -> Kept {
    let clients = Clients { events: 20, given_up: 3, reads: 6, ..Clients::default() };
    let evidence = clients.on(&store).await?;
    evidence.i4_commits_are_whole()
}

/// What was acknowledged is seen by everybody who asks later, whether they read, search or append; and in a
/// log with a single order it comes before what was sent later.
///
/// A decision on a stale read is a decision on a state that is past. A reaction that comes before what it is
/// a reaction to confuses every reader of the log.
///
/// Holds I7, T2, T6, T7.
pub async fn i7_what_was_acknowledged_is_seen_by_who_asks_later<A: Adapter>(store: Subject<A>) -> Kept {
    let clients = Clients { reads: 8, searches: 3, ..Clients::default() };
    let evidence = clients.on(&store).await?;
    evidence.i7_answers_fit_into_one_order()
}

/// The same commit sent many times, by several clients and at once, has one effect, and all are told the same.
///
/// A retry that has an effect of its own charges the customer twice.
///
/// Holds I8, T4.
pub async fn i8_a_repetition_has_no_effect_of_its_own<A: Adapter>(store: Subject<A>) -> Kept {
    let clients = Clients { repetitions: 8, given_up: 2, ..Clients::default() };
    let evidence = clients.on(&store).await?;
    evidence.i8_repetitions_have_one_effect()
}

/// Everything that clients were told fits into one order of events in each stream: each is a linearizable
/// object.
///
/// Whatever a store does wrong between two calls that meet, somebody is told something that cannot be.
///
/// Holds T2, T7, I1, I2, I3, I4, I6, I7, I8.
pub async fn t2_a_concurrent_history_has_an_order<A: Adapter>(store: Subject<A>) -> Kept {
    Clients::default().on(&store).await?.check()
}
