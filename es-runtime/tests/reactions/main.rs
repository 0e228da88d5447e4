//! Reactions act at least once, under keys that make it once; workflows remember, wait and compensate.

mod domain;
mod reacting;
mod workflows;
