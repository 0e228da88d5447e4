//! Versions, and names: each is read as the newest.

use crate::stored::{Stored, memory, write};
use es_runtime::prelude::*;

#[event("user.named")]
pub struct NamedV1 {
    pub name: String,
}

#[event("user.renamed", version = 2, from = NamedV1, alias = "user.named")]
pub struct NamedV2 {
    pub first: String,
    pub last: String,
}

#[event("user.renamed", version = 3, from = NamedV2, alias = "user.named")]
#[derive(Debug, PartialEq)]
pub struct Named {
    pub first: Vec<String>,
    pub last: String,
    #[serde(default)]
    pub title: Option<String>,
}

impl From<NamedV1> for NamedV2 {
    fn from(old: NamedV1) -> Self {
        let (first, last) = old.name.split_once(' ').unwrap_or((&old.name, ""));
        Self { first: first.into(), last: last.into() }
    }
}

impl From<NamedV2> for Named {
    fn from(old: NamedV2) -> Self {
        Self { first: vec![old.first], last: old.last, title: None }
    }
}

#[derive(Aggregate, Default)]
#[aggregate("user", id = u64, events(Named))]
pub struct User {
    named: Vec<Named>,
}

impl Apply<Named> for User {
    fn apply(&mut self, event: &Named) {
        let Named { first, last, title } = event;
        self.named.push(Named { first: first.clone(), last: last.clone(), title: title.clone() });
    }
}

async fn store_with(events: &[Stored<'_>]) -> Store {
    let store = memory();
    write(&store, "user/1", events).await;
    store
}

#[tokio::test]
async fn every_version_and_every_name_is_read_as_the_newest() {
    let store = store_with(&[
        ("user.named", 1, r#"{"name":"Ada Lovelace"}"#),
        ("user.named", 2, r#"{"first":"Ada","last":"King"}"#),
        ("user.renamed", 2, r#"{"first":"Ada","last":"Byron"}"#),
        ("user.renamed", 3, r#"{"first":["Augusta","Ada"],"last":"King","unknown":true}"#),
    ])
    .await;
    let user = store.repository::<User>().load(&1).await.expect("loads");
    let names: Vec<_> = user.named.iter().map(|named| (named.first.join(" "), named.last.as_str())).collect();
    let expected = [("Ada", "Lovelace"), ("Ada", "King"), ("Ada", "Byron"), ("Augusta Ada", "King")];
    assert_eq!(names, expected.map(|(first, last)| (first.to_owned(), last)));

    let history = store.repository::<User>().history(&1, Version::new(1)).await.expect("readable");
    assert!(history.events.iter().all(Recorded::is::<Named>));
    let oldest = history.events[0].decode::<Named>().expect("through two hops");
    assert_eq!((oldest.schema_version(), oldest.name()), (1, "user.named"));
}

#[tokio::test]
async fn what_cannot_be_read_is_said_with_its_place() {
    let cases = [
        (("user.renamed", 4, "{}"), "stored in version 4, but this program knows versions 1 to 3"),
        (("user.renamed", 0, "{}"), "stored in version 0"),
        (("user.renamed", 3, r#"{"first":"not a list","last":""}"#), "does not have the shape of its type"),
        (("user.renamed", 3, r#"{"first":["#), "does not have the shape of its type"),
        (("user.deleted", 1, "{}"), "that aggregate `user` does not list"),
    ];
    for (event, says) in cases {
        let store = store_with(&[("user.named", 1, r#"{"name":"Ada"}"#), event]).await;
        let error = store.repository::<User>().load(&1).await.expect_err("cannot be read").to_string();
        assert!(error.contains(says) && error.contains("user/1") && error.contains("version 2"), "{error}");
        // Nothing stops the rest of the stream from being looked at.
        let past = store.repository::<User>().load_at(&1, Version::new(1)).await.expect("the first is fine");
        assert_eq!(past.named.len(), 1);
    }
}

#[tokio::test]
async fn a_payload_that_is_too_deep_is_an_error_and_not_a_crash() {
    let deep = format!(r#"{{"first":[],"last":"","title":{}}}"#, "[".repeat(100_000));
    let store = store_with(&[("user.renamed", 3, &deep)]).await;
    assert!(store.repository::<User>().load(&1).await.is_err());
}

#[tokio::test]
async fn new_events_are_stored_under_the_newest_name_and_version() {
    let store = memory();
    let named = || Named { first: vec![], last: "King".into(), title: None };
    let outcome =
        store.repository::<User>().execute(&1, |_| Ok::<_, std::convert::Infallible>(named())).await;
    let outcome = outcome.expect("accepted");
    assert_eq!((&*outcome.events()[0].name, outcome.events()[0].schema_version), ("user.renamed", 3));
}
