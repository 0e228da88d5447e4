//! The store in a file keeps every promise, at both of its levels of durability.

use es_runtime::Durability;
use es_runtime::sqlite::Sqlite;
use es_runtime::testing::conformance::Setup;

async fn open(setup: Setup, durability: Durability) -> Sqlite {
    let options = Sqlite::options().clock(setup.clock).durability(durability);
    options.open(setup.dir.join("events.db")).await.expect("a store in a fresh directory")
}

es_runtime::testing::conformance!(fsync, |setup| open(setup, Durability::Fsync));
es_runtime::testing::conformance!(process_crash, |setup| open(setup, Durability::ProcessCrash));
