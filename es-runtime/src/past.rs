//! An aggregate as it was.

use crate::aggregate::Aggregate;
use crate::name::StreamName;
use crate::position::Version;
use crate::root::Root;
use std::fmt;
use std::ops::Deref;

/// An aggregate as it was: to look at, with no way to decide or to save.
///
/// From [`load_at`](crate::Repository::load_at) and [`load_as_of`](crate::Repository::load_as_of).
pub struct Past<A: Aggregate>(Root<A>);

impl<A: Aggregate> Past<A> {
    pub(crate) const fn new(root: Root<A>) -> Self {
        Self(root)
    }

    /// What tells it from others.
    pub const fn id(&self) -> &A::Id {
        self.0.id()
    }

    /// Where its events are kept.
    pub const fn stream(&self) -> &StreamName {
        self.0.stream()
    }

    /// How many events it had.
    pub const fn version(&self) -> Version {
        self.0.version()
    }

    /// The state then.
    pub const fn state(&self) -> &A {
        self.0.state()
    }

    /// The state then, by value.
    pub fn into_state(self) -> A {
        self.0.into_state()
    }
}

impl<A: Aggregate> Deref for Past<A> {
    type Target = A;

    fn deref(&self) -> &A {
        self.0.state()
    }
}

/// Without the state, which may hold what nobody should see in a log; `{:?}` of the state shows that.
impl<A: Aggregate> fmt::Debug for Past<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Past")
            .field("stream", self.stream())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
