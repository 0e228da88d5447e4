//! The test kit: what it lets pass, what it catches, and what it says then.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod determinism;
mod faults;
mod given;
mod properties;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a test that fails says.
fn failure(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("it should fail");
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "no text".into())
}
