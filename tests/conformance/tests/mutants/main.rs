//! The tests of the tests: stores that break a promise each, and the rules that reject them.
//!
//! `wrapper` has what can go wrong around a good store, `database` what goes wrong within one that many write to
//! at the same time, `transactions` what goes wrong with the tables of others in one.

#[macro_use]
mod harness;
mod database;
mod transactions;
mod wrapper;

use es_runtime::memory::Memory;
use es_runtime::testing::conformance::Rule;
use std::collections::BTreeSet;

/// A rule that no store can break holds nothing.
#[test]
fn every_rule_rejects_a_mutant() {
    let rejecting: BTreeSet<_> =
        [wrapper::REJECTING, database::REJECTING, transactions::REJECTING].concat().into_iter().collect();
    let rules: BTreeSet<_> = Rule::<Memory>::all().iter().map(|rule| rule.name).collect();
    assert_eq!(rejecting, rules, "the rules that are named, and those that there are");
}
