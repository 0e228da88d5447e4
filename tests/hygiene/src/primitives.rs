//! Local types with the names of primitives. Serde's derives do not bear them, ours do.
#![allow(non_camel_case_types, dead_code)]

use crate::hostile::{F, Placed};

struct bool;
struct str;
struct u16;
struct u32;
struct u64;
struct usize;

/// The state.
#[derive(crate::facade::Aggregate, ::std::default::Default, ::std::fmt::Debug)]
#[aggregate("order.simple", id = ::std::string::String, events(Placed, F), revision = 7, crate = crate::facade)]
pub struct Simple;

impl crate::facade::Apply<Placed> for Simple {
    fn apply(&mut self, _: &Placed) {}
}

impl crate::facade::Apply<F> for Simple {
    fn apply(&mut self, _: &F) {}
}

/// A read model.
#[derive(crate::facade::Projection, ::std::fmt::Debug)]
#[projection("simple", version = 3, follows(Simple), ignore(Placed, F), crate = crate::facade)]
pub struct Nothing;
