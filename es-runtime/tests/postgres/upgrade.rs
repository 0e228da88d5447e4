//! Stores of older versions of es-runtime.

use super::*;
use es_runtime::postgres::grants;

/// A store as version 1 of the schema left it, with events in it.
async fn version_1() -> Place {
    let place = Place::new();
    let store = place.open().await;
    append(&store, commit(1, "order/1", Expected::NoStream, 3)).await.expect("stored");
    drop(store);
    place.sql(
        "DROP TABLE es.es_register; DROP FUNCTION es.es_write_registers; DROP FUNCTION es.es_expect_work; \
         UPDATE es.es_meta SET value = '1' WHERE key = 'schema_version'",
    );
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_version_1_gets_registers_and_keeps_its_events() {
    let place = version_1().await;
    let opened: Vec<_> = (0..3)
        .map(|_| {
            let options = place.options();
            tokio::spawn(async move { options.open().await.expect("upgraded, by one of them") })
        })
        .collect();
    for store in opened {
        let store = store.await.expect("no panic");
        assert_eq!(whole(&store, "order/1").await.len(), 3);
        assert_eq!(store.registers().expect("registers").read_register("a").await.expect("readable"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_upgrade_is_told_who_must() {
    let place = version_1().await;
    let role = format!("{}_app", place.name());
    place.sql(&format!("CREATE ROLE \"{role}\" LOGIN"));
    let of_version_1 = grants("es", &role).expect("a good schema");
    let of_version_1: Vec<_> = of_version_1.lines().filter(|line| !line.contains("es_register")).collect();
    place.sql(&of_version_1.join("\n"));
    let url = place.url.replace("postgres@", &format!("{role}@"));
    for url in [url.clone(), format!("{url}?create=false")] {
        let refused = Store::connect(&url).await.map(drop).expect_err("no rights").to_string();
        assert!(
            refused.contains("let their owner open the store once") && refused.contains("grants"),
            "{refused}"
        );
    }
    let refused = Store::connect(&url).await.map(drop).expect_err("no rights").to_string();
    assert!(refused.contains("of version 1") && refused.contains("needs version 2"), "{refused}");
    drop(place.open().await);
    place.sql(&grants("es", &role).expect("a good schema"));
    let store = Postgres::options(&url).expect("a URL").open().await.expect("the owner has done it");
    let new = Write { key: "a".into(), expected: 0, value: Some(Vec::new()) };
    assert!(store.registers().expect("registers").write_registers(vec![new]).await.expect("written"));
}
