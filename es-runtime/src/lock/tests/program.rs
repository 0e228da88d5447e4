//! A program and its lock, from one release to the next.

use super::kit::{Program, event};
use crate::lock::{LockError, Mode, Verdict};
use serde::{Deserialize, Serialize};

mod v1 {
    use super::*;

    event! { "order.paid" 1 = Genesis; pub(super) struct Paid { pub(super) amount: u64, method: String } }
    event! { "order.shipped" 1 = Genesis; pub(super) struct Shipped { #[serde(default)] parcels: u8 } }
}

/// `order.paid` without its method.
mod lost {
    use super::*;

    event! { "order.paid" 1 = Genesis; pub(super) struct Paid { amount: u64 } }
}

/// `order.paid` with one field more.
mod gained {
    use super::*;

    event! { "order.paid" 1 = Genesis; pub(super) struct Paid { amount: u64, method: String, currency: String } }
}

/// The same in a version of its own.
mod v2 {
    use super::*;

    event! { "order.paid" 2 = v1::Paid; pub(super) struct Paid { amount: u64, currency: String } }

    impl From<v1::Paid> for Paid {
        fn from(old: v1::Paid) -> Self {
            Self { amount: old.amount, currency: "EUR".into() }
        }
    }
}

/// The same, by another conversion.
mod v2_otherwise {
    use super::*;

    event! { "order.paid" 2 = v1::Paid; pub(super) struct Paid { amount: u64, currency: String } }

    impl From<v1::Paid> for Paid {
        fn from(old: v1::Paid) -> Self {
            Self { amount: old.amount, currency: "USD".into() }
        }
    }
}

/// `order.shipped` with another default.
mod defaults {
    use super::*;

    event! { "order.shipped" 1 = Genesis; pub(super) struct Shipped { #[serde(default = "one")] parcels: u8 } }

    fn one() -> u8 {
        1
    }
}

/// `order.paid` under another name.
mod renamed {
    use super::*;

    event! { "order.settled" ["order.paid"] 1 = Genesis; pub(super) struct Settled { amount: u64, method: String } }
    event! { "order.settled" 1 = Genesis; pub(super) struct Forgetful { amount: u64, method: String } }
}

fn first() -> Program {
    let program = Program::new().event::<v1::Paid>().event::<v1::Shipped>();
    program.check(&Mode::Accept).expect("the first lock");
    program
}

pub(super) fn breaking(checked: Result<impl Sized, LockError>) -> String {
    match checked {
        Err(LockError::Breaking(report)) => report.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nothing is broken"),
    }
}

#[test]
fn what_is_recorded_passes_and_stays_as_it_is() {
    let program = Program::new().event::<v1::Paid>();
    let error = program.check(&Mode::Check).map(drop).expect_err("nothing is recorded yet");
    assert!(matches!(&error, LockError::NotRecorded(_)), "{error}");
    assert!(error.to_string().contains("`order.paid` is new (full)"), "{error}");
    assert!(error.to_string().contains("ES_LOCK=accept cargo test"), "{error}");
    assert_eq!(program.text(), "", "a check writes nothing");
    program.check(&Mode::Accept).expect("recorded");
    let recorded = program.text();
    assert!(recorded.contains("event order.paid v1 $.amount u64\n"), "{recorded}");
    assert!(recorded.contains(r#"is {"amount":1,"method":"method"}"#), "{recorded}");
    assert!(program.check(&Mode::Check).expect("it is as recorded").findings.is_empty());
    program.check(&Mode::Accept).expect("nothing to record");
    assert_eq!(program.text(), recorded);
}

#[test]
fn a_lost_field_fails_with_the_lines_that_mend_it() {
    let program = first().anew().event::<lost::Paid>().event::<v1::Shipped>();
    let before = program.text();
    for mode in [Mode::Check, Mode::Accept] {
        let said = breaking(program.check(&mode));
        assert!(said.contains("`order.paid` version 1 lost the field `$.method` (breaking)"), "{said}");
        let lines = r#"
    #[event("order.paid")]
    pub struct PaidV1 {
        pub amount: u64,
        pub method: String,
    }

    #[event("order.paid", version = 2, from = PaidV1)]
    pub struct Paid { /* as it is now */ }

    impl From<PaidV1> for Paid {
        fn from(old: PaidV1) -> Self {
            Self {
                amount: old.amount,
            }
        }
    }
"#;
        assert!(
            said.replace("\n        ", "\n    ").contains(lines.trim()) || said.contains(lines.trim()),
            "{said}"
        );
        assert!(said.contains("ES_LOCK=force ES_LOCK_REASON"), "{said}");
    }
    assert_eq!(program.text(), before, "nothing is written");
}

#[test]
fn a_new_version_is_allowed_and_its_conversion_is_held_for_ever() {
    let program = first().anew().event::<v2::Paid>().event::<v1::Shipped>();
    assert!(matches!(program.check(&Mode::Check), Err(LockError::NotRecorded(_))));
    program.check(&Mode::Accept).expect("allowed");
    let recorded = program.text();
    assert!(recorded.contains(r#"as v2 {"amount":1,"currency":"EUR"}"#), "{recorded}");
    let program = program.anew().event::<v2_otherwise::Paid>().event::<v1::Shipped>();
    let said = breaking(program.check(&Mode::Check));
    assert!(said.contains(r#"as version 2 as `{"amount":1,"currency":"USD"}`"#), "{said}");
    // Nor can the version be taken back.
    let program = program.anew().event::<v1::Paid>().event::<v1::Shipped>();
    let said = breaking(program.check(&Mode::Check));
    assert!(said.contains("`order.paid` lost its version 2"), "{said}");
}

#[test]
fn another_default_is_another_meaning() {
    let program = first();
    // A payload from before there were parcels.
    let text = program.text();
    let line =
        "event order.shipped v1 golden old is {}\nevent order.shipped v1 golden old as v1 {\"parcels\":0}\n";
    program.write(&format!("{text}{line}"));
    program.check(&Mode::Check).expect("the default is as it was");
    let program = program.anew().event::<v1::Paid>().event::<defaults::Shipped>();
    let said = breaking(program.check(&Mode::Check));
    assert!(said.contains(r#"reads `{}` as `{"parcels":1}`, and read it as `{"parcels":0}`"#), "{said}");
}

#[test]
fn a_name_lives_on_as_an_alias() {
    let program = first().anew().event::<renamed::Settled>().event::<v1::Shipped>();
    let report = program.check(&Mode::Accept).expect("allowed");
    assert_eq!(report.findings[0].what, "was `order.paid`");
    assert_eq!(report.findings[0].verdict, Verdict::Backward);
    assert!(program.text().contains("event order.settled alias order.paid\n"));
    assert!(!program.text().contains("event order.paid"));
    let said =
        breaking(program.anew().event::<renamed::Forgetful>().event::<v1::Shipped>().check(&Mode::Check));
    assert!(said.contains("`order.settled` lost the alias `order.paid`"), "{said}");
    assert!(said.contains("add `alias = \"order.paid\"`"), "{said}");
}

#[test]
fn an_event_that_is_gone_is_retired_for_a_reason_and_its_name_with_it() {
    let program = first().anew().event::<v1::Shipped>();
    let said = breaking(program.check(&Mode::Accept));
    assert!(said.contains("`order.paid` is gone (breaking)"), "{said}");
    program.check(&Mode::Force("nobody pays any more".into())).expect("forced");
    let text = program.text();
    let retired =
        text.lines().find(|line| line.starts_with("retired order.paid 2")).expect("it is noted down");
    assert!(retired.ends_with("nobody pays any more"), "{retired}");
    assert!(text.contains("`order.paid` is gone; nobody pays any more\n"), "{text}");
    program.check(&Mode::Check).expect("it is recorded");
    let said = breaking(program.anew().event::<v1::Paid>().event::<v1::Shipped>().check(&Mode::Accept));
    assert!(said.contains("uses the name `order.paid`, which was retired"), "{said}");
}

#[test]
fn a_breaking_change_that_was_forced_is_the_new_truth() {
    let program = first().anew().event::<gained::Paid>().event::<v1::Shipped>();
    let said = breaking(program.check(&Mode::Accept));
    assert!(said.contains("gained the field `$.currency`, which no stored payload has (forward)"), "{said}");
    assert!(said.contains("currency: todo!(\"`currency` of the events that had none\")"), "{said}");
    program.check(&Mode::Force("it was never released".into())).expect("forced");
    assert!(
        program.text().contains("which no stored payload has; it was never released\n"),
        "{}",
        program.text()
    );
    assert!(program.check(&Mode::Check).expect("it is recorded").findings.is_empty());
}

#[test]
fn what_is_no_line_of_a_lock_is_told_by_its_number() {
    let program = first();
    let text = program.text();
    program.write(&format!("{text}<<<<<<< HEAD\n"));
    let error = program.check(&Mode::Accept).map(drop).expect_err("it is no lock");
    let number = text.lines().count() + 1;
    assert!(error.to_string().contains(&format!("line {number} cannot be read: `<<<<<<< HEAD`")), "{error}");
    assert!(program.text().ends_with("HEAD\n"), "it is left alone");
}
