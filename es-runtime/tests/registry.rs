//! Two events under one name, anywhere in the program, are found when a store is opened.
#![cfg(feature = "registry")]
#![allow(missing_docs)]

use es_runtime::prelude::*;
use es_runtime::{ConnectError, registry};

mod sales {
    #[es_runtime::event("order.placed")]
    pub(crate) struct OrderPlaced {}

    #[es_runtime::event("order.placed", version = 2, from = OrderPlaced)]
    pub(crate) struct OrderPlacedV2 {}

    impl From<OrderPlaced> for OrderPlacedV2 {
        fn from(_: OrderPlaced) -> Self {
            Self {}
        }
    }
}

mod billing {
    #[es_runtime::event("billing.placed")]
    pub(crate) struct PlacedV1 {}

    #[es_runtime::event("billing.placed", version = 2, from = PlacedV1)]
    pub(crate) struct PlacedV2 {}

    // Of a version that no other `order.placed` has: the name is taken all the same.
    #[es_runtime::event("billing.placed", version = 3, from = PlacedV2, alias = "order.placed")]
    pub(crate) struct Placed {}

    impl From<PlacedV1> for PlacedV2 {
        fn from(_: PlacedV1) -> Self {
            Self {}
        }
    }

    impl From<PlacedV2> for Placed {
        fn from(_: PlacedV2) -> Self {
            Self {}
        }
    }
}

#[test]
fn every_event_is_listed_with_its_place() {
    let mut names: Vec<_> = registry::all().map(|event| (event.name(), event.version())).collect();
    names.sort_unstable();
    let billing = [1, 2, 3].map(|version| ("billing.placed", version));
    assert_eq!(names, [&billing[..], &[("order.placed", 1), ("order.placed", 2)]].concat());
    assert!(registry::all().all(|event| event.origin().to_string().contains("tests/registry.rs:")));
}

#[tokio::test]
async fn opening_a_store_names_both_events_and_where_they_are() {
    let error = Store::connect("memory:").await.expect_err("two events share a name");
    assert!(matches!(error, ConnectError::DuplicateName(_)));
    let text = error.to_string();
    assert!(text.contains("stored as `order.placed`"), "{text}");
    assert_eq!(text.matches("tests/registry.rs:").count(), 2, "{text}");
}
