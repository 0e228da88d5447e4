//! Raw identifiers, enums, tuples, and events from other modules.
#![allow(non_camel_case_types)]

use crate::facade::{Aggregate, Apply, Attempt, Handled, On, Projection, Recorded, event};
use ::std::result::Result::Ok;
use ::std::string::String;

/// An event whose name is a keyword.
#[event("word.type", crate = crate::facade)]
#[derive(Debug)]
pub struct r#type {
    /// A field whose name is a keyword.
    pub r#fn: u32,
}

/// An event that is an enum, and a tuple in it.
#[event("word.match", version = 1, crate = crate::facade)]
#[derive(Debug)]
pub enum r#match {
    /// A variant.
    One(u32),
    /// Another.
    Other {
        /// A field whose name is a keyword.
        r#fn: String,
    },
}

/// What a module of old shapes looks like.
pub mod r#mod {
    use crate::facade::event;

    /// A tuple, in a module whose name is a keyword.
    #[event("word.loop", crate = crate::facade)]
    #[derive(Debug, Clone, Copy)]
    pub struct r#loop(pub u32, pub u32);
}

/// State that is an enum.
#[derive(Debug, Default, Aggregate, PartialEq, Eq)]
#[aggregate("word", id = u64, events(r#type, r#match, self::r#mod::r#loop), crate = crate::facade)]
pub enum r#struct {
    /// Before.
    #[default]
    Nothing,
    /// After.
    Something(u32),
}

impl Apply<r#type> for r#struct {
    fn apply(&mut self, event: &r#type) {
        *self = Self::Something(event.r#fn);
    }
}

impl Apply<r#match> for r#struct {
    fn apply(&mut self, event: &r#match) {
        *self = match event {
            r#match::One(number) => Self::Something(*number),
            r#match::Other { .. } => Self::Nothing,
        };
    }
}

impl Apply<r#mod::r#loop> for r#struct {
    fn apply(&mut self, event: &r#mod::r#loop) {
        *self = Self::Something(event.1);
    }
}

/// A read model that is an enum.
#[derive(Debug, Projection)]
#[projection(
    "word",
    follows(r#struct),
    ignore(r#match, self::r#mod::r#loop),
    delivery = AtLeastOnce,
    crate = crate::facade
)]
pub enum r#dyn {
    /// Nothing is kept.
    Nothing,
}

impl On<r#type> for r#dyn {
    async fn on(&self, _: &Recorded<r#type>, _: &mut Attempt) -> Handled {
        Ok(())
    }
}
