//! A subscription to one type is given its events from within others, where it asks.

use crate::domain::{Bought, ItemAdded, Order, Paid, STORED, Settled};
use crate::stored::{memory, write};
use es_runtime::SubscriptionError;
use es_runtime::prelude::*;

async fn stored() -> Store {
    let store = memory();
    write(&store, "order/o-1", &STORED).await;
    store
}

#[tokio::test]
async fn it_is_given_those_of_its_own_name_and_those_in_the_places_that_it_names() {
    let store = stored().await;
    let mut alone = store.subscribe_to::<Paid>().start().await.expect("starts");
    assert_eq!(alone.next().await.expect("paid").event().cents, 1);

    let everywhere = store.subscribe_to::<Paid>().also_in::<Bought>().also_in::<Settled>();
    let mut everywhere = everywhere.start().await.expect("starts");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let paid = everywhere.next().await.expect("paid");
        seen.push((paid.version().get(), paid.part(), paid.event().cents));
    }
    assert_eq!(seen, [(1, Some(2), 5), (4, Some(0), 7), (6, None, 1)]);
}

#[tokio::test]
async fn a_cursor_passes_an_event_with_the_last_of_its_parts() {
    let store = stored().await;
    let items = || store.subscribe_to::<ItemAdded>().also_in::<Bought>();
    let mut first = items().start().await.expect("starts");
    let mut skus = Vec::new();
    // Begun anew after each event, as after a crash.
    let mut cursor = first.cursor().clone();
    for _ in 0..2 {
        skus.push(first.next().await.expect("added").into_event().sku);
        cursor = first.cursor().clone();
    }
    assert_eq!(skus, ["tea", "jam"]);
    let mut again = items().after(cursor).start().await.expect("starts");
    let repeated = [again.next().await.expect("jam"), again.next().await.expect("pot")];
    assert_eq!(repeated.map(|event| event.into_event().sku), ["jam", "pot"]);
    let placed = Order::EVENTS[0].schema().name();
    write(&store, "order/o-2", &[(placed, 1, r#"{"cents":1}"#), ("order.item_added", 1, r#"{"sku":"cup"}"#)])
        .await;
    let mut rest = items().after(again.cursor().clone()).start().await.expect("starts");
    assert_eq!(rest.next().await.expect("added").event().sku, "cup");
}

#[tokio::test]
async fn one_that_cannot_be_read_is_told_and_passed() {
    let store = memory();
    let stored = [("order.bought", 2, r#"{"cents":7}"#), ("order.paid", 1, r#"{"cents":1}"#)];
    write(&store, "order/o-1", &stored).await;
    let mut payments = store.subscribe_to::<Paid>().also_in::<Bought>().start().await.expect("starts");
    let told = payments.next().await;
    assert!(matches!(told, Err(SubscriptionError::Undecodable { .. })), "{told:?}");
    assert_eq!(payments.next().await.expect("paid").event().cents, 1);
}
