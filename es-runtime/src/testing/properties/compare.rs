//! What two values differ in, by whatever their type can do: no type has to do anything for it.

use crate::testing::diff::{Step, diff};
use std::fmt::Debug;
use std::marker::PhantomData;

/// Says in what two values differ, or nothing if they do not.
pub type Comparison<T> = fn(&T, &T) -> Option<String>;

/// A type, of which the compiler knows what it can do. The macro asks for the best by the number of references.
#[derive(Debug)]
pub struct Sight<T>(PhantomData<fn() -> T>);

impl<T> Sight<T> {
    /// Of a type that can be written.
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    /// Of the type of a value.
    pub const fn of(_: &T) -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Sight<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Equal or not, and shown.
pub trait Best<T> {
    fn comparison(&self) -> Comparison<T>;
}

impl<T: PartialEq + Debug> Best<T> for &&&Sight<T> {
    fn comparison(&self) -> Comparison<T> {
        |first, second| (first != second).then(|| shown(first, second))
    }
}

/// Equal or not.
pub trait Good<T> {
    fn comparison(&self) -> Comparison<T>;
}

impl<T: PartialEq> Good<T> for &&Sight<T> {
    fn comparison(&self) -> Comparison<T> {
        |first, second| {
            (first != second).then(|| "    they are not equal; derive `Debug` to see in what\n".to_owned())
        }
    }
}

/// Shown.
pub trait Fair<T> {
    fn comparison(&self) -> Comparison<T>;
}

impl<T: Debug> Fair<T> for &Sight<T> {
    fn comparison(&self) -> Comparison<T> {
        |first, second| (format!("{first:?}") != format!("{second:?}")).then(|| shown(first, second))
    }
}

/// An event that can neither be compared nor shown is not looked at.
pub trait Blind<T> {
    fn comparison(&self) -> Comparison<T>;
}

impl<T> Blind<T> for Sight<T> {
    fn comparison(&self) -> Comparison<T> {
        |_, _| None
    }
}

/// A state that can neither be compared nor shown does not compile.
pub trait Refused<T> {
    fn comparison(&self) -> Comparison<T>
    where
        T: Comparable;
}

impl<T> Refused<T> for Sight<T> {
    fn comparison(&self) -> Comparison<T>
    where
        T: Comparable,
    {
        |_, _| None
    }
}

/// Never implemented: it is only there to say so.
#[diagnostic::on_unimplemented(
    message = "two states of `{Self}` cannot be compared",
    label = "`{Self}` can neither be compared nor shown",
    note = "add `#[derive(PartialEq, Debug)]` to `{Self}`; for the tests alone, `#[cfg_attr(test, derive(PartialEq, Debug))]`"
)]
pub trait Comparable {}

fn shown<T: Debug>(first: &T, second: &T) -> String {
    let lines = |value: &T| format!("{value:#?}").lines().map(str::to_owned).collect::<Vec<_>>();
    let (first, second) = (lines(first), lines(second));
    if first == second {
        return "    they look the same, but are not equal; a NaN is not even equal to itself\n".into();
    }
    let line = |step| match step {
        Step::Same(line) => format!("    {line}\n"),
        Step::Gone(line) => format!("  - {line}\n"),
        Step::New(line) => format!("  + {line}\n"),
    };
    diff(&first, &second).into_iter().map(line).collect()
}
