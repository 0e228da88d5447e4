//! Events: immutable facts with a stored name and a schema version.

use crate::fate::Fate;
use crate::format::Cause;
use crate::schema::{Origin, is_known_as};
use crate::text::{Digits, fail, is_same};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;

/// An immutable fact. Written by [`#[event]`](macro@crate::event).
///
/// ```
/// use es_runtime::prelude::*;
///
/// #[event("order.placed")]
/// pub struct OrderPlaced {
///     pub customer: String,
/// }
///
/// assert_eq!(OrderPlaced::NAME, "order.placed");
/// assert_eq!(OrderPlaced::VERSION, 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "expected a type marked with `#[event]`",
    note = "add `#[event(\"some.name\")]` above the definition of `{Self}`"
)]
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name it is stored under. It outlives the Rust name and never changes.
    const NAME: &'static str;
    /// Names it was stored under before.
    const ALIASES: &'static [&'static str] = &[];
    /// The version of its shape; not the version of a stream.
    const VERSION: u16 = 1;
    /// Where it is defined.
    const ORIGIN: Origin;
    /// Its shape one version ago, or [`Genesis`].
    type Previous: Event;
    #[doc(hidden)]
    const UPCAST: Hop<Self::Previous, Self>;
    /// Whether it still happens.
    #[doc(hidden)]
    const FATE: Fate = Fate::Current;
}

/// One step on the way from what is stored to what is known today. One that cannot fail is as fast as its `From`:
/// the compiler sees that it has no error.
#[doc(hidden)]
pub type Hop<Old, New> = fn(Old) -> Result<New, Cause>;

/// Turns version `n` of an event into version `n + 1`: implement [`From`], and this trait follows.
#[diagnostic::on_unimplemented(
    message = "`{Previous}` events cannot be read as `{Self}`",
    label = "missing `impl From<{Previous}> for {Self}`",
    note = "stored events are read through the chain of versions, so every hop needs a `From` impl"
)]
pub trait Upcast<Previous>: Sized {
    /// The next version of `previous`.
    fn upcast(previous: Previous) -> Self;

    #[doc(hidden)]
    fn hop(previous: Previous) -> Result<Self, Cause> {
        Ok(Self::upcast(previous))
    }

    /// What is read in the place of `previous`, where that is one event alone.
    #[doc(hidden)]
    fn alone(previous: Previous) -> (Self,) {
        (Self::upcast(previous),)
    }
}

#[diagnostic::do_not_recommend]
impl<Previous, Current: From<Previous>> Upcast<Previous> for Current {
    fn upcast(previous: Previous) -> Self {
        previous.into()
    }
}

/// Turns version `n` of an event into version `n + 1`, or refuses it: implement [`TryFrom`], and this trait follows.
#[diagnostic::on_unimplemented(
    message = "`{Previous}` events cannot be read as `{Self}`",
    label = "missing `impl TryFrom<{Previous}> for {Self}`, or its `Error` is none",
    note = "its `Error` is a type that implements `std::error::Error`, `Send` and `Sync`; a hop that cannot fail is \
            better written as `from = ...`, with a `From` impl"
)]
pub trait TryUpcast<Previous>: Sized {
    /// The next version of `previous`.
    ///
    /// # Errors
    ///
    /// The user's own, when there is none.
    fn try_upcast(previous: Previous) -> Result<Self, Cause>;
}

#[diagnostic::do_not_recommend]
impl<Previous, Current> TryUpcast<Previous> for Current
where
    Current: TryFrom<Previous, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    fn try_upcast(previous: Previous) -> Result<Self, Cause> {
        previous.try_into().map_err(Cause::new)
    }
}

/// Before version 1 there was nothing: the end of every chain of versions, and no value of it exists.
#[derive(Debug, Clone, Copy, Serialize, serde::Deserialize)]
pub enum Genesis {}

#[diagnostic::do_not_recommend]
impl Event for Genesis {
    const NAME: &'static str = "";
    const VERSION: u16 = 0;
    const ORIGIN: Origin = Origin::new("Genesis", "es_runtime", "", 0);
    type Previous = Self;
    const UPCAST: Hop<Self, Self> = from_nothing;
}

/// What version 1 is made from: there is no version 0, so this is never called.
#[doc(hidden)]
pub fn from_nothing<E>(nothing: Genesis) -> Result<E, Cause> {
    match nothing {}
}

/// Fails to compile when the previous version of `E` is not exactly one version older,
/// or was stored under a name that `E` does not know.
#[doc(hidden)]
#[track_caller]
pub const fn expect_link<E: Event>() {
    let (current, previous) = (E::ORIGIN.type_name(), <E::Previous as Event>::ORIGIN.type_name());
    let (version, name) = (<E::Previous as Event>::VERSION, <E::Previous as Event>::NAME);
    if is_same(E::NAME, "") || (is_same(name, "") && version > 0) {
        return; // What is wrong with the name was said by the macro.
    }
    if version as u32 + 1 != E::VERSION as u32 {
        fail(&[
            "`",
            current,
            "` is version ",
            Digits::of(E::VERSION as u32).as_str(),
            " but upcasts from `",
            previous,
            "`, which is version ",
            Digits::of(version as u32).as_str(),
            "; a chain of versions goes up by one",
        ])
    }
    if <E::Previous as Event>::FATE.is_past() {
        fail(&[
            "`",
            current,
            "` comes after `",
            previous,
            "`, so what became of the event is said by the newest version alone; \
             leave `into` and `retired` out of the older ones",
        ])
    }
    if !is_known_as::<E>(name) {
        fail(&[
            "`",
            current,
            "` is stored as `",
            E::NAME,
            "`, but `",
            previous,
            "` was stored as `",
            name,
            "`; add `alias = \"",
            name,
            "\"`",
        ])
    }
}
