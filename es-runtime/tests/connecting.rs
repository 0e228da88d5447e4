//! From a URL to a store, or to a sentence that says why not.
#![allow(missing_docs)]

use es_runtime::prelude::*;
use es_runtime::{ConnectError, Durability};

#[tokio::test]
async fn memory_keeps_nothing() {
    let store = Store::connect("memory:").await.expect("opens");
    assert_eq!(store.capabilities().durability, Durability::Memory);
    assert_ne!(store.identity(), Store::connect("memory:").await.expect("opens").identity());
}

#[tokio::test]
async fn what_is_not_built_or_not_written_or_not_a_store_says_so() {
    for (url, says) in [
        ("mongodb://ada:hunter2@localhost", "planned"),
        ("kurrentdb://ada:hunter2@localhost:2113", "planned"),
        ("nats://ada:hunter2@localhost", "planned"),
        ("mysql://ada:hunter2@localhost", "`mysql` is not the URL of a store"),
        ("memory:orders", "nothing comes after `memory:`"),
        ("orders.db", "as in `sqlite:orders.db`"),
        ("", "as in `sqlite:orders.db`"),
    ] {
        let error = Store::connect(url).await.expect_err(url);
        let text = format!("{error} {error:?}");
        assert!(text.contains(says), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[cfg(not(feature = "sqlite"))]
#[tokio::test]
async fn without_the_feature_the_error_names_it() {
    let error = Store::connect("sqlite:orders.db").await.expect_err("not built");
    assert!(matches!(error, ConnectError::NotBuilt { feature: "sqlite", .. }), "{error}");
}

#[cfg(not(feature = "postgres"))]
#[tokio::test]
async fn without_postgres_the_error_names_the_feature() {
    let error = Store::connect("postgres://ada:hunter2@localhost/orders").await.expect_err("not built");
    assert!(matches!(error, ConnectError::NotBuilt { feature: "postgres", .. }), "{error}");
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_file_is_made_when_it_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("orders.db").display());
    let store = Store::connect(&url).await.expect("opens");
    assert_eq!(store.capabilities().durability, Durability::Fsync);
    let identity = store.identity();
    drop(store);
    assert_eq!(Store::connect(&url).await.expect("opens again").identity(), identity);
    let error = Store::connect("sqlite:/nowhere/at/all/orders.db").await.expect_err("no folder");
    assert!(matches!(error, ConnectError::Unavailable { .. }), "{error}");
    let error = Store::connect("sqlite:orders.db?durabilty=fsync").await.expect_err("a typo");
    assert!(matches!(error, ConnectError::InvalidUrl(_)), "{error}");
}
