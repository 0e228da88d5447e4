//! The promises of [`Adapter`](crate::Adapter) as tests that every adapter passes, ours and other people's.
//!
//! A [rule](rules) is a function that is named after what it demands, and says in its documentation what goes
//! wrong without it. [`conformance!`](super::conformance!) makes a test of each. A file of tests needs nothing
//! else, and the crate no other dependency than this one with its feature `testing`:
//!
//! ```
//! // tests/conformance.rs
//! # mod my_adapter {
//! #     pub struct MyStore;
//! #     impl MyStore {
//! #         pub async fn open(_: std::path::PathBuf) -> std::io::Result<es_runtime::memory::Memory> {
//! #             Ok(es_runtime::memory::Memory::new())
//! #         }
//! #     }
//! # }
//! # use my_adapter::MyStore;
//! es_runtime::testing::conformance!(my_store, without(Durability, Transactions, TwoHandles), |setup| async move {
//!     MyStore::open(setup.dir.join("events")).await.expect("a store in a fresh directory")
//! });
//! # fn main() {}
//! ```
//!
//! # The closure
//!
//! It opens the store that belongs to the [`Setup`]: an empty one for a new setup, and what was written before
//! for the same one again. The rules open the same one again after they have closed it, and also while it is
//! open, as a second process does.
//!
//! A store in files takes [`Setup::dir`]. A store on a server takes [`Setup::name`] for a schema, a database or
//! a prefix, and shows nothing of what else is on the server; [`Setup::afterwards`] cleans up. A store whose
//! server tells the time ignores [`Setup::clock`].
//!
//! # What a store cannot do
//!
//! A store that cannot do everything says so in its [`Capabilities`](crate::Capabilities), and refuses it. The
//! tests have to name it as well, in `without(..)`: a rule that has nothing to look at would pass, and nobody
//! would know. [`Ability`] lists what may be named.
//!
//! # Invariants
//!
//! The promises say what a store does for one caller. What many see of it at once, some of whom are cut off in the
//! middle, has to fit together:
//!
//! | | |
//! | --- | --- |
//! | I1 | what was acknowledged is there once, at the versions it was said to have |
//! | I2 | what was refused is not there |
//! | I3 | an append whose outcome is unknown is there once or not at all, and sending it again tells which |
//! | I4 | versions are 1, 2, 3 and so on, and no commit is split |
//! | I5 | what a reader of the log has passed stays: nothing turns up behind it |
//! | I6 | the log has the events of each stream in the stream's order |
//! | I7 | what was acknowledged is seen by everybody who asks later |
//! | I8 | a commit that is sent again has no effect of its own, and the same answer |
//! | I9 | from any cursor exactly the rest of the log follows |
//! | I10 | a consumer that is stopped anywhere counts each event once |
//! | I11 | whoever goes on with a checkpoint notices when the log is not the one it is from |
//!
//! [`rules`] says which rule holds which. [`History`] and [`Follower`] record what clients and readers saw and
//! check most of these afterwards; use them for tests of your own, such as one that kills the server meanwhile.
//!
//! # One rule alone
//!
//! `cargo test name_of_the_rule` runs one of the tests, as ever. A failure names the rule and says what the store
//! did; the rule's documentation says why that matters. [`Suite`] applies a rule without a test around it.

mod broken;
mod clients;
mod compare;
pub mod draft;
mod follower;
pub mod history;
mod macros;
pub mod rules;
mod setup;
mod subject;
mod suite;

pub use self::broken::{Broken, Kept};
pub use self::follower::Follower;
pub use self::history::{Evidence, History};
pub use self::setup::{Setup, TestClock};
pub use self::subject::Subject;
pub use self::suite::{Ability, Rule, Suite};

pub(crate) use self::broken::{ensure, ensure_eq, ensure_matches};
