//! Projections: each event is handled in its order, as often as the type says, whatever fails.
#![allow(missing_docs, unreachable_pub, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod account;
mod basics;
mod builds;
mod chaos;
mod leases;
mod policies;
mod sums;
mod unknown;

/// The same tests on memory, where handlers are called at least once, and on databases, where it is exactly once.
macro_rules! everywhere {
    ($($test:item)*) => {
        mod memory {
            #[allow(unused_imports, reason = "some need it")]
            use crate::account::Model;
            use super::*;
            async fn world() -> crate::account::World { crate::account::World::new() }
            $($test)*
        }

        crate::on_databases! { $($test)* }
    };
}

/// The same tests on each database.
macro_rules! on_databases {
    ($($test:item)*) => {
        mod sqlite {
            #[allow(unused_imports, reason = "some need it")]
            use crate::sums::Sums as Model;
            use super::*;
            async fn world() -> crate::sums::World<es_runtime::sqlite::Sqlite> { crate::sums::World::sqlite().await }
            $($test)*
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            #[allow(unused_imports, reason = "some need it")]
            use crate::sums::Sums as Model;
            use super::*;
            async fn world() -> crate::sums::World<es_runtime::postgres::Postgres> { crate::sums::World::postgres().await }
            $($test)*
        }
    };
}
use {everywhere, on_databases};
