//! Given, when, then.

use crate::common::*;
use crate::failure;
use es_runtime::prelude::*;
use es_runtime::testing::given;
use std::convert::Infallible;
use std::panic::{Location, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex};

fn opened() -> Opened {
    Opened { owner: "Ada".into() }
}

#[event("jar.filled")]
pub(crate) struct FilledV1 {
    pub(crate) spoons: u32,
}

#[event("jar.filled", version = 2, from = FilledV1)]
pub(crate) struct Filled {
    pub(crate) grams: u32,
    pub(crate) notes: std::collections::HashMap<String, u32>,
}

impl From<FilledV1> for Filled {
    fn from(old: FilledV1) -> Self {
        Self { grams: old.spoons * 15, notes: Default::default() }
    }
}

#[derive(Aggregate, Default)]
#[aggregate("jar", id = String, events(Filled))]
pub(crate) struct Jar {
    grams: u32,
}

impl Apply<Filled> for Jar {
    fn apply(&mut self, event: &Filled) {
        self.grams += event.grams;
    }
}

#[test]
fn a_story_in_several_steps() {
    given::<Account>(())
        .when(|account| account.open("Ada"))
        .then(opened())
        .and_when(|account| account.open("Ada"))
        .then_refused(Refusal::AlreadyOpen)
        .and_when(|account| account.deposit(5))
        .then_events(|raised| assert_eq!(raised[0].decode::<Deposited>().expect("one").amount, 5))
        .and_given((Deposited { amount: 3 }, vec![Deposited { amount: 1 }]))
        .then_state(|account| assert_eq!(account.balance, 9))
        .and_when(|_| Ok::<_, Infallible>(()))
        .then_nothing()
        .and_when(Account::close)
        .then([Closed {}])
        .and_when(Account::close)
        .then_refused_with(|refusal| *refusal == Refusal::NotOpen);
    let outcome = given::<Account>(()).when(Account::close).into_outcome();
    assert_eq!(outcome.expect_err("refused"), Refusal::NotOpen);
}

#[test]
fn older_versions_go_through_their_upcasts() {
    given::<Jar>(())
        .and_recorded(FilledV1 { spoons: 2 })
        .and_stored("jar.filled", 1, r#"{"spoons": 1}"#)
        .and_stored("jar.filled", 2, serde_json::json!({ "grams": 5, "notes": {} }))
        .then_state(|jar| assert_eq!(jar.grams, 50));
}

#[test]
fn the_order_of_a_map_is_no_difference() {
    let notes = || ["a", "b", "c", "d", "e", "f"].map(|note| (note.to_owned(), 1)).into();
    for _ in 0..20 {
        given::<Jar>(())
            .when(|_| Ok::<_, Infallible>(Filled { grams: 1, notes: notes() }))
            .then(Filled { grams: 1, notes: notes() });
    }
}

#[test]
fn what_was_decided_otherwise_is_shown_line_by_line() {
    let said = failure(|| {
        given::<Account>((opened(), Deposited { amount: 1 }))
            .when(|_| {
                let deposited = Deposited { amount: 18_446_744_073_709_551_615 };
                Ok::<_, Infallible>((opened(), deposited, Opened { owner: "\"Bob\"".into() }))
            })
            .then((opened(), Deposited { amount: 2 }, Closed {}));
    });
    let wanted = r#"`account` decided otherwise

given:
    account.opened v1 { "owner": "Ada" }
    account.deposited v1 { "amount": 1 }
decided:
    account.opened v1 { "owner": "Ada" }
    account.deposited v1 { "amount": 18446744073709551615 }
    account.opened v1 { "owner": "\"Bob\"" }
wanted:
    account.opened v1 { "owner": "Ada" }
    account.deposited v1 { "amount": 2 }
    account.closed v1 {}
difference (- wanted, + decided):
    account.opened v1 { "owner": "Ada" }
    account.deposited v1
    {
  -   "amount": 2
  +   "amount": 18446744073709551615
    }
  - account.closed v1 {}
  + account.opened v1 { "owner": "\"Bob\"" }
"#;
    assert_eq!(said, wanted);
}

#[test]
fn a_refusal_is_shown_where_events_were_wanted() {
    let said = failure(|| {
        given::<Account>(()).when(|account| account.deposit(5)).then(Deposited { amount: 5 });
    });
    let wanted = r#"`account` decided otherwise

given:
    nothing
decided: a refusal: NotOpen
wanted:
    account.deposited v1 { "amount": 5 }
"#;
    assert_eq!(said, wanted);
}

#[test]
fn events_are_shown_where_a_refusal_was_wanted() {
    let said = failure(|| {
        given::<Account>(opened()).when(|account| account.deposit(5)).then_refused(Refusal::NotOpen);
    });
    let wanted = r#"`account` decided otherwise

given:
    account.opened v1 { "owner": "Ada" }
decided:
    account.deposited v1 { "amount": 5 }
wanted: a refusal: NotOpen
"#;
    assert_eq!(said, wanted);
}

#[test]
fn whatever_is_otherwise_fails() {
    let open = || given::<Account>(opened());
    let says = |test: Box<dyn FnOnce()>, part: &str| {
        let said = failure(test);
        assert!(said.contains(part), "{said}");
    };
    says(Box::new(move || drop(open().when(Account::close).then(()))), "wanted:\n    nothing\n");
    says(Box::new(move || drop(open().when(Account::close).then_nothing())), "+ account.closed v1 {}");
    says(Box::new(move || drop(open().when(|a| a.open("x")).then_nothing())), "a refusal: AlreadyOpen");
    says(Box::new(move || drop(open().when(|a| a.open("x")).then_events(|_| {}))), "wanted: some events");
    says(
        Box::new(move || drop(open().when(|a| a.open("x")).then_refused(Refusal::NotOpen))),
        "decided: a refusal: AlreadyOpen\nwanted: a refusal: NotOpen",
    );
    says(
        Box::new(move || drop(open().when(|a| a.open("x")).then_refused_with(|_| false))),
        "decided: a refusal: AlreadyOpen\nwanted: another refusal",
    );
    let twice = || [Closed {}, Closed {}];
    says(
        Box::new(move || drop(open().when(|_| Ok::<_, Infallible>(twice())).then(Closed {}))),
        "    account.closed v1 {}\n  + account.closed v1 {}\n",
    );
    says(Box::new(move || drop(open().and_recorded(FilledV1 { spoons: 1 }))), "has no event `jar.filled`");
    says(Box::new(|| drop(given::<Jar>(()).and_stored("jar.filled", 3, "{}"))), "knows versions 1 to 2");
    says(Box::new(|| drop(given::<Jar>(()).and_stored("jar.filled", 1, "{"))), "does not have the shape");
}

#[test]
fn a_failure_is_at_the_line_of_the_test() {
    let places = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&places);
    let before = take_hook();
    set_hook(Box::new(move |panic| {
        if let Some(place) = panic.location().filter(|place| place.file().ends_with("testing/given.rs")) {
            seen.lock().expect("not poisoned").push(place.line());
        }
    }));
    let line = Location::caller().line() + 1;
    let _ = catch_unwind(|| given::<Account>(opened()).when(Account::close).then_nothing().and_given(()));
    let _ = catch_unwind(|| given::<Account>(()).when(Account::close).then_refused(Refusal::AlreadyOpen));
    let _ = catch_unwind(|| given::<Jar>(()).and_stored("jar.filled", 3, "{}"));
    set_hook(before);
    let places = places.lock().expect("not poisoned");
    assert!([line, line + 1, line + 2].iter().all(|line| places.contains(line)), "{line}: {places:?}");
}
