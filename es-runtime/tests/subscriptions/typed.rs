//! Events of one type, under every name and in every version.

use crate::support::*;
use es_runtime::prelude::*;
use es_runtime::{DecodeError, Expected, SubscriptionError};

#[event("user.named")]
pub(crate) struct NamedV1 {
    pub name: String,
}

#[event("user.renamed", version = 2, from = NamedV1, alias = "user.named")]
#[derive(Debug, PartialEq)]
pub(crate) struct Named {
    pub first: String,
    pub last: String,
}

impl From<NamedV1> for Named {
    fn from(old: NamedV1) -> Self {
        let (first, last) = old.name.split_once(' ').unwrap_or((&old.name, ""));
        Self { first: first.into(), last: last.into() }
    }
}

async fn store_with(store: &Store, stored: &[(&'static str, u16, &str)]) {
    for (number, &(name, schema_version, payload)) in stored.iter().enumerate() {
        let event = es_runtime::NewEvent { schema_version, ..event(name, payload) };
        let commit = es_runtime::Commit {
            id: CommitId::derive(&CommitId::ROOT, &number.to_string()),
            stream: "user/1".parse().expect("a name"),
            expected: Expected::Any,
            events: es_runtime::NonEmpty::new(vec![event]).expect("one"),
            requires: vec![],
        };
        store.append(commit).await.expect("stored");
    }
}

#[tokio::test]
async fn old_names_and_old_versions_come_as_the_type_of_today() {
    let (store, _) = memory();
    let stored = [
        ("user.named", 1, r#"{"name":"Ada Lovelace"}"#),
        ("user.left", 1, "{}"),
        ("user.named", 2, r#"{"first":"Ada","last":"King"}"#),
        ("user.renamed", 2, r#"{"first":"Ada","last":"Byron"}"#),
    ];
    store_with(&store, &stored).await;
    let mut named = store.subscribe_to::<Named>().start().await.expect("starts");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let event = named.next().await.expect("readable");
        seen.push((event.version().get(), event.event().last.clone()));
    }
    assert_eq!(seen, [(1, "Lovelace".into()), (3, "King".into()), (4, "Byron".into())]);
    assert_eq!(*named.cursor(), store.head().await.expect("readable"));
}

#[tokio::test]
async fn what_does_not_fit_is_told_and_the_next_call_gives_the_next() {
    let (store, _) = memory();
    let stored = [
        ("user.renamed", 2, r#"{"first":"a secret"}"#),
        ("user.renamed", 9, "{}"),
        ("user.renamed", 2, r#"{"first":"Ada","last":"Byron"}"#),
    ];
    store_with(&store, &stored).await;
    let mut named = store.subscribe_to::<Named>().start().await.expect("starts");
    for version in [1, 2] {
        let before = named.cursor().clone();
        let error = named.next().await.expect_err("it does not fit");
        let text = format!("{error} {error:?}");
        assert!(text.contains("user/1") && !text.contains("a secret"), "{text}");
        let SubscriptionError::Undecodable { event, reason } = error else { panic!("{error}") };
        assert_eq!(event.version().get(), version);
        assert!(matches!(reason, DecodeError::Malformed { .. } | DecodeError::UnknownVersion { .. }));
        assert!(!before.covers(event.position()) && named.cursor().covers(event.position()));
    }
    assert_eq!(named.next().await.expect("readable").event().last, "Byron");
}
