//! What was written in hostile surroundings does what it does in friendly ones.

use framework::{Aggregate, AtLeastOnce, Effects, Event, ExactlyOnce, Follower, Projection, Reaction, Root};
use hygiene::{bodies, foreign, hostile, made, primitives, serde_by_hand, words};

#[test]
fn names_versions_and_aliases_are_those_of_the_attribute() {
    assert_eq!((hostile::PlacedV1::NAME, hostile::PlacedV1::VERSION), ("order.created", 1));
    assert_eq!((hostile::Placed::NAME, hostile::Placed::VERSION), ("order.placed", 2));
    assert_eq!(hostile::Placed::ALIASES, ["order.created", "order.ordered"]);
    assert_eq!((hostile::Order::NAME, hostile::Order::REVISION), ("order", 2));
    let listed: Vec<_> = hostile::Order::EVENTS.iter().map(|fold| fold.schema().name()).collect();
    assert_eq!(listed, ["order.placed", "order.postponed"]);
    let past = |past: &framework::PastEvent<hostile::Order>| (past.schema().name(), past.fate().reason());
    let expected = [
        ("order.deferred", None),
        ("order.flagged", Some("nobody asks")),
        ("order.counted", Some("it is counted elsewhere")),
    ];
    assert_eq!(hostile::Order::PAST.iter().map(past).collect::<Vec<_>>(), expected);
    assert_eq!(made::Letter::PAST.len(), 2);
    assert_eq!(hostile::Order::SNAPSHOT.expect("it has a plan").every(), 3);
    assert!(words::r#struct::SNAPSHOT.is_none());
}

#[test]
fn the_fields_of_a_snapshot_are_as_written() {
    let plan = format!("{:?}", hostile::Order::SNAPSHOT.expect("it has a plan"));
    let fields =
        "#[serde(crate=\\\"nested::es::__private::serde\\\")]cents:u64,#[serde(default)]is_postponed:bool";
    assert!(plan.contains(fields), "{plan}");
}

#[test]
fn events_of_one_line_are_told_apart() {
    let (sent, lost) = (made::Sent::ORIGIN, made::Lost::ORIGIN);
    assert_eq!(sent.to_string(), lost.to_string());
    assert_ne!(sent, lost);
    assert_eq!((made::SentV3::VERSION, made::SentV3::NAME), (3, "made.sent"));
}

#[test]
fn events_of_a_function_know_where_they_stand() {
    let (name, origin) = bodies::local();
    assert_eq!(name, "local.happened_again");
    assert!(origin.contains("bodies.rs:"), "{origin}");
}

#[test]
fn the_users_serde_is_the_one_that_writes() -> Result<(), Box<dyn std::error::Error>> {
    fn written<E: Event>(event: &E) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string(event)?;
        serde_json::from_str::<E>(&text).map(|_| text)
    }
    let placed_by = || "ada".to_owned();
    let expected = r#"{"placedBy":"ada"}"#;
    assert_eq!(written(&serde_by_hand::Both { placed_by: placed_by() })?, expected);
    assert_eq!(written(&serde_by_hand::One { placed_by: placed_by() })?, expected);
    assert_eq!(written(&serde_by_hand::Other { placed_by: placed_by() })?, expected);
    assert_eq!(written(&serde_by_hand::Neither { placed_by: placed_by() })?, expected);
    Ok(())
}

#[test]
fn followers_know_what_they_follow_and_ignore() {
    /// The category of each aggregate, and of its events those that are handled and those that are ignored.
    fn followed<F: Follower>() -> Vec<(&'static str, Vec<&'static str>, Vec<&'static str>)> {
        let names = |rows: &[framework::Row<F>], is_ignored| {
            let rows = rows.iter().filter(|row| row.is_ignored() == is_ignored);
            rows.map(|row| row.schema().name()).collect()
        };
        let of = |aggregate: &framework::Followed<F>| {
            (aggregate.category(), names(aggregate.rows(), false), names(aggregate.rows(), true))
        };
        F::FOLLOWS.iter().map(of).collect()
    }
    let (placed, postponed) = (vec!["order.placed"], vec!["order.postponed"]);
    assert_eq!(
        followed::<hostile::Orders>(),
        [("order", placed.clone(), postponed.clone()), ("order.simple", placed.clone(), postponed.clone())]
    );
    assert_eq!(followed::<hostile::Remind>(), [("order", postponed, placed)]);
    let past = hostile::Remind::FOLLOWS[0].past().iter();
    let past: Vec<_> = past.map(|row| (row.schema().name(), row.is_ignored())).collect();
    assert_eq!(past, [("order.deferred", false), ("order.flagged", true), ("order.counted", true)]);
    let made = vec!["made.sent", "made.lost"];
    assert_eq!(followed::<made::Parcels>(), [("made.parcel", vec![], made.clone())]);
    assert_eq!(followed::<made::Search>(), [("made.parcel", made, vec![])]);
    assert_eq!(followed::<words::r#dyn>(), [("word", vec!["word.type"], vec!["word.match", "word.loop"])]);
    assert_eq!(
        followed::<foreign::All>(),
        [("foreign", vec![], vec!["order.placed", "foreign.seen"]), ("order", vec![], vec!["order.placed"])]
    );
}

#[test]
fn followers_are_named_and_given_what_the_attribute_says() {
    const fn exactly_once<P: Projection<Delivery = ExactlyOnce, Context = framework::Sql>>()
    -> (&'static str, u32) {
        (P::NAME, P::VERSION)
    }
    const fn at_least_once<P: Projection<Delivery = AtLeastOnce, Context = framework::Attempt>>()
    -> (&'static str, u32) {
        (P::NAME, P::VERSION)
    }
    const fn reaction<R: Reaction<Context = Effects>>() -> &'static str {
        R::NAME
    }
    assert_eq!(exactly_once::<hostile::Orders>(), ("orders", 2));
    assert_eq!(exactly_once::<primitives::Nothing>(), ("simple", 3));
    assert_eq!(exactly_once::<made::Parcels>(), ("made.parcels", 7));
    assert_eq!(at_least_once::<words::r#dyn>(), ("word", 1));
    assert_eq!((reaction::<hostile::Remind>(), reaction::<foreign::Act>()), ("remind", "foreign"));
}

#[test]
fn what_is_raised_is_folded() -> Result<(), Box<dyn std::error::Error>> {
    let mut word = Root::<words::r#struct>::new(1)?;
    word.raise(words::r#type { r#fn: 1 })?;
    assert_eq!(*word, words::r#struct::Something(1));
    word.raise(words::r#mod::r#loop(1, 2))?;
    assert_eq!(*word, words::r#struct::Something(2));
    word.raise(words::r#match::Other { r#fn: String::new() })?;
    assert_eq!(*word, words::r#struct::Nothing);
    let mut parcel = Root::<made::Parcel>::new(1)?;
    parcel.raise(made::SentV3 { count: 2 })?;
    parcel.raise(made::Lost { count: 3 })?;
    assert_eq!(parcel.count, 5);
    let mut foreign = Root::<foreign::Foreign>::new(1)?;
    foreign.raise(hygiene_2021::Placed { r#gen: 7, note: None })?;
    foreign.raise(foreign::Seen {})?;
    assert_eq!(foreign.r#gen, 7);
    Ok(())
}
