//! Two aggregates under one name would mix up their streams: opening a store finds them.
#![cfg(feature = "registry")]
#![allow(missing_docs)]

use es_runtime::ConnectError;
use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

macro_rules! order {
    ($module:ident) => {
        pub mod $module {
            use super::*;

            #[derive(Aggregate, Default)]
            #[aggregate("order", id = u64, events(OrderPlaced))]
            pub struct Order {}

            impl Apply<OrderPlaced> for Order {
                fn apply(&mut self, _: &OrderPlaced) {}
            }
        }
    };
}

order!(sales);
order!(billing);

#[tokio::test]
async fn opening_a_store_names_both_aggregates_and_where_they_are() {
    let error = Store::connect("memory:").await.map(drop).expect_err("two aggregates share a name");
    let text = error.to_string();
    assert!(matches!(error, ConnectError::DuplicateName(_)), "{text}");
    assert!(text.contains("both stored as `order`"), "{text}");
    assert_eq!(text.matches("tests/registry_aggregates.rs:").count(), 2, "{text}");
}
