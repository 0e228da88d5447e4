//! Which rules reject which flaw.

use super::{Flaw, Session};
use es_runtime::testing::conformance::{Ability, Rule, Suite};

// The rejections are for the flaws, and not for the database: without one it keeps every promise.
es_runtime::testing::conformance!(right, without(Registers, Transactions), |setup| async move {
    crate::database::Session::open(&setup, crate::database::Flaw::None)
});

/// A store may lose an answer, as long as it says so: everything that was told still fits together.
#[test]
fn lost_answers_are_no_lies() {
    for rule in Rule::<Session>::all() {
        if rule.name.starts_with('i') && !rule.name.starts_with("i11") {
            suite(Flaw::LosesAnswers).run(rule);
        }
    }
}

fn suite(flaw: Flaw) -> Suite<Session> {
    Suite::new(
        move |setup| async move { Session::open(&setup, flaw) },
        &[Ability::Registers, Ability::Transactions],
    )
}

rejected! { suite;
    reads_without_a_fence: Flaw::ReadsWithoutAFence => [
        i5_what_a_reader_has_passed_stays,
        i9_from_any_cursor_the_rest_of_the_log_follows,
        t6_a_reader_through_another_handle_misses_nothing,
    ];
    looks_before_the_fence: Flaw::LooksBeforeTheFence => [
        i5_what_a_reader_has_passed_stays,
        t6_a_reader_through_another_handle_misses_nothing,
    ];
    orders_by_beginning: Flaw::OrdersByBeginning => [
        i6_streams_keep_their_order_in_the_log,
        t2_of_many_writers_through_two_handles_none_is_lost,
    ];
    takes_positions_in_advance: Flaw::TakesPositionsInAdvance => [t6_a_reader_through_another_handle_misses_nothing];
    checks_then_inserts: Flaw::ChecksThenInserts => [
        t2_of_two_creators_one_wins,
        t2_of_many_writers_none_is_lost,
        t2_a_concurrent_history_has_an_order,
        i4_no_commit_is_seen_in_part,
    ];
    locks_no_guards: Flaw::LocksNoGuards => [t2_of_two_that_guard_each_other_one_wins_at_most];
    stamps_a_commit_with_one_version: Flaw::StampsACommitWithOneVersion => [
        t1_the_events_of_a_commit_follow_each_other,
        t9_versions_are_dense,
        i4_no_commit_is_seen_in_part,
    ];
    stamps_a_batch_with_one_version: Flaw::StampsABatchWithOneVersion => [
        t5_the_commits_of_a_batch_fare_on_their_own,
        i4_no_commit_is_seen_in_part,
    ];
    answers_before_it_commits: Flaw::AnswersBeforeItCommits => [
        t7_a_read_sees_what_was_acknowledged_to_anybody,
        i1_what_was_acknowledged_is_there_once,
        i7_what_was_acknowledged_is_seen_by_who_asks_later,
    ];
    flushes_late: Flaw::FlushesLate => [t3_what_was_acknowledged_is_there_when_opened_again];
    sees_its_own_only: Flaw::SeesItsOwnOnly => [
        t2_of_many_writers_through_two_handles_none_is_lost,
        t3_two_handles_are_one_store,
        t4_a_commit_is_known_through_another_handle,
        t6_a_reader_through_another_handle_misses_nothing,
        t7_a_read_through_another_handle_is_fresh,
    ];
    checks_the_version_first: Flaw::ChecksTheVersionFirst => [
        i3_an_unknown_outcome_is_found_out_by_asking_again,
        t4_the_same_commit_again_is_known_whatever_it_expects,
    ];
    retries_under_another_id: Flaw::RetriesUnderAnotherId => [
        i1_what_was_acknowledged_is_there_once,
        i8_a_repetition_has_no_effect_of_its_own,
    ];
    swallows_failures: Flaw::SwallowsFailures => [i1_what_was_acknowledged_is_there_once];
    takes_unknown_for_failed: Flaw::TakesUnknownForFailed => [i2_what_was_refused_is_not_there];
    takes_unknown_for_a_conflict: Flaw::TakesUnknownForAConflict => [i2_what_was_refused_is_not_there];
}
