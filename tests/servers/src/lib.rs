//! Real servers for tests, each of the test's own, and a proxy that does to connections what networks do.
//!
//! A server is gone with the process that started it, however that ends, and so are its files. What cannot be
//! started is a panic that says what is missing and how to get it: a test that needs a server and has none has
//! failed.
#![cfg(target_os = "linux")]

mod guardian;
pub mod postgres;
mod processes;
mod proxy;

pub use proxy::{Counts, Proxy};
pub use rustix::process::Signal;
