//! What is known of an event at compile time, and the checks made of it.

use crate::aggregate::Aggregate;
use crate::event::Event;
use crate::fate::{Fate, count, known};
use crate::text::{fail, is_same};
use core::fmt;

/// Where an event is defined.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    type_name: &'static str,
    module: &'static str,
    file: &'static str,
    line: u32,
}

impl Origin {
    #[doc(hidden)]
    pub const fn new(type_name: &'static str, module: &'static str, file: &'static str, line: u32) -> Self {
        Self { type_name, module, file, line }
    }

    /// The Rust name of the type, without its module.
    pub const fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The module it is defined in.
    pub const fn module(&self) -> &'static str {
        self.module
    }

    pub(crate) const fn is(&self, other: &Self) -> bool {
        self.line == other.line
            && is_same(self.type_name, other.type_name)
            && is_same(self.module, other.module)
            && is_same(self.file, other.file)
    }
}

/// `file:line`, as editors and terminals understand it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{} ({self})", self.module, self.type_name)
    }
}

/// What is known of an event without having one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSchema {
    name: &'static str,
    aliases: &'static [&'static str],
    version: u16,
    origin: Origin,
    previous: Origin,
    fate: Fate,
}

impl EventSchema {
    /// The schema of `E`.
    pub const fn of<E: Event>() -> Self {
        Self {
            name: E::NAME,
            aliases: E::ALIASES,
            version: E::VERSION,
            origin: E::ORIGIN,
            previous: <E::Previous as Event>::ORIGIN,
            fate: E::FATE,
        }
    }

    /// The name it is stored under.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The names it was stored under before.
    pub const fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }

    /// The newest version of its shape.
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// Where it is defined.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether it still happens, and if not, what is read in its place.
    pub const fn fate(&self) -> Fate {
        self.fate
    }

    /// Whether this is the next version of `other`.
    #[cfg(feature = "registry")]
    pub(crate) const fn follows(&self, other: &Self) -> bool {
        self.previous.is(&other.origin)
    }

    /// Whether both are of one type.
    pub(crate) const fn is(&self, other: &Self) -> bool {
        self.origin.is(&other.origin)
    }

    /// Whether events of this type are, or were once, stored as `name`.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// The name, then the aliases.
    #[cfg(feature = "registry")]
    pub(crate) fn every_name(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    const fn names(&self) -> usize {
        1 + self.aliases.len()
    }

    /// The name, then the aliases.
    const fn nth_name(&self, n: usize) -> &'static str {
        if n == 0 { self.name } else { self.aliases[n - 1] }
    }
}

/// Whether `E` is, or was once, stored as `name`.
pub(crate) const fn is_known_as<E: Event>(name: &str) -> bool {
    let mut i = 0;
    while i < E::ALIASES.len() {
        if is_same(E::ALIASES[i], name) {
            return true;
        }
        i += 1;
    }
    is_same(E::NAME, name)
}

/// Fails to compile when the event at `position` of all that `A` knows shares a name with one before it.
#[doc(hidden)]
#[track_caller]
pub const fn expect_unique<A: Aggregate>(position: usize) {
    let mut i = 0;
    while i < position {
        expect_distinct(known::<A>(position), known::<A>(i));
        i += 1;
    }
}

/// Fails to compile when `A` and `B` store different events under one name.
#[doc(hidden)]
#[track_caller]
pub const fn expect_disjoint<A: Aggregate, B: Aggregate>(a: &str, b: &str) {
    if is_same(A::NAME, B::NAME) {
        fail(&["`", a, "` and `", b, "` are both stored as `", A::NAME, "`; their streams would be mixed up"])
    }
    let mut i = 0;
    while i < count::<A>() {
        let mut j = 0;
        while j < count::<B>() {
            let (event, other) = (known::<A>(i), known::<B>(j));
            if !event.is(other) {
                expect_distinct(event, other);
            }
            j += 1;
        }
        i += 1;
    }
}

#[track_caller]
const fn expect_distinct(event: &EventSchema, other: &EventSchema) {
    if is_same(event.name, "") || is_same(other.name, "") {
        return; // What is wrong with the name was said by the macro.
    }
    if is_same(event.name, other.name) && event.version != other.version {
        fail(&[
            "`",
            event.origin.type_name,
            "` and `",
            other.origin.type_name,
            "` are two versions of `",
            event.name,
            "`; list the newest only, the older ones are read through `from`",
        ])
    }
    let mut a = 0;
    while a < event.names() {
        let name = event.nth_name(a);
        let mut b = 0;
        while b < other.names() {
            if is_same(name, other.nth_name(b)) {
                fail(&[
                    "`",
                    event.origin.type_name,
                    "` and `",
                    other.origin.type_name,
                    "` are both stored as `",
                    name,
                    "` (",
                    event.origin.file,
                    ":",
                    crate::text::Digits::of(event.origin.line).as_str(),
                    " and ",
                    other.origin.file,
                    ":",
                    crate::text::Digits::of(other.origin.line).as_str(),
                    ")",
                ])
            }
            b += 1;
        }
        a += 1;
    }
}

/// Fails to compile when two of the aggregates are stored under one name, or store different
/// events under one name. Write it once, in the binary: it sees the aggregates of every crate.
///
/// An event that two aggregates share is fine.
///
/// ```
/// # use es_runtime::prelude::*;
/// # #[event("order.placed")] pub struct OrderPlaced {}
/// # #[event("invoice.sent")] pub struct InvoiceSent {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = u64, events(OrderPlaced))]
/// # pub struct Order {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("invoice", id = u64, events(InvoiceSent))]
/// # pub struct Invoice {}
/// # impl Apply<OrderPlaced> for Order { fn apply(&mut self, _: &OrderPlaced) {} }
/// # impl Apply<InvoiceSent> for Invoice { fn apply(&mut self, _: &InvoiceSent) {} }
/// es_runtime::catalog!(Order, Invoice);
/// ```
#[macro_export]
macro_rules! catalog {
    () => {};
    ($first:ty $(, $rest:ty)* $(,)?) => {
        const _: () = {
            $($crate::__private::expect_disjoint::<$rest, $first>(
                ::core::stringify!($rest),
                ::core::stringify!($first),
            );)*
        };
        $crate::catalog!($($rest),*);
    };
}
