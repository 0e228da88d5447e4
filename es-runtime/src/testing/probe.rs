//! What the test kit asks of an event without knowing its type.

use super::shape::{Shape, Untraceable, trace};
use crate::event::Event;
use crate::format::{DecodeError, Encoded, Format, decode, encode};
use serde_json::Value;
use std::panic::catch_unwind;

/// The event of one row of an aggregate's table, in each of its versions.
#[derive(Clone, Copy)]
pub(crate) struct Probe {
    trace: fn(u16, &[Value]) -> Result<Shape, Untraceable>,
    rewrite: fn(u16, &Encoded, Format) -> Result<Encoded, Unwritten>,
    type_name: fn(u16) -> &'static str,
    is_refused: fn(u16, &Encoded) -> bool,
}

/// A payload could not be written anew.
pub(crate) enum Unwritten {
    /// It is none of this type's.
    Unreadable(String),
    /// It is, but the type cannot write it.
    Unwritable(String),
}

impl Probe {
    pub(crate) const fn of<E: Event>() -> Self {
        Self {
            trace: trace_version::<E>,
            rewrite: rewrite::<E>,
            type_name: type_name::<E>,
            is_refused: is_refused::<E>,
        }
    }

    /// The shape of this version, whose type takes each of the samples.
    pub(super) fn trace(&self, version: u16, samples: &[Value]) -> Result<Shape, Untraceable> {
        (self.trace)(version, samples)
    }

    /// Reads a payload as this version's type, and writes it again.
    pub(super) fn rewrite(
        &self,
        version: u16,
        payload: &Encoded,
        format: Format,
    ) -> Result<Encoded, Unwritten> {
        (self.rewrite)(version, payload, format)
    }

    /// Whether a `TryFrom` between this version and today's does not take it.
    pub(super) fn is_refused(&self, version: u16, payload: &Encoded) -> bool {
        (self.is_refused)(version, payload)
    }

    /// The Rust name of this version's type.
    pub(super) fn type_name(&self, version: u16) -> &'static str {
        (self.type_name)(version)
    }
}

fn trace_version<E: Event>(version: u16, samples: &[Value]) -> Result<Shape, Untraceable> {
    if version < E::VERSION { trace_version::<E::Previous>(version, samples) } else { trace::<E>(samples) }
}

fn rewrite<E: Event>(version: u16, payload: &Encoded, format: Format) -> Result<Encoded, Unwritten> {
    if version < E::VERSION {
        return rewrite::<E::Previous>(version, payload, format);
    }
    let event = payload.decode::<E>().map_err(|cause| Unwritten::Unreadable(cause.to_string()))?;
    encode(format, &event).map_err(|error| Unwritten::Unwritable(error.to_string()))
}

fn is_refused<E: Event>(version: u16, payload: &Encoded) -> bool {
    // A hop that panics is for the test that reads events to tell.
    let read = catch_unwind(|| decode::<E>(version, payload.as_payload()).map(drop));
    matches!(read, Ok(Err(DecodeError::Refused { .. })))
}

fn type_name<E: Event>(version: u16) -> &'static str {
    if version < E::VERSION { type_name::<E::Previous>(version) } else { E::ORIGIN.type_name() }
}
