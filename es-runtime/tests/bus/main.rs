//! What the bus promises to those who listen, sentence by sentence.
#![allow(missing_docs)]

mod harm;
mod order;
mod places;
mod support;
