//! The story, and what can be asked of a store.
#![allow(missing_docs)]

mod common;

use common::*;

const SHOP: &str = r#"{"at": "2020-01-01T08:00:00Z", "order": "o-1", "command": "place", "customer": "Ада", "lines": [{"sku": "teapot", "quantity": 1, "unit_price_cents": 3490}, {"sku": "cup", "quantity": 4, "unit_price_cents": 650}], "freight_cents": 5}
{"at": "2020-01-01T09:00:00+02:00", "order": "o-1", "command": "pay", "amount_cents": 1000, "method": "voucher"}
{"at": "2020-01-02T08:00:00Z", "order": "an order with a long id", "command": "place", "customer": "eve", "lines": [{"sku": "cup", "quantity": 1, "unit_price_cents": 9223372036854775807}], "freight_cents": 0}
{"at": "2020-01-03T08:00:00Z", "order": "o-1", "command": "cancel", "reason": "\u001b[31mred\n"}
"#;

fn shop() -> Folder {
    let folder = Folder::new();
    folder.write("shop.jsonl", SHOP);
    folder.ok("import shop.jsonl");
    folder
}

#[test]
fn the_story_can_be_told_again_and_again() {
    let folder = Folder::new();
    let first = folder.ok("");
    for told in [
        "yes: order.placed\n",
        "no: the order is not paid\n",
        "yes: order.payment_received, order.paid\n",
        "no: the order is already shipped\n",
        "      6  ",
        "65.80 of 65.80 is paid and the order is delivered.",
        "The file now has 1 order.",
    ] {
        assert!(first.contains(told), "{told} is missing in:\n{first}");
    }
    assert!(folder.ok("").contains("The file now has 2 orders."));
    assert_eq!(folder.ok("list").lines().count(), 2);

    // What it proposes works.
    let proposed = first.lines().find_map(|line| line.split_once("-- show ")).expect("a proposal").1;
    assert!(folder.ok(&format!("show {proposed}")).contains("version  2\n"));
}

#[test]
fn show_tells_the_state_and_the_history() {
    let said = shop().ok("show o-1");
    let (state, history) = said.split_once("\n\n").expect("two parts");
    let expected =
        "order    o-1\nversion  3\nstatus   cancelled\ntotal    60.95\npaid     10.00\nleft     50.95";
    assert_eq!(state, expected);
    let events: Vec<_> = history.lines().skip(1).map(|line| (&line[..29], &line[53..])).collect();
    assert_eq!(
        events,
        [
            (
                "      1  2020-01-01T08:00:00Z",
                "order.placed            by Ада, 1 x teapot at 34.90, 4 x cup at 6.50, freight 0.05"
            ),
            ("      2  2020-01-01T07:00:00Z", "order.payment_received  10.00 by voucher"),
            ("      3  2020-01-03T08:00:00Z", r"order.cancelled         because: \u{1b}[31mred\n"),
        ]
    );
}

#[test]
fn show_goes_back_in_time() {
    let shop = shop();
    let said = shop.ok("show o-1 --at 1");
    assert!(said.contains("status   placed\n") && said.contains("left     60.95\n"), "{said}");
    assert!(!said.contains("voucher"), "{said}");
    for (args, sentence) in [
        ("show o-1 --at 4", "order `o-1` never was at version 4: it has 3 events"),
        ("show o-2", "there is no order `o-2`"),
        ("show o-2 --at 1", "there is no order `o-2`"),
    ] {
        let said = shop.run(args);
        assert_eq!((said.status, &*said.out), (1, ""), "order {args}");
        assert_eq!(said.err, format!("order: {sentence}\n"));
    }
}

#[test]
fn list_has_a_line_an_order() {
    let expected = "\
an order with a long id  placed      92233720368547758.07  version 1
o-1                      cancelled                  60.95  version 3
";
    assert_eq!(shop().ok("list"), expected);
}

#[test]
fn list_stops_when_nobody_reads_on() {
    let shop = shop();
    let mut child = shop.command("list").spawn().expect("it runs");
    drop(child.stdout.take());
    let said = Said::from(child.wait_with_output().expect("it ends"));
    assert_eq!((said.status, &*said.err), (0, ""));
}

#[test]
fn an_empty_store_has_no_orders() {
    let folder = Folder::new();
    assert_eq!(folder.ok("list --store memory:"), "");
    assert_eq!(folder.json("stats --store memory:")["orders"], 0);
}

#[test]
fn a_question_makes_no_file() {
    let folder = Folder::new();
    for question in ["list", "stats", "show o-1"] {
        let said = folder.run(question);
        assert_eq!(said.status, 2, "{}", said.err);
        assert!(said.err.contains("orders.db"), "{}", said.err);
        assert!(!folder.path("orders.db").exists());
    }
}
