//! PostgreSQL servers.
//!
//! ```no_run
//! let server = servers::postgres::Server::shared();
//! let url = server.new_database();
//! # let _ = url;
//! ```

mod builder;
mod certificate;
mod cluster;
mod programs;
mod server;
mod sql;
mod standby;

pub use builder::Builder;
pub use server::Server;
