//! How payloads are written: a closed set of formats, mixed freely within a stream.

use crate::event::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// How a payload is written. Stored with each event, chosen once for a store.
///
/// All of them write the names of fields, so that a field may be added or left out later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Format {
    /// JSON: readable in every database browser. The default. It has no NaN and no infinity: an event that
    /// holds one is refused, but in an `Option` it becomes `None`.
    #[default]
    Json,
    /// MessagePack with named fields, behind the feature `messagepack`.
    MessagePack,
    /// CBOR with named fields, behind the feature `cbor`.
    Cbor,
}

impl Format {
    /// The number it is stored as. For authors of adapters.
    pub const fn code(self) -> u8 {
        match self {
            Self::Json => 0,
            Self::MessagePack => 1,
            Self::Cbor => 2,
        }
    }

    /// The format stored as `code`. For authors of adapters.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Json),
            1 => Some(Self::MessagePack),
            2 => Some(Self::Cbor),
            _ => None,
        }
    }

    /// Writes `value`.
    pub(crate) fn encode<T: Serialize>(self, value: &T) -> Result<Encoded, Cause> {
        let bytes = match self {
            Self::Json => serde_json::to_vec(value).map_err(Cause::new)?,
            #[cfg(feature = "messagepack")]
            Self::MessagePack => rmp_serde::to_vec_named(value).map_err(Cause::new)?,
            #[cfg(feature = "cbor")]
            Self::Cbor => {
                let mut bytes = Vec::new();
                ciborium::into_writer(value, &mut bytes).map_err(Cause::new)?;
                bytes
            }
            #[allow(unreachable_patterns, reason = "reachable unless every format is built")]
            format => return Err(Cause::new(NotBuilt(format))),
        };
        Ok(Encoded { format: self, bytes: bytes.into() })
    }

    fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, Cause> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(Cause::new),
            #[cfg(feature = "messagepack")]
            Self::MessagePack => rmp_serde::from_slice(bytes).map_err(Cause::new),
            #[cfg(feature = "cbor")]
            Self::Cbor => ciborium::from_reader(bytes).map_err(Cause::new),
            #[allow(unreachable_patterns, reason = "reachable unless every format is built")]
            format => Err(Cause::new(NotBuilt(format))),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::MessagePack => "messagepack",
            Self::Cbor => "cbor",
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("this program is built without the feature `{0}` of es-runtime")]
struct NotBuilt(Format);

#[derive(Debug, thiserror::Error)]
#[error("what was written cannot be read again: {0}")]
struct Unreadable(Cause);

/// Writes an event so that it can be read for ever.
pub(crate) fn encode<E: Event>(format: Format, event: &E) -> Result<Encoded, EncodeError> {
    let failed = |source| EncodeError { name: E::NAME, format, source };
    let payload = format.encode(event).map_err(failed)?;
    payload.expect_readable::<E>().map_err(failed)?;
    Ok(payload)
}

/// The reason behind an error, shared so that errors can be cloned.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    /// Keeps `error` as the reason of another.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into().into())
    }

    /// The error itself, to be downcast by whoever knows the store.
    pub fn get(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A payload as it is stored. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Encoded {
    format: Format,
    bytes: Arc<[u8]>,
}

impl Encoded {
    /// A payload written elsewhere. For authors of adapters and of importers.
    pub fn new(format: Format, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { format, bytes: bytes.into() }
    }

    /// How it is written.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// What is written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Cause> {
        self.format.decode(&self.bytes)
    }

    /// The same, lent.
    pub(crate) fn as_payload(&self) -> Payload<'_> {
        Payload { format: self.format, bytes: &self.bytes }
    }

    /// Fails where a `T` was written that cannot be read again: a NaN, which JSON turns into `null`, or more
    /// levels than the format's reader goes down. Looks closer only where one of them is possible.
    fn expect_readable<T: DeserializeOwned>(&self) -> Result<(), Cause> {
        let bytes = &*self.bytes;
        let is_suspicious = match self.format {
            Format::Json => {
                let levels = count(bytes, bytes, |byte, _| byte | 0x20 == b'{');
                let (starts, ends) = (bytes, bytes.get(3..).unwrap_or_default());
                let has_null = || bytes.windows(4).any(|word| word == b"null");
                levels >= 100 || count(starts, ends, |n, l| (n == b'n') & (l == b'l')) > 0 && has_null()
            }
            // Each level is a byte at least.
            Format::MessagePack => bytes.len() >= 1000,
            Format::Cbor => bytes.len() >= 200,
        };
        if is_suspicious {
            self.decode::<T>().map_err(|cause| Cause::new(Unreadable(cause)))?;
        }
        Ok(())
    }
}

/// How many pairs of bytes are as asked for. In blocks whose count fits in a byte, which compilers turn into
/// a few instructions each: every event that is raised is looked through.
fn count(bytes: &[u8], others: &[u8], is_one: impl Fn(u8, u8) -> bool) -> usize {
    let blocks = bytes.chunks(128).zip(others.chunks(128));
    let in_block = |(some, others): (&[u8], &[u8])| -> usize {
        some.iter().zip(others).map(|(byte, other)| u8::from(is_one(*byte, *other))).sum::<u8>().into()
    };
    blocks.map(in_block).sum()
}

/// A payload that somebody else keeps.
#[derive(Clone, Copy)]
pub(crate) struct Payload<'a> {
    pub(crate) format: Format,
    pub(crate) bytes: &'a [u8],
}

/// Payloads may hold what nobody should see in a log, so only their size is shown.
impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of {}", self.bytes.len(), self.format)
    }
}

/// A stored event could not be read as the type that has its name. A retry does not help.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No event that was asked for has this name.
    #[error("`{name}` is not one of the events asked for ({expected})")]
    OtherName {
        /// The stored name.
        name: String,
        /// What would have fitted.
        expected: String,
    },
    /// It was written by a newer program.
    #[error("`{name}` is stored in version {version}, but this program knows versions 1 to {newest} of it")]
    UnknownVersion {
        /// The name of the event.
        name: &'static str,
        /// The stored schema version.
        version: u16,
        /// The newest schema version this program knows.
        newest: u16,
    },
    /// The bytes do not have the shape of the type.
    #[error("`{name}` version {version} does not have the shape of its type: {source}")]
    Malformed {
        /// The name of the event.
        name: &'static str,
        /// The stored schema version.
        version: u16,
        /// What the format said.
        r#source: Cause,
    },
    /// A `TryFrom` between two versions did not take it.
    #[error(
        "`{name}` version {from} was refused as version {to}: {source}; \
         what is stored stays, so let the `TryFrom` of version {to} take it"
    )]
    Refused {
        /// The name of the event.
        name: &'static str,
        /// The version that was read, or made by the hop before.
        from: u16,
        /// The version that it was to become.
        to: u16,
        /// What the `TryFrom` said.
        r#source: Cause,
    },
}

/// Whether events of type `E` are, or were once, stored as `name`.
pub(crate) fn is_named<E: Event>(name: &str) -> bool {
    *name == *E::NAME || E::ALIASES.contains(&name)
}

/// Reads an event that is stored as `name`, if that is an `E`.
pub(crate) fn decode_named<E: Event>(name: &str, version: u16, payload: &Encoded) -> Result<E, DecodeError> {
    let payload = payload.as_payload();
    if !is_named::<E>(name) {
        return Err(DecodeError::OtherName { name: name.to_owned(), expected: E::NAME.to_owned() });
    }
    decode(version, payload)
}

/// Reads version `version` of `E` and takes it, hop by hop, to today's shape.
pub(crate) fn decode<E: Event>(version: u16, payload: Payload<'_>) -> Result<E, DecodeError> {
    if version == E::VERSION {
        let malformed = |source| DecodeError::Malformed { name: E::NAME, version, source };
        return payload.format.decode(payload.bytes).map_err(malformed);
    }
    if version == 0 || version > E::VERSION {
        return Err(DecodeError::UnknownVersion { name: E::NAME, version, newest: E::VERSION });
    }
    let previous = decode::<E::Previous>(version, payload)?;
    E::UPCAST(previous).map_err(|source| DecodeError::Refused {
        name: E::NAME,
        from: <E::Previous as Event>::VERSION,
        to: E::VERSION,
        source,
    })
}

/// An event could not be written: its `Serialize` failed, or what it wrote cannot be read again. Nothing was
/// raised, and a retry does not help.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{name}` cannot be written as {format}: {source}")]
pub struct EncodeError {
    pub(crate) name: &'static str,
    pub(crate) format: Format,
    pub(crate) r#source: Cause,
}

impl EncodeError {
    /// The name of the event.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What the format said.
    pub const fn reason(&self) -> &Cause {
        &self.source
    }
}
