//! The store in a PostgreSQL database keeps every promise, with the server's clock and with one of the caller's.

use es_runtime::postgres::Postgres;
use es_runtime::testing::conformance::Setup;
use servers::postgres::Server;
use std::sync::LazyLock;

/// A database for this program; each setup has a schema of its own in it.
static DATABASE: LazyLock<String> = LazyLock::new(|| Server::shared().new_database());

async fn open(setup: Setup) -> Postgres {
    let options = Postgres::options(&DATABASE).expect("the server's own URL");
    options.schema(setup.name).clock(setup.clock).open().await.expect("a store in a fresh schema")
}

es_runtime::testing::conformance!(postgres, open);
