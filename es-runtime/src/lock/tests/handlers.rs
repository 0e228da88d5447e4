//! Aggregates: which events they take, and what their handlers make of them.

use super::kit::{Program, event};
use super::program::breaking;
use crate::aggregate::{Aggregate, EventOf, Fold};
use crate::lock::Mode;
use crate::snapshot::SnapshotPlan;
use serde::{Deserialize, Serialize};

event! { "jar.filled" 1 = Genesis; pub(super) struct Filled { with: u32 } }
event! { "jar.closed" 1 = Genesis; pub(super) struct Closed {} }

/// An aggregate named `jar`, whose state is a number.
macro_rules! jar {
    ($module:ident, revision = $revision:literal, inner = $inner:ty, [$($event:ident: $apply:expr),*]) => {
        mod $module {
            use super::*;

            #[derive(Default, Serialize, Deserialize)]
            pub(super) struct Inner {
                pub(super) content: $inner,
            }

            #[derive(Default, Serialize, Deserialize)]
            pub(super) struct Jar {
                pub(super) inner: Inner,
            }

            impl Aggregate for Jar {
                const NAME: &'static str = "jar";
                const EVENTS: &'static [Fold<Self>] = &[$(Fold::of::<$event>()),*];
                const REVISION: u32 = $revision;
                const SNAPSHOT: Option<SnapshotPlan<Self>> = Some(SnapshotPlan::new(100, "inner:Inner"));
                type Id = u64;
            }

            $(
                impl EventOf<Jar> for $event {
                    const APPLY: fn(&mut Jar, &Self) = $apply;
                }
            )*
        }
    };
}

jar!(first, revision = 1, inner = u32, [
    Filled: |jar, event| jar.inner.content += event.with,
    Closed: |_, _| {}
]);
jar!(handled_otherwise, revision = 1, inner = u32, [
    Filled: |jar, event| jar.inner.content += 2 * event.with,
    Closed: |_, _| {}
]);
jar!(revised, revision = 2, inner = u32, [
    Filled: |jar, event| jar.inner.content += 2 * event.with,
    Closed: |_, _| {}
]);
jar!(of_another_shape, revision = 1, inner = String, [
    Filled: |jar, event| jar.inner.content += &event.with.to_string(),
    Closed: |_, _| {}
]);
jar!(forgetful, revision = 1, inner = u32, [Filled: |jar, event| jar.inner.content += event.with]);
jar!(careless, revision = 1, inner = u32, [
    Filled: |_, event| panic!("{}", event.with),
    Closed: |_, _| {}
]);

fn program() -> Program {
    Program::new().event::<Filled>().event::<Closed>()
}

fn next(program: &Program) -> Program {
    program.anew().event::<Filled>().event::<Closed>()
}

#[test]
fn a_handler_that_does_something_else_is_noticed_unless_the_revision_says_so() {
    let program = program().aggregate::<first::Jar>();
    program.check(&Mode::Accept).expect("the first lock");
    assert!(program.text().contains(r#"aggregate jar after jar.filled {"inner":{"content":1}}"#));
    let said = breaking(next(&program).aggregate::<handled_otherwise::Jar>().check(&Mode::Accept));
    assert!(said.contains(r#"aggregate `jar` is `{"inner":{"content":2}}` after `jar.filled`"#), "{said}");
    assert!(said.contains("say `revision = 2` (src/test.rs:7)"), "{said}");
    let program = next(&program).aggregate::<revised::Jar>();
    program.check(&Mode::Accept).expect("it was said");
    assert!(program.text().contains("aggregate jar revision 2\n"));
    program.check(&Mode::Check).expect("it is recorded");
}

#[test]
fn a_state_of_another_shape_throws_snapshots_away_whatever_the_handlers_do() {
    let program = program().aggregate::<first::Jar>();
    program.check(&Mode::Accept).expect("the first lock");
    next(&program)
        .aggregate::<of_another_shape::Jar>()
        .check(&Mode::Accept)
        .expect("nobody reads the old ones");
}

#[test]
fn an_event_that_may_have_to_be_replayed_stays_listed() {
    let program = program().aggregate::<first::Jar>();
    program.check(&Mode::Accept).expect("the first lock");
    let said = breaking(next(&program).aggregate::<forgetful::Jar>().check(&Mode::Accept));
    assert!(said.contains("aggregate `jar` does not list `jar.closed` any more"), "{said}");
    let said = breaking(next(&program).check(&Mode::Accept));
    assert!(said.contains("aggregate `jar` is gone"), "{said}");
}

#[test]
fn a_handler_that_panics_at_a_payload_that_was_made_up_is_left_out() {
    let program = program().aggregate::<careless::Jar>();
    program.check(&Mode::Accept).expect("the lock");
    assert!(!program.text().contains("after jar.filled"), "{}", program.text());
    program.check(&Mode::Check).expect("it is recorded");
}
