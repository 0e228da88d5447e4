//! Events and aggregates inside a function.

use crate::facade;
use ::std::string::String;

/// The name an event of this function has in the log.
#[must_use]
pub fn local() -> (&'static str, String) {
    #[facade::event("local.happened", crate = facade)]
    struct Happened;

    #[facade::event("local.happened_again", version = 2, from = Happened, alias = "local.happened", crate = facade)]
    struct Again;

    impl ::std::convert::From<Happened> for Again {
        fn from(_: Happened) -> Self {
            Self
        }
    }

    #[derive(Default, facade::Aggregate)]
    #[aggregate("local", id = u64, events(Again), crate = facade)]
    struct Local;

    impl facade::Apply<Again> for Local {
        fn apply(&mut self, _: &Again) {}
    }

    #[derive(facade::Projection)]
    #[projection("local", follows(Local), ignore(Again), crate = facade)]
    struct Locals;

    let origin = <Locals as facade::Follower>::FOLLOWS[0].rows()[0].schema().origin();
    (<Local as facade::Aggregate>::EVENTS[0].schema().name(), ::std::string::ToString::to_string(origin))
}
