//! `kill -9` at any moment of an import, and the import given again.
#![allow(missing_docs)]

mod common;

use common::*;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

#[test]
fn after_kills_the_store_is_as_after_one_undisturbed_import() {
    let folder = Folder::new();
    folder.write("orders.jsonl", many_orders(150));
    let start = std::time::Instant::now();
    folder.ok("import orders.jsonl --store sqlite:undisturbed.db");
    let undisturbed = start.elapsed();
    let events = folder.events("undisturbed.db");
    let stats = folder.ok("stats --store sqlite:undisturbed.db");

    let chance = RandomState::new();
    for round in 0..4_u32 {
        let store = format!("killed-{round}.db");
        let import = format!("import orders.jsonl --concurrency 16 --store sqlite:{store}");
        let mut partial = 0;
        for kill in 0..5_u32 {
            let mut child = folder.command(&import).spawn().expect("it runs");
            let share = (chance.hash_one((round, kill)) % 1000) as u32;
            std::thread::sleep(undisturbed / 2 * share / 1000 + Duration::from_millis(5));
            child.kill().expect("it can be killed");
            child.wait().expect("it ended");
            if folder.path(&store).exists() {
                let stored: usize = folder.events(&store).values().map(Vec::len).sum();
                assert!(stored >= partial, "what was stored stays stored");
                partial = stored;
            }
        }
        folder.ok(&import);
        assert_eq!(folder.events(&store), events, "after kills that left {partial} events");
        assert_eq!(folder.ok(&format!("stats --store sqlite:{store}")), stats);
    }
}
