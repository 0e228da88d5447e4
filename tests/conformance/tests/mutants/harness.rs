//! How a mutant is put before the rules.

use es_runtime::Adapter;
use es_runtime::testing::conformance::{Rule, Suite};

/// Makes a test of each mutant: every rule that is named has to reject it, and not only because it hangs. Others
/// may do so too.
macro_rules! rejected {
    ($suite:expr; $($test:ident: $bug:expr => [$($rule:ident),+ $(,)?];)+) => {
        /// Every rule that is named.
        pub(crate) const REJECTING: &[&str] = &[$($(stringify!($rule)),+),+];

        $(
            #[test]
            fn $test() {
                for rule in [$(stringify!($rule)),+] {
                    $crate::harness::reject(&$suite($bug), stringify!($bug), rule);
                }
            }
        )+

        /// Not a check but a table: which of all the rules reject which mutant.
        #[test]
        #[ignore = "takes minutes, and asserts nothing that the other tests do not: it prints all that reject each"]
        fn table() {
            $($crate::harness::show(&$suite($bug), stringify!($bug));)+
        }
    };
}

/// Asserts that the rule of this name rejects the stores of a suite.
#[track_caller]
pub(crate) fn reject<A: Adapter>(suite: &Suite<A>, bug: &str, name: &str) {
    let rule = Rule::<A>::all().into_iter().find(|rule| rule.name == name);
    let rule = rule.unwrap_or_else(|| panic!("there is no rule `{name}`"));
    match suite.check(rule) {
        Ok(()) => panic!("`{name}` does not notice `{bug}`"),
        Err(broken) => {
            let why = broken.to_string();
            assert!(!why.contains("come to no end"), "`{name}` hangs before `{bug}` instead of rejecting it");
            eprintln!("{bug} is rejected by {name}: {}", shortened(&why));
        }
    }
}

/// Prints every rule that rejects the stores of a suite.
pub(crate) fn show<A: Adapter>(suite: &Suite<A>, bug: &str) {
    eprintln!("{bug}");
    for rule in Rule::<A>::all() {
        let name = rule.name;
        if let Err(broken) = suite.check(rule) {
            eprintln!("    {name}: {}", shortened(&broken.to_string()));
        }
    }
}

fn shortened(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(200).collect()
}
