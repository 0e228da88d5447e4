//! What is asked of an event without knowing its type.

use crate::event::Event;
use crate::format::{DecodeError, Encoded, Format, decode, encode};
use crate::former::Former;
use crate::parts::Parts as _;
use crate::shape::{Shape, Untraceable, trace};
use serde_json::Value;
use std::panic::catch_unwind;

/// An event in each of its versions.
#[derive(Clone, Copy)]
pub(crate) struct Probe {
    trace: fn(u16, &[Value]) -> Result<Shape, Untraceable>,
    rewrite: fn(u16, &Encoded, Format) -> Result<Encoded, Unwritten>,
    upcast: fn(u16, u16, &Encoded) -> Result<Encoded, String>,
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
            upcast: upcast::<E>,
            type_name: type_name::<E>,
            is_refused: is_refused::<E>,
        }
    }

    /// The shape of this version, whose type takes each of the samples.
    pub(crate) fn trace(&self, version: u16, samples: &[Value]) -> Result<Shape, Untraceable> {
        (self.trace)(version, samples)
    }

    /// Reads a payload as this version's type, and writes it again.
    pub(crate) fn rewrite(
        &self,
        version: u16,
        payload: &Encoded,
        format: Format,
    ) -> Result<Encoded, Unwritten> {
        (self.rewrite)(version, payload, format)
    }

    /// Reads a payload of version `from`, takes it to version `to`, and writes it as JSON.
    pub(crate) fn upcast(&self, from: u16, to: u16, payload: &Encoded) -> Result<Encoded, String> {
        (self.upcast)(from, to, payload)
    }

    /// Whether a `TryFrom` between this version and today's does not take it.
    pub(crate) fn is_refused(&self, version: u16, payload: &Encoded) -> bool {
        (self.is_refused)(version, payload)
    }

    /// The Rust name of this version's type.
    pub(crate) fn type_name(&self, version: u16) -> &'static str {
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

fn upcast<E: Event>(from: u16, to: u16, payload: &Encoded) -> Result<Encoded, String> {
    if to < E::VERSION {
        return upcast::<E::Previous>(from, to, payload);
    }
    let event = decode::<E>(from, payload.as_payload()).map_err(|error| error.to_string())?;
    encode(Format::Json, &event).map_err(|error| error.to_string())
}

fn is_refused<E: Event>(version: u16, payload: &Encoded) -> bool {
    // A hop that panics is for the test that reads events to tell.
    let read = catch_unwind(|| decode::<E>(version, payload.as_payload()).map(drop));
    matches!(read, Ok(Err(DecodeError::Refused { .. })))
}

/// What a payload is read as, where others happen in the place of the event: the names of those, and each in JSON.
pub(crate) type Split = fn(u16, &Encoded) -> Result<Vec<(&'static str, Value)>, String>;

pub(crate) fn split<E: Former>(
    version: u16,
    payload: &Encoded,
) -> Result<Vec<(&'static str, Value)>, String> {
    let event = decode::<E>(version, payload.as_payload()).map_err(|error| error.to_string())?;
    E::SPLIT(event).written().map_err(|error| error.to_string())
}

fn type_name<E: Event>(version: u16) -> &'static str {
    if version < E::VERSION { type_name::<E::Previous>(version) } else { E::ORIGIN.type_name() }
}
