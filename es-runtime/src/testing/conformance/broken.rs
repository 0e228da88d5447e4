//! How a rule says that a promise was not kept.

use std::fmt;

/// Whether a promise was kept.
pub type Kept = Result<(), Broken>;

/// A promise that was not kept, and how.
pub struct Broken(String);

impl Broken {
    /// For this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl<E: std::error::Error> From<E> for Broken {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Gives up a rule unless something is so.
macro_rules! ensure {
    ($holds:expr, $($reason:tt)+) => {
        if !$holds {
            return Err($crate::testing::conformance::Broken::new(format!($($reason)+)));
        }
    };
}

/// Gives up a rule unless two values are the same.
macro_rules! ensure_eq {
    ($actual:expr, $wanted:expr, $($reason:tt)+) => {
        match (&$actual, &$wanted) {
            (actual, wanted) => $crate::testing::conformance::broken::ensure!(
                actual == wanted,
                "{}: {actual:?}, but it should be {wanted:?}",
                format_args!($($reason)+)
            ),
        }
    };
}

/// Gives up a rule unless a value has a pattern's shape.
macro_rules! ensure_matches {
    ($actual:expr, $pattern:pat $(if $guard:expr)?, $($reason:tt)+) => {
        match &$actual {
            $pattern $(if $guard)? => {}
            actual => {
                let wanted = stringify!($pattern);
                $crate::testing::conformance::broken::ensure!(false, "{}: {actual:?}, but it should be {wanted}", format_args!($($reason)+))
            }
        }
    };
}

pub(crate) use {ensure, ensure_eq, ensure_matches};
