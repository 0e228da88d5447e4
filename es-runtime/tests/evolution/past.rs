//! Events that do not happen any more: one that is read as several, as one, or as none.

use crate::domain::{Bought, Flagged, Order, Paid, SEEN, STORED, Settled};
use crate::stored::{memory, write};
use es_runtime::prelude::*;
use es_runtime::{Fate, Version};
use std::convert::Infallible;

#[tokio::test]
async fn the_parts_of_an_event_are_applied_in_their_order_and_a_retired_one_is_passed_over() {
    let store = memory();
    write(&store, "order/o-1", &STORED).await;
    let orders = store.repository::<Order>();
    let order = orders.load(&"o-1".into()).await.expect("loads");
    assert_eq!(order.seen, SEEN);
    // An event is one event, however many are read in its place.
    assert_eq!(order.version(), Version::new(6));

    let (before, seen) = (orders.load_at(&"o-1".into(), Version::new(3)).await.expect("loads"), &SEEN[..6]);
    assert_eq!(before.seen, seen);

    let paid = |_: &Order| Ok::<_, Infallible>(Paid { cents: 9 });
    let outcome = orders.execute(&"o-1".into(), paid).await.expect("what is expected is the stored version");
    assert_eq!(outcome.version(), Version::new(7));
}

#[tokio::test]
async fn what_is_in_the_past_can_still_be_read_by_its_own_type() {
    let store = memory();
    write(&store, "order/o-1", &STORED).await;
    let history =
        store.repository::<Order>().history(&"o-1".into(), Version::new(1)).await.expect("readable");
    let oldest = history.events[0].decode::<Bought>().expect("through its versions").into_event();
    let (placed, items, paid) = oldest.into();
    assert_eq!((placed.cents, items.len(), paid), (5, 1, Some(Paid { cents: 5 })));
    assert_eq!(history.events[1].decode::<Flagged>().expect("as it was").event().by, "Ada");
    assert_eq!(history.events[3].decode::<Settled>().expect("as it was").event().clerk, "Bob");
}

#[tokio::test]
async fn a_part_that_cannot_be_read_leaves_the_state_as_it_was() {
    let store = memory();
    write(&store, "order/o-1", &[STORED[0], ("order.bought", 2, r#"{"cents":7}"#)]).await;
    let error = store.repository::<Order>().load(&"o-1".into()).await.expect_err("it has no items");
    let text = error.to_string();
    assert!(
        text.contains("order/o-1") && text.contains("version 2") && text.contains("`order.bought`"),
        "{text}"
    );
}

#[test]
fn what_became_of_an_event_can_be_looked_up() {
    let past: Vec<_> = Order::PAST.iter().map(|past| (past.schema().name(), past.fate())).collect();
    let retired = Fate::Retired("flags moved to the risk service");
    let expected =
        [("order.bought", Fate::Replaced), ("order.settled", Fate::Replaced), ("order.flagged", retired)];
    assert_eq!(past, expected);
    assert_eq!(Order::PAST[2].schema().fate().reason(), Some("flags moved to the risk service"));
    assert!(Order::EVENTS.iter().all(|fold| !fold.schema().fate().is_past()));
}

// What a conversion makes of any payload can be applied.
es_runtime::testing::properties!(order: Order);
