//! A projection of any length is built in bounded memory.

use benches::Failure;
use benches::cart::{Cart, ItemAdded, Opened, Paid};
use benches::long_log::{fill, peak_of};
use es_runtime::prelude::*;
use es_runtime::{Handled, Sql, Tables};

const EVENTS: u64 = 1_000_000;

/// How much each cart has.
#[derive(Projection)]
#[projection("totals", follows(Cart), ignore(Opened, Paid))]
struct Totals;

impl Tables for Totals {
    async fn create(&self, sql: &mut Sql) -> Handled {
        let create =
            format!("CREATE TABLE {} (cart TEXT PRIMARY KEY, items BIGINT NOT NULL)", sql.table("carts"));
        Ok(sql.batch(&create).await?)
    }
}

impl On<ItemAdded> for Totals {
    async fn on(&self, event: &Recorded<ItemAdded>, sql: &mut Sql) -> Handled {
        let add = format!(
            "INSERT INTO {} AS c (cart, items) VALUES ($1, 1) ON CONFLICT (cart) DO UPDATE SET items = c.items + 1",
            sql.table("carts")
        );
        sql.execute(&add, &[&event.stream().key()]).await?;
        Ok(())
    }
}

// Alone in its program: what other tests use would count.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "soak: writes a million events"]
async fn soak_a_million_events_are_built_anew_in_128_mebibytes() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}?durability=process-crash", folder.path().join("log.db").display());
    let store = Store::connect(&url).await?;
    store.projection(Totals).run_to_end().await?;
    fill(&store, EVENTS).await?;
    drop(store);

    let store = Store::connect(&url).await?;
    let build = async {
        let status = store.projection(Totals).rebuild().run_to_end().await?;
        Ok(status.active().map_or(0, |active| active.handled))
    };
    let (events, peak) = peak_of(build).await?;
    assert_eq!(events, EVENTS);
    let rows = store.read_model::<Totals>().rows("SELECT sum(items), count(*) FROM {carts}", &[]).await?;
    assert_eq!((rows[0].get::<u64>(0)?, rows[0].get::<u64>(1)?), (EVENTS, 1000));
    assert!(peak < 128 << 20, "the peak was {peak} bytes above the start");
    Ok(())
}
