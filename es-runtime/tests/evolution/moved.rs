//! An event that moved from one aggregate to another. Its old streams stay where they are.

use crate::stored::{memory, write};
use es_runtime::prelude::*;
use es_runtime::{Fate, Version};
use std::convert::Infallible;

#[event("order.placed")]
pub struct Placed {}

#[event("order.shipped")]
pub struct Shipped {
    pub parcel: u32,
}

/// The order as it is after the move: it is told nothing of parcels any more.
#[derive(Aggregate, Default)]
#[aggregate("order", id = String, events(Placed), past(Shipped = "shipments have streams of their own"))]
pub struct Order {
    placed: u32,
}

impl Apply<Placed> for Order {
    fn apply(&mut self, _: &Placed) {
        self.placed += 1;
    }
}

#[derive(Aggregate, Default)]
#[aggregate("shipment", id = String, events(Shipped))]
pub struct Shipment {
    parcels: Vec<u32>,
}

impl Apply<Shipped> for Shipment {
    fn apply(&mut self, event: &Shipped) {
        self.parcels.push(event.parcel);
    }
}

/// The order of somebody who forgot that there are old streams.
#[derive(Aggregate, Default)]
#[aggregate("order", id = String, events(Placed))]
pub struct Forgetful {}

impl Apply<Placed> for Forgetful {
    fn apply(&mut self, _: &Placed) {}
}

// One event, known to both.
es_runtime::catalog!(Order, Shipment);

#[tokio::test]
async fn old_streams_are_read_without_it_and_new_ones_have_it() {
    let store = memory();
    let old = [("order.placed", 1, "{}"), ("order.shipped", 1, r#"{"parcel":1}"#), ("order.placed", 1, "{}")];
    write(&store, "order/o-1", &old).await;
    let order = store.repository::<Order>().load(&"o-1".into()).await.expect("loads");
    assert_eq!((order.placed, order.version()), (2, Version::new(3)));

    let shipments = store.repository::<Shipment>();
    let ship = |_: &Shipment| Ok::<_, Infallible>(Shipped { parcel: 2 });
    shipments.execute(&"s-1".into(), ship).await.expect("it happens here now");
    assert_eq!(shipments.load(&"s-1".into()).await.expect("loads").parcels, [2]);
}

#[tokio::test]
async fn an_aggregate_that_forgot_it_is_told_where_to_name_it() {
    let store = memory();
    write(&store, "order/o-1", &[("order.shipped", 1, r#"{"parcel":1}"#)]).await;
    let error =
        store.repository::<Forgetful>().load(&"o-1".into()).await.map(drop).expect_err("it is unknown");
    let text = error.to_string();
    assert!(text.contains("`order.shipped` at version 1") && text.contains("`past(...)`"), "{text}");
}

#[test]
fn it_is_of_the_past_where_it_was_and_of_today_where_it_is() {
    assert_eq!(Order::PAST[0].fate(), Fate::Retired("shipments have streams of their own"));
    assert_eq!(Order::PAST[0].schema().fate(), Fate::Current);
    assert_eq!(Shipment::EVENTS[0].schema().fate(), Fate::Current);
}
