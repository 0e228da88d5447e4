//! What is stored reaches every subscriber: all of it, in order, once.
#![allow(missing_docs)]

mod batches;
mod end;
mod errors;
mod seam;
#[cfg(feature = "sqlite")]
mod sqlite;
mod support;
mod tailer;
mod typed;
