//! Where handlers write in a transaction, the parts of an event are handled in one.

use crate::domain::{ItemAdded, Order, Paid, Placed, STORED};
use crate::stored::write;
use es_runtime::prelude::*;
use es_runtime::{FollowError, OnFailure, SqlRow};

/// A row for each payment, and none for an order whose items cannot be kept.
#[derive(Projection)]
#[projection("payments", follows(Order))]
struct Payments {
    takes_items: bool,
}

impl Tables for Payments {
    async fn create(&self, sql: &mut Sql) -> Handled {
        let rows = sql.table("rows");
        Ok(sql.batch(&format!("CREATE TABLE {rows} (cents BIGINT NOT NULL, part BIGINT)")).await?)
    }
}

impl Payments {
    async fn add<E>(event: &Recorded<E>, cents: u64, sql: &mut Sql) -> Handled {
        let insert = format!("INSERT INTO {} VALUES ($1, $2)", sql.table("rows"));
        sql.execute(&insert, &[&cents, &event.part().map(u64::from)]).await?;
        Ok(())
    }
}

impl On<Placed> for Payments {
    async fn on(&self, event: &Recorded<Placed>, sql: &mut Sql) -> Handled {
        Self::add(event, event.event().cents, sql).await
    }
}

impl On<ItemAdded> for Payments {
    async fn on(&self, _: &Recorded<ItemAdded>, _: &mut Sql) -> Handled {
        if self.takes_items { Ok(()) } else { Err("there is no room".into()) }
    }
}

impl On<Paid> for Payments {
    async fn on(&self, event: &Recorded<Paid>, sql: &mut Sql) -> Handled {
        Self::add(event, event.event().cents, sql).await
    }
}

#[tokio::test]
async fn in_a_transaction_what_was_done_of_an_event_is_undone_with_its_other_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = es_runtime::sqlite::Sqlite::options().open(folder.path().join("events.db")).await;
    let store = Store::new(sqlite.expect("a store"));
    write(&store, "order/o-1", &STORED).await;
    let rows = async || {
        let model = store.read_model::<Payments>();
        let rows = model.rows("SELECT cents, part FROM {rows} ORDER BY rowid", &[]).await.expect("readable");
        let row =
            |row: &SqlRow| (row.get::<u64>(0).expect("a number"), row.get(1).expect("a number or none"));
        rows.iter().map(row).collect::<Vec<(u64, Option<u64>)>>()
    };
    let policy = OnFailure::retry(0);
    let refusing = store.projection(Payments { takes_items: false }).on_failure(policy);
    let stopped = refusing.run_to_end().await;
    assert!(matches!(stopped, Err(FollowError::Handler { .. })), "{stopped:?}");
    assert_eq!(rows().await, []);

    store.projection(Payments { takes_items: true }).run_to_end().await.expect("it can now");
    assert_eq!(rows().await, [(5, Some(0)), (5, Some(2)), (7, Some(0)), (7, Some(0)), (1, None)]);
}
