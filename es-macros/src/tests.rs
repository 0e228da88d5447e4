//! What the macros write, and what they say, as far as it can be seen without a compiler.
//! The rest is in `tests/compile-fail` and `tests/hygiene`.

use crate::args::edits;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

fn event(args: TokenStream) -> String {
    crate::event::expand(
        args,
        quote!(
            pub struct OrderPlaced {
                pub customer: String,
            }
        ),
    )
    .to_string()
}

fn aggregate(args: TokenStream) -> String {
    crate::aggregate::expand(quote!(
        #[aggregate(#args)]
        struct Order {
            total: Money,
        }
    ))
    .to_string()
}

fn projection(args: TokenStream) -> String {
    crate::projection::expand(quote!(
        #[projection(#args)]
        struct OrdersByDay;
    ))
    .to_string()
}

fn reaction(args: TokenStream) -> String {
    crate::reaction::expand(quote!(
        #[reaction(#args)]
        struct Charge;
    ))
    .to_string()
}

fn workflow(args: TokenStream) -> String {
    crate::workflow::expand(quote!(
        #[aggregate("checkout", id = u64, events(Begun))]
        #[workflow(#args)]
        struct Checkout;
    ))
    .to_string()
}

/// The sentences of the errors in an expansion, in their order.
fn errors(expansion: &str) -> Vec<String> {
    let errors = expansion.split(":: core :: compile_error ! {").skip(1);
    let literals = errors.filter_map(|error| error.split_once('}')).map(|(literal, _)| literal.trim());
    // Sentences quote code, so only their `}` would be in the way, and none has one.
    literals
        .filter_map(|literal| syn::parse_str::<syn::LitStr>(literal).ok())
        .map(|text| text.value())
        .collect()
}

#[test]
fn an_event_is_written_in_at_most_1000_bytes() {
    let item = quote!(
        pub struct OrderPlaced {
            pub customer: String,
        }
    );
    let written = event(quote!("order.placed", version = 2, from = v1::OrderPlaced, alias = "order.created"));
    let serde = "# [derive (:: es_runtime :: __private :: serde :: Serialize , \
                 :: es_runtime :: __private :: serde :: Deserialize)] \
                 # [serde (crate = \":: es_runtime :: __private :: serde\")]";
    assert!(written.starts_with(serde), "{written}");
    let bytes = written.len() - serde.len() - item.to_string().len();
    assert!(bytes <= 1_000, "{bytes} bytes: {written}");
}

#[test]
fn a_listed_event_is_written_in_at_most_300_bytes() {
    let of = |count: usize| {
        let events = (0..count).map(|n| format_ident!("OrderShipped{n}"));
        aggregate(quote!("order", id = OrderId, events(#(#events),*))).len()
    };
    let each = (of(10) - of(1)) / 9;
    let fixed = of(1) - each;
    assert!(each <= 300, "{each} bytes for each event");
    assert!(fixed <= 500, "{fixed} bytes besides");
}

#[test]
fn an_event_of_the_past_is_written_in_at_most_500_bytes_more() {
    let plain = event(quote!("order.placed")).len();
    for fate in [quote!(into(OrderPlacedAlone, Option<OrderPaid>)), quote!(retired = "nobody asks any more")]
    {
        let bytes = event(quote!("order.placed", #fate)).len() - plain;
        assert!(bytes <= 500, "{bytes} bytes for {fate}");
    }
    let of = |count: usize| {
        let events = (0..count).map(|n| format_ident!("OrderShipped{n}"));
        aggregate(quote!("order", id = OrderId, events(OrderPlaced), past(#(#events = "it moved"),*))).len()
    };
    let each = (of(10) - of(1)) / 9;
    let fixed = of(1) - aggregate(quote!("order", id = OrderId, events(OrderPlaced))).len() - each;
    assert!(each <= 500, "{each} bytes for each event");
    assert!(fixed <= 100, "{fixed} bytes besides");
}

#[test]
fn a_follower_is_written_in_at_most_400_bytes() {
    type Expand = fn(TokenStream) -> String;
    let kinds = [
        ("projection", projection as Expand, 350),
        ("reaction", reaction, 350),
        // A workflow plans by two methods.
        ("workflow", workflow, 400),
    ];
    for (kind, expand, most) in kinds {
        let of = |aggregates: usize, events: usize| {
            let aggregates = (0..aggregates).map(|n| format_ident!("Order{n}"));
            let events = (0..events).map(|n| format_ident!("OrderShipped{n}"));
            expand(quote!("orders-by-day", follows(#(#aggregates),*), ignore(#(#events),*))).len()
        };
        let aggregate = (of(10, 0) - of(1, 0)) / 9;
        let event = (of(1, 10) - of(1, 0)) / 10;
        let fixed = of(1, 0) - aggregate;
        assert!(aggregate <= 150, "{kind}: {aggregate} bytes for each aggregate");
        assert!(event <= most, "{kind}: {event} bytes for each ignored event");
        assert!(fixed <= 400, "{kind}: {fixed} bytes besides");
    }
}

#[test]
fn a_follower_is_given_what_its_kind_and_delivery_say() {
    let follows = quote!("orders-by-day", follows(Order));
    for (written, context) in [
        (projection(follows.clone()), "Sql"),
        (projection(quote!(#follows, delivery = ExactlyOnce)), "Sql"),
        (projection(quote!(#follows, delivery = AtLeastOnce)), "Attempt"),
        (projection(quote!(#follows, delivery = es::AtLeastOnce)), "Attempt"),
        (reaction(follows), "Effects"),
    ] {
        assert!(written.contains(&format!("type Context = __es :: {context} ;")), "{context} in {written}");
    }
}

#[test]
fn what_is_the_default_is_not_written() {
    let written = event(quote!("order.placed"));
    for default in ["VERSION", "ALIASES", "expect_link", "FATE", "Former"] {
        assert!(!written.contains(default), "{default} in {written}");
    }
    let written = aggregate(quote!("order", id = OrderId, events(OrderPlaced)));
    for default in ["REVISION", "SNAPSHOT", "expect_unique", "PAST", "CoversPast", "with_past"] {
        assert!(!written.contains(default), "{default} in {written}");
    }
    let written = projection(quote!("orders-by-day", follows(Order)));
    for default in ["VERSION", "IS_IGNORED", "expect_followed_once", "expect_listed"] {
        assert!(!written.contains(default), "{default} in {written}");
    }
}

#[test]
fn serde_is_derived_where_it_is_missing() {
    let derived = |derives: TokenStream| {
        let written =
            crate::event::expand(quote!("order.placed"), quote!(#derives struct OrderPlaced;)).to_string();
        written.split_once("struct").map(|(head, _)| head.trim().to_owned()).unwrap_or_default()
    };
    let ours = |name| format!("# [derive (:: es_runtime :: __private :: serde :: {name})]");
    assert!(derived(quote!()).contains("# [serde (crate ="));
    assert!(derived(quote!(#[derive(Debug, rkyv::Serialize)])).contains("# [serde (crate ="));
    for both in [
        quote!(#[derive(Serialize, serde::Deserialize)]),
        quote!(#[derive(Serialize)] #[derive(Deserialize)]),
    ] {
        assert_eq!(derived(both.clone()), both.to_string());
    }
    let one = quote!(#[derive(Debug, serde::Serialize)]);
    assert_eq!(derived(one.clone()), format!("{} {one}", ours("Deserialize")));
    let one = quote!(#[derive(Deserialize)]);
    assert_eq!(derived(one.clone()), format!("{} {one}", ours("Serialize")));
}

#[test]
fn every_mistake_in_an_attribute_is_reported() {
    let written = event(quote!("order placed", verison = 2, from = 7, alias, alias = "", crate = "es"));
    let expected = [
        "a stored name has ASCII letters, digits, `.`, `_` and `-`, but not ' '",
        "unknown argument `verison`, did you mean `version`?",
        "`from` is a type: `from = OrderPlacedV1`",
        "`alias` needs a value: `alias = ...`",
        "`crate` is a path: `crate = my_crate::es`",
        "a stored name cannot be empty",
    ];
    assert_eq!(errors(&written), expected);
    let written =
        aggregate(quote!("", id = 1, events(A B, "c", D, D), evry = 2, snapshot(evry = 1), revision = 0));
    let expected = [
        "a stored name cannot be empty",
        "`id` is a type: `id = OrderId`",
        "list the types of the events: `events(OrderPlaced, OrderShipped)`",
        "list the types of the events: `events(OrderPlaced, OrderShipped)`",
        "this event is already listed",
        "unknown argument `evry`, expected `id`, `events`, `past`, `revision`, `snapshot`, `commands`, `crate`",
        "unknown argument `evry`, did you mean `every`?",
        "a revision is a number from 1 to 4294967295",
    ];
    assert_eq!(errors(&written), expected);
    let written = projection(quote!("", follows(A, A, 1), ignore(B, B), delivry = AtLeastOnce, version = -1));
    let expected = [
        "a stored name cannot be empty",
        "list the types of the aggregates: `follows(Order, Payment)`",
        "this aggregate is already followed",
        "this event is already ignored",
        "unknown argument `delivry`, did you mean `delivery`?",
        "a version is a number from 1 to 4294967295",
    ];
    assert_eq!(errors(&written), expected);
    let written = reaction(quote!(charge, follow(A), version = 2, crate = 1));
    let expected = [
        "start with the name to store, such as `\"charge\"`; it outlives the Rust name, so it is never inferred",
        "unknown argument `follow`, did you mean `follows`?",
        "unknown argument `version`, expected `follows`, `ignore`, `crate`",
        "`crate` is a path: `crate = my_crate::es`",
    ];
    assert_eq!(errors(&written), expected);
}

#[test]
fn every_mistake_about_the_past_is_reported() {
    let written = event(quote!("order.bought", try_from = "OrderBoughtV1", into(1, A, A), retired = 2));
    let expected = [
        "`try_from` is a type: `try_from = OrderPlacedV1`",
        "list the types of the events that are read in its place: `into(OrderPlaced, Option<OrderPaid>)`",
        "this event is already read in its place; where it happened several times, it is a `Vec` of them",
        "say why it does not happen any more: `retired = \"flags moved to the risk service\"`",
    ];
    assert_eq!(errors(&written), expected);
    let written = aggregate(quote!("order", id = Id, events(A), past(A, B, B = "why", C = "", "d", E = 1)));
    let expected = [
        "list the types of the events: `past(OrderFlagged, OrderShipped = \"why it is no event of this aggregate any \
         more\")`",
        "list the types of the events: `past(OrderFlagged, OrderShipped = \"why it is no event of this aggregate any \
         more\")`",
        "this event is already listed",
        "say why it is no event of this aggregate any more",
        "this event is already listed in `events(...)`",
    ];
    assert_eq!(errors(&written), expected);
}

#[test]
fn a_hop_is_named_as_it_was_written() {
    for (args, says) in [
        (quote!("a", from = A), "`from` is the previous version, so say which `version` this one is"),
        (quote!("a", try_from = A), "`try_from` is the previous version, so say which `version` this one is"),
        (quote!("a", version = 1, from = A), "version 1 comes `from` nothing"),
        (quote!("a", version = 1, try_from = A), "version 1 comes `try_from` nothing"),
    ] {
        assert_eq!(errors(&event(args)), [says]);
    }
}

#[test]
fn a_mistake_has_no_echo() {
    for args in [
        quote!(),
        quote!(version = 2, from = Older),
        quote!(name = "order.placed"),
        quote!(order.placed),
        quote!("order.placed" version = 2, from = Older),
        quote!("order.placed" "order.placed"),
        quote!("order.placed", version = 2 from = Older),
        quote!("order.placed", , version = 2, from = Older),
        quote!("order.placed", version = x, from = Older),
        quote!("order.placed", version, from = Older),
        quote!("order.placed", version = 2, form = Older),
        quote!("order.placed", version = 2, from = ),
        quote!("order.placed", version = 2, version = 3, from = Older),
        quote!("order.placed", version(2), from = Older),
        quote!("order.placed", version = 2, try_form = Older),
        quote!("order.placed", version = 2, try_from = ),
        quote!("order.placed", version = 2, from = Older, try_from = Older),
        quote!("order.placed", into),
        quote!("order.placed", into()),
        quote!("order.placed", into = A),
        quote!("order.placed", into(A), into(B)),
        quote!("order.placed", retired),
        quote!("order.placed", retired = ""),
        quote!("order.placed", retired = "why", into(A)),
    ] {
        assert_eq!(errors(&event(args.clone())).len(), 1, "{args}: {:?}", errors(&event(args.clone())));
    }
    for args in [
        quote!(),
        quote!(Order, id = Id, events(A)),
        quote!("order", id, events(A)),
        quote!("order", di = Id, events(A)),
        quote!("order", id = Id),
        quote!("order", id = Id, events()),
        quote!("order", id = Id, events),
        quote!("order", id = Id, event(A)),
        quote!("order", id = Id, events = [A]),
        quote!("order", id = Id, events(A), events(B)),
        quote!("order", id = Id, events(A), past),
        quote!("order", id = Id, events(A), past = B),
        quote!("order", id = Id, events(A), past(B), past(C)),
        quote!("order", id = Id, events(A), past(B = )),
        quote!("order", id = Id, events(A), past(B "why")),
        quote!("order", id = Id, events(A), snapshot),
        quote!("order", id = Id, events(A), snapshot()),
        quote!("order", id = Id, events(A), snapshot = 100),
        quote!("order", id = Id, events(A), snapshot(every)),
        quote!("order", id = Id, events(A), snapshot(every = 0)),
        quote!("order", id = Id, events(A), snapshot(every = -1)),
    ] {
        let found = errors(&aggregate(args.clone()));
        assert_eq!(found.len(), if args.is_empty() { 3 } else { 1 }, "{args}: {found:?}");
    }
    for args in [
        quote!(follows(Order)),
        quote!(Summary, follows(Order)),
        quote!("summary"),
        quote!("summary", ignore(A)),
        quote!("summary", follows),
        quote!("summary", follows()),
        quote!("summary", follow(Order), ignore(A)),
        quote!("summary", follows = Order, ignore(A)),
        quote!("summary", follows("order"), ignore(A)),
        quote!("summary", follows(Order), follows(Payment)),
        quote!("summary", follows(Order), ignores(A)),
        quote!("summary", follows(Order) ignore(A)),
        quote!("summary", follows(Order), version),
        quote!("summary", follows(Order), version = 0),
        quote!("summary", follows(Order), version = 4294967296),
        quote!("summary", follows(Order), delivery),
        quote!("summary", follows(Order), delivery = Once),
        quote!("summary", follows(Order), delivery = es::Once),
        quote!("summary", follows(Order), delivery = AtLeastOnce, delivery = ExactlyOnce),
    ] {
        let found = errors(&projection(args.clone()));
        assert_eq!(found.len(), 1, "{args}: {found:?}");
    }
}

#[test]
fn commas_inside_types_and_groups_end_nothing() {
    let written = aggregate(quote!("order", id = Pair<fn(u8) -> u8, Vec<u8>>, events(a::B, C,),));
    assert_eq!(errors(&written), [""; 0]);
    assert!(written.contains("type Id = Pair < fn (u8) -> u8 , Vec < u8 > > ;"), "{written}");
}

#[test]
fn a_failed_expansion_still_has_the_impls() {
    let written = event(quote!(
        "order.placed",
        version = 3,
        from = Older,
        verison = 2,
        alias = "order.created",
        alias = "order.created"
    ));
    assert_eq!(errors(&written).len(), 2);
    for part in [
        "pub struct OrderPlaced { pub customer : String",
        "impl __es :: Event for OrderPlaced",
        "const NAME : & 'static __es :: str = \"order.placed\"",
        "const ALIASES : & 'static [& 'static __es :: str] = & [\"order.created\"]",
        "const VERSION : __es :: u16 = 3u16",
        "type Previous = Older",
    ] {
        assert!(written.contains(part), "no `{part}` in {written}");
    }
    let written = event(quote!());
    assert!(written.contains("const NAME : & 'static __es :: str = \"\""), "{written}");

    let written = aggregate(quote!("or der", events(A, "b", C), snapshot(every = 100, often)));
    assert_eq!(errors(&written).len(), 4);
    for part in [
        "impl __es :: Aggregate for Order",
        "type Id = __es :: u32",
        "impl __es :: EventOf < Order > for A",
        "impl __es :: EventOf < Order > for C",
        "SnapshotPlan :: new (100u64 , \"total:Money\")",
        "__es :: Covers < A > + __es :: Covers < C >",
    ] {
        assert!(written.contains(part), "no `{part}` in {written}");
    }

    let written = projection(quote!("orders by day", follows(Order), ignore(A, "b"), version = 3));
    assert_eq!(errors(&written).len(), 2);
    for part in [
        "impl __es :: Follower for OrdersByDay",
        // What is wrong may be what was to be ignored.
        "const FOLLOWS : & 'static [__es :: Followed < Self >] = & [] ;",
        "impl __es :: Projection for OrdersByDay { const VERSION : __es :: u32 = 3u32 ;",
        "impl __es :: On < A > for OrdersByDay",
    ] {
        assert!(written.contains(part), "no `{part}` in {written}");
    }
    assert!(!written.contains("expect_listed"), "{written}");

    let without = crate::aggregate::expand(quote!(
        struct Order;
    ))
    .to_string();
    assert_eq!(errors(&without).len(), 1);
    assert!(without.contains("impl __es :: Aggregate for Order"), "{without}");
}

#[test]
fn what_cannot_be_an_event_is_left_as_it_is() {
    for item in [
        quote!(
            pub fn placed() {}
        ),
        quote!(union Placed { a: u8 }),
        quote!(
            struct Placed<T>(T);
        ),
        quote!(
            #[event("a")]
            struct Placed;
        ),
    ] {
        let written = crate::event::expand(quote!("order.placed"), item.clone()).to_string();
        assert_eq!(errors(&written).len(), 1);
        assert!(written.ends_with(&format!("}} {item}")), "{written}");
    }
}

#[test]
fn a_snapshot_knows_the_fields() {
    let fields = |state: TokenStream| {
        let state = quote!(#[aggregate("order", id = Id, events(A), snapshot(every = 1))] #state);
        let written = crate::aggregate::expand(state).to_string();
        let (_, fields) = written.split_once("new (1u64 , \"").unwrap_or_default();
        fields.split_once("\")").unwrap_or_default().0.to_owned()
    };
    assert_eq!(
        fields(quote!(
            struct Order;
        )),
        ""
    );
    assert_eq!(
        fields(quote!(
            struct Order {
                status: Status,
                lines: Vec<Line>,
            }
        )),
        "status:Status,lines:Vec<Line>"
    );
    assert_eq!(
        fields(quote!(
            struct Order(Status, u64);
        )),
        "0:Status,1:u64"
    );
    assert_eq!(
        fields(quote!(
            struct Order {
                #[doc = "Kept."]
                pub r#type: u8,
            }
        )),
        "r#type:u8"
    );
    assert_eq!(
        fields(quote!(
            struct Order {
                #[serde(skip)]
                a: u8,
            }
        )),
        "#[serde(skip)]a:u8"
    );
    let state = quote!(
        enum Order {
            #[default]
            New,
            Open {
                lines: u8,
            },
            Closed(u8),
        }
    );
    assert_eq!(fields(state), "New(),Open(lines:u8),Closed(0:u8)");
}

#[test]
fn a_typo_is_at_most_two_edits_away() {
    let said = |key: &str| {
        let key = format_ident!("{key}");
        errors(&aggregate(quote!("order", id = Id, events(A), #key = 1))).concat()
    };
    for (word, meant) in [
        ("event", "events"),
        ("ide", "id"),
        ("rate", "crate"),
        ("snapshots", "snapshot"),
        ("x", ""),
        ("snap", ""),
    ] {
        let expected = match meant {
            "" => {
                format!(
                    "unknown argument `{word}`, expected `id`, `events`, `past`, `revision`, `snapshot`, `commands`, `crate`"
                )
            }
            meant => format!("unknown argument `{word}`, did you mean `{meant}`?"),
        };
        assert_eq!(said(word), expected);
    }
    for (word, known, expected) in [
        ("version", "version", 0),
        ("verison", "version", 2),
        ("form", "from", 2),
        ("", "from", 4),
        ("crates", "crate", 1),
    ] {
        assert_eq!(edits(word, known), expected, "{word} {known}");
    }
}
