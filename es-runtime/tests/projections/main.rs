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

/// The same tests on memory, where handlers are called at least once, and on SQLite, where it is exactly once.
macro_rules! on_both {
    ($(async fn $name:ident($world:ident) $body:block)*) => {
        mod memory {
            use super::*;
            #[allow(unused_imports)]
            use crate::account::Model;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let $world = crate::account::World::new();
                    $body
                }
            )*
        }

        #[cfg(feature = "sqlite")]
        mod sqlite {
            use super::*;
            #[allow(unused_imports)]
            use crate::sums::Model;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let $world = crate::sums::World::new().await;
                    $body
                }
            )*
        }
    };
}
use on_both;
