//! `order verify` finds what is not as it should be, and says so by its exit status.
#![allow(missing_docs)]

mod common;

use common::services::*;
use common::{Folder, ORDERS, Said};
use rusqlite::Connection;
use serde_json::Value;
use servers::postgres::Server;

struct Shop(Folder);

impl Shop {
    /// With orders from a file, and the read model of the service.
    fn open() -> Self {
        let folder = Folder::new();
        folder.write("orders.jsonl", ORDERS);
        folder.ok("import orders.jsonl --store sqlite:shop.db");
        folder.ok("rebuild");
        Self(folder)
    }

    fn sql(&self, sql: &str) {
        let connection = Connection::open(self.0.path("shop.db")).expect("the store");
        connection.execute_batch(sql).expect(sql);
    }

    fn verify(&self, args: &str) -> Said {
        self.0.run(&format!("verify {args}"))
    }
}

#[test]
fn a_sound_store_passes() {
    let shop = Shop::open();
    let said = shop.verify("");
    assert_eq!((said.status, &*said.err), (0, ""), "{}", said.out);
    assert!(said.out.contains("read model   orders-by-day compared\n"), "{}", said.out);
    assert!(said.out.ends_with("findings     0\n"), "{}", said.out);
}

#[test]
fn damage_is_told_with_its_place() {
    let shop = Shop::open();
    shop.sql(
        "UPDATE es_event SET payload = CAST('{}' AS BLOB) WHERE position = 1;
         UPDATE orders_by_day_1_days SET orders = orders + 5 WHERE status = 'delivered';",
    );
    let said = shop.verify("");
    assert_eq!(said.status, 1, "{}", said.out);
    let first = said.out.lines().next().expect("a finding");
    assert!(
        first.starts_with("order/") && first.contains(" version 1 at 1.0: `order.placed` cannot be read: ")
    );
    assert!(said.out.contains("`orders-by-day` does not handle the event"), "{}", said.out);

    let shop = Shop::open();
    shop.sql("UPDATE orders_by_day_1_days SET orders = orders + 5 WHERE status = 'delivered'");
    let said = shop.verify("");
    assert_eq!(said.status, 1, "{}", said.out);
    assert!(said.out.contains("`days` of `orders-by-day` is not what the events add up to"), "{}", said.out);
    assert!(said.out.ends_with("findings     1\n"), "{}", said.out);
}

#[test]
fn states_are_compared_with_those_of_another_program() {
    let shop = Shop::open();
    assert_eq!(shop.verify("--states states.jsonl").status, 0);
    let text = std::fs::read_to_string(shop.0.path("states.jsonl")).expect("it is there");
    let states: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(states.iter().any(|state| state["state"]["status"] == "delivered"), "{text}");

    let said = shop.verify("--against states.jsonl");
    assert_eq!(said.status, 0, "{}", said.out);
    let compared = format!("states       {} compared, 0 streams are new\n", states.len());
    assert!(said.out.contains(&compared), "{}", said.out);

    // The other program had it differently.
    shop.0.write("states.jsonl", text.replacen("\"paid_cents\":", "\"paid_cents\":1", 1));
    let said = shop.verify("--against states.jsonl");
    assert_eq!(said.status, 1, "{}", said.out);
    let first = said.out.lines().next().expect("a finding");
    assert!(
        first.contains(": the state is `{") && first.contains("`, and was `{\"paid_cents\":1"),
        "{first}"
    );
}

#[test]
fn what_cannot_be_done_is_no_finding() {
    let shop = Shop::open();
    shop.0.write("nonsense.jsonl", "nonsense\n");
    for args in [
        "--store sqlite:nowhere.db?create=false",
        "--against nowhere.jsonl",
        "--against nonsense.jsonl",
        "--states .",
    ] {
        let said = shop.verify(args);
        assert_eq!(said.status, 2, "{args}: {}", said.out);
        assert!(said.err.starts_with("order: "), "{args}: {}", said.err);
    }
    assert!(!shop.0.path("nowhere.db").exists());
}

#[test]
fn on_a_server_it_finds_the_same() {
    let folder = Folder::new();
    folder.write("orders.jsonl", ORDERS);
    let server = Server::shared();
    let url = server.create_database("verified");
    folder.ok(&format!("import orders.jsonl --store {url}"));
    folder.ok(&format!("rebuild --store {url}"));
    let verify = || folder.run(&format!("verify --store {url}"));
    let said = verify();
    assert_eq!((said.status, &*said.err), (0, ""), "{}", said.out);
    assert!(said.out.contains("read model   orders-by-day compared\n"), "{}", said.out);

    server.sql("verified", "UPDATE es.orders_by_day_1_orders SET status = 'lost' WHERE status = 'delivered'");
    // What a run that was killed has left behind is in nobody's way.
    server.sql("verified", "CREATE TABLE es.orders_by_day_0_days (other text)");
    let said = verify();
    assert_eq!(said.status, 1, "{}", said.out);
    assert!(
        said.out.contains("`orders` of `orders-by-day` is not what the events add up to"),
        "{}",
        said.out
    );
    assert!(
        said.out.contains(" status=\"lost\"\n") && said.out.contains(" status=\"delivered\"\n"),
        "{}",
        said.out
    );

    server.sql(
        "verified",
        "UPDATE es.es_event SET payload = '{}' WHERE version = 1 AND stream = 'order/o-0013'",
    );
    let said = verify();
    assert!(said.out.starts_with("order/o-0013 version 1 at "), "{}", said.out);
    let left =
        server.sql("verified", "SELECT tablename FROM pg_tables WHERE tablename LIKE 'orders_by_day_0_%'");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_store_is_verified_while_services_work_on_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let setup = Setup::on_sqlite(folder.path());
    let (order, payment) = (setup.order(), setup.payment());
    for number in 0..10 {
        let id = format!("o-{number}");
        assert_eq!(order.post("/orders", &id, placement(&id)).status, 201);
    }
    let mut verify = std::process::Command::new(env!("CARGO_BIN_EXE_order"));
    let said: Said = verify.args(["verify", "--store", &setup.store]).output().expect("it runs").into();
    assert_eq!((said.status, &*said.err), (0, ""), "{}", said.out);
    drop((order, payment));
}
