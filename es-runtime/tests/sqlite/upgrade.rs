//! Files of older versions of es-runtime.

use super::*;

/// A file as version 1 of the schema left it, with an event in it.
async fn version_1() -> Place {
    let place = Place::new();
    let store = place.open().await;
    append(&store, commit(1, "order/1", Expected::NoStream, 3)).await.expect("stored");
    drop(store);
    place.sql("DROP TABLE es_register; PRAGMA user_version = 1");
    place
}

fn a_register() -> Write {
    Write { key: "part/orders/1/0".into(), expected: 0, value: Some(b"here".to_vec()) }
}

#[tokio::test]
async fn a_file_of_version_1_gets_registers_and_keeps_its_events() {
    let place = version_1().await;
    let store = place.open().await;
    assert_eq!(whole(&store, "order/1").await.len(), 3);
    let registers = store.registers().expect("registers");
    assert!(registers.write_registers(vec![a_register()]).await.expect("written"));
    drop((registers, store));
    let store = place.open().await;
    let found = store.registers().expect("registers").read_register("part/orders/1/0").await;
    assert_eq!(found.expect("readable"), Some(Register { revision: 1, value: b"here".to_vec() }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_upgrade_a_file_at_once() {
    let place = version_1().await;
    let opened: Vec<_> = (0..4)
        .map(|_| {
            let path = place.path();
            tokio::spawn(async move { open(&path, Durability::Fsync).await })
        })
        .collect();
    for store in opened {
        let store = store.await.expect("opened");
        assert_eq!(whole(&store, "order/1").await.len(), 3);
        let registers = store.registers().expect("registers");
        assert_eq!(registers.read_register("part/orders/1/0").await.expect("readable"), None);
    }
}
