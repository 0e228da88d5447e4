//! The list of the rules, and the tests that are made of it.

/// Makes a module of tests, one for each [rule](crate::testing::conformance::rules) of the
/// [conformance suite](mod@crate::testing::conformance), of the store that the closure opens.
///
/// ```
/// # use es_runtime::SystemEntropy;
/// # use es_runtime::memory::Memory;
/// es_runtime::testing::conformance!(memory, without(Durability, Transactions, TwoHandles), |setup| async move {
///     Memory::with(setup.clock, SystemEntropy::default())
/// });
/// # fn main() {}
/// ```
///
/// `without(..)` names each [`Ability`](crate::testing::conformance::Ability) that the store does not have. It is left
/// out for a store that has them all.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance {
    ($name:ident, without($($ability:ident),* $(,)?), $open:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may need them")]
            use super::*;
            $crate::__conformance_rules! { __conformance_tests, [$open; $($ability)*] }
        }
    };
    ($name:ident, $open:expr $(,)?) => {
        $crate::__conformance! { $name, without(), $open }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ([$open:expr; $($ability:ident)*] $($about:ident: $rule:ident,)*) => {
        fn suite() -> $crate::testing::conformance::Suite<impl $crate::Adapter> {
            $crate::testing::conformance::Suite::new(
                $open,
                &[$($crate::testing::conformance::Ability::$ability),*],
            )
        }

        $(
            #[test]
            fn $rule() {
                use $crate::testing::conformance::{Rule, rules};
                suite().run(Rule::new(stringify!($rule), rules::$about::$rule));
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_list {
    ([$store:ty] $($about:ident: $rule:ident,)*) => {
        vec![$($crate::testing::conformance::Rule::new(
            stringify!($rule),
            $crate::testing::conformance::rules::$about::$rule::<$store>,
        )),*]
    };
}

/// Calls the macro `$then` with what it is given and every rule.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_rules {
    ($then:ident, $given:tt) => {
        $crate::$then! { $given
            atomic: t1_the_events_of_a_commit_follow_each_other,
            atomic: t1_a_commit_is_never_seen_in_part,
            atomic: t1_several_streams_are_written_all_or_none,
            atomic: t1_several_streams_are_never_seen_in_part,
            atomic: t1_several_streams_are_all_checked_before_one_is_written,
            atomic: t1_several_commits_to_one_stream_are_refused,
            atomic: t1_what_was_written_comes_back_unchanged,
            atomic: t1_recorded_at_never_goes_back_within_a_stream,
            version: t2_every_expectation_holds_when_it_should,
            version: t2_a_conflict_stores_nothing,
            version: t2_of_two_creators_one_wins,
            version: t2_of_many_writers_none_is_lost,
            version: t2_a_guard_that_holds_lets_through_and_changes_nothing,
            version: t2_a_guard_that_does_not_hold_is_a_conflict,
            version: t2_of_two_that_guard_each_other_one_wins_at_most,
            clients: t2_a_concurrent_history_has_an_order,
            clients: i1_what_was_acknowledged_is_there_once,
            clients: i2_what_was_refused_is_not_there,
            clients: i3_an_unknown_outcome_is_found_out_by_asking_again,
            clients: i4_no_commit_is_seen_in_part,
            clients: i7_what_was_acknowledged_is_seen_by_who_asks_later,
            clients: i8_a_repetition_has_no_effect_of_its_own,
            readers: i5_what_a_reader_has_passed_stays,
            readers: i6_streams_keep_their_order_in_the_log,
            readers: i9_from_any_cursor_the_rest_of_the_log_follows,
            readers: i10_a_consumer_that_is_stopped_anywhere_counts_each_event_once,
            restored: i11_a_checkpoint_of_another_log_is_refused,
            handles: t2_of_many_writers_through_two_handles_none_is_lost,
            handles: t3_two_handles_are_one_store,
            handles: t4_a_commit_is_known_through_another_handle,
            handles: t6_a_reader_through_another_handle_misses_nothing,
            handles: t7_a_read_through_another_handle_is_fresh,
            durable: t3_what_was_acknowledged_is_there_when_opened_again,
            durable: t3_a_store_knows_itself_again,
            retry: t4_the_same_commit_again_answers_as_the_first_time,
            retry: t4_the_same_commit_again_is_known_after_others,
            retry: t4_the_same_commit_again_is_known_whatever_it_expects,
            retry: t4_the_same_commit_with_other_metadata_is_the_same,
            retry: t4_the_same_id_with_other_events_is_refused,
            retry: t4_the_same_id_in_another_stream_is_refused,
            retry: t4_the_same_commit_at_once_is_stored_once,
            retry: t4_the_same_append_to_several_streams_answers_as_the_first_time,
            retry: t4_a_refused_commit_leaves_its_id_free,
            retry: t4_a_commit_is_found_by_its_id,
            retry: t5_the_commits_of_a_batch_fare_on_their_own,
            retry: t5_a_dropped_append_leaves_all_or_nothing,
            log: t6_a_cursor_reads_on_where_it_stood,
            log: t6_a_cursor_at_the_end_sees_what_comes_later,
            log: t6_a_filter_loses_nothing,
            log: t6_a_filter_takes_names_as_they_are,
            log: t6_a_change_is_told,
            head: t6_the_head_is_where_the_log_ends,
            head: t6_the_head_parts_before_from_after_among_writers,
            read: t7_a_read_sees_what_was_acknowledged_to_anybody,
            read: t7_a_read_that_may_lag_has_no_gaps,
            read: t8_pages_of_a_stream_end_with_commits,
            read: t8_pages_of_the_log_end_with_commits,
            read: t8_a_stream_can_be_read_from_anywhere,
            read: t8_a_replay_shows_what_the_pages_hold,
            read: t9_versions_are_dense,
            bounds: t10_names_are_taken_as_they_are,
            bounds: t10_large_and_empty_payloads_are_kept,
            bounds: t10_too_large_is_refused,
            model: every_sequence_of_calls_answers_as_the_model_does,
            snapshots: a_snapshot_comes_back_unchanged,
            snapshots: a_snapshot_takes_the_place_of_an_older_one,
            snapshots: a_snapshot_is_its_streams_own,
            snapshots: a_snapshot_can_be_deleted,
            registers: a_register_is_read_as_it_was_written_last,
            registers: of_many_writers_of_a_register_one_wins,
            registers: several_registers_are_written_all_or_none,
            registers: registers_are_listed_by_the_bytes_of_their_keys,
            registers: registers_are_there_when_opened_again,
            transactions: a_transaction_is_committed_whole_or_not_at_all,
            transactions: a_transaction_that_is_left_leaves_all_or_nothing,
            transactions: a_transaction_moves_registers_with_its_tables,
            transactions: a_transaction_that_reads_sees_one_state,
            transactions: parameters_of_a_transaction_stand_where_their_numbers_say,
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::memory::Memory;
    use crate::testing::conformance::Rule;
    use std::collections::BTreeMap;

    const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/testing/conformance/rules");

    /// The rules that are written, and what they say that they hold.
    fn written() -> BTreeMap<String, String> {
        let mut rules = BTreeMap::new();
        for file in std::fs::read_dir(RULES).expect("the rules") {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("readable");
            let mut holds = None;
            for line in text.lines() {
                if let Some(what) = line.strip_prefix("/// Holds ") {
                    holds = Some(
                        what.trim_start_matches("what ").trim_end_matches(" promises.").trim_end_matches('.'),
                    );
                } else if let Some(rest) = line.strip_prefix("pub async fn ") {
                    let name = rest.split('<').next().unwrap_or_default().to_owned();
                    let holds = holds.take().unwrap_or_else(|| panic!("`{name}` does not say what it holds"));
                    rules.insert(name, holds.to_owned());
                }
            }
        }
        rules
    }

    #[test]
    fn no_rule_is_forgotten() {
        let mut applied: Vec<_> = Rule::<Memory>::all().iter().map(|rule| rule.name).collect();
        applied.sort_unstable();
        assert_eq!(applied, written().keys().collect::<Vec<_>>());
    }

    #[test]
    fn the_table_says_what_the_rules_say() {
        let text = std::fs::read_to_string(format!("{RULES}/mod.rs")).expect("readable");
        let rows = text.lines().filter_map(|line| line.strip_prefix("//! | [`")?.split_once("`]"));
        let holds = |rest: &str| rest.split('|').nth(1).unwrap_or_default().trim().to_owned();
        let table: BTreeMap<_, _> = rows.map(|(name, rest)| (name.to_owned(), holds(rest))).collect();
        assert_eq!(table, written());
    }

    #[test]
    fn every_promise_and_every_invariant_has_a_rule() {
        let all = written().into_values().collect::<Vec<_>>().join(", ");
        let held: Vec<_> = all.split(", ").collect();
        let promises = (1..=10).map(|n| format!("T{n}")).chain((1..=11).map(|n| format!("I{n}")));
        for promise in promises {
            assert!(held.contains(&&*promise), "{promise} has no rule");
        }
    }
}
