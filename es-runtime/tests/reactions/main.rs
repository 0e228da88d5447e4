//! Reactions act at least once, under keys that make it once; workflows remember, wait and compensate.

mod away;
mod domain;
mod reacting;
mod without_registers;
mod workflows;
