//! Which rules reject which bug.

use super::{Bug, Mutant};
use es_runtime::testing::conformance::{Ability, Suite};

// The rejections are for the bugs, and not for the wrapper.
es_runtime::testing::conformance!(right, without(Durability, Transactions, TwoHandles), |setup| async move {
    crate::wrapper::Mutant::new(setup, crate::wrapper::Bug::None)
});

fn suite(bug: Bug) -> Suite<Mutant> {
    let pretends = bug == Bug::PretendsToBeDurable;
    let without =
        &[Ability::TwoHandles, Ability::Transactions, Ability::Durability][..if pretends { 2 } else { 3 }];
    Suite::new(move |setup| async move { Mutant::new(setup, bug) }, without)
}

rejected! { suite;
    checks_the_version_before_the_id: Bug::ChecksTheVersionBeforeTheId => [
        t4_the_same_commit_again_is_known_whatever_it_expects,
        every_sequence_of_calls_answers_as_the_model_does,
    ];
    overlooks_conflicts: Bug::OverlooksConflicts => [
        t2_every_expectation_holds_when_it_should,
        t2_of_two_creators_one_wins,
        i2_what_was_refused_is_not_there,
    ];
    stores_in_spite_of_a_conflict: Bug::StoresInSpiteOfAConflict => [
        t2_a_conflict_stores_nothing,
        t2_of_many_writers_none_is_lost,
        t2_a_concurrent_history_has_an_order,
        i2_what_was_refused_is_not_there,
    ];
    reports_the_expected_version: Bug::ReportsTheExpectedVersion => [t2_every_expectation_holds_when_it_should];
    checks_then_writes: Bug::ChecksThenWrites => [
        t2_of_many_writers_none_is_lost,
        t2_a_concurrent_history_has_an_order,
        i2_what_was_refused_is_not_there,
    ];
    reads_then_creates: Bug::ReadsThenCreates => [t2_of_two_creators_one_wins];
    writes_event_by_event: Bug::WritesEventByEvent => [
        t1_the_events_of_a_commit_follow_each_other,
        t1_a_commit_is_never_seen_in_part,
        t5_a_dropped_append_leaves_all_or_nothing,
        i4_no_commit_is_seen_in_part,
    ];
    writes_stream_by_stream: Bug::WritesStreamByStream => [
        t1_several_streams_are_written_all_or_none,
        t1_several_streams_are_never_seen_in_part,
        t1_several_streams_are_all_checked_before_one_is_written,
    ];
    takes_one_stream_twice: Bug::TakesOneStreamTwice => [t1_several_commits_to_one_stream_are_refused];
    ignores_guards: Bug::IgnoresGuards => [t2_a_guard_that_does_not_hold_is_a_conflict];
    checks_guards_then_writes: Bug::ChecksGuardsThenWrites => [t2_of_two_that_guard_each_other_one_wins_at_most];
    remembers_the_last_id_only: Bug::RemembersTheLastIdOnly => [
        t4_the_same_commit_again_is_known_after_others,
        i1_what_was_acknowledged_is_there_once,
        i8_a_repetition_has_no_effect_of_its_own,
    ];
    trusts_ids: Bug::TrustsIds => [
        t4_the_same_id_with_other_events_is_refused,
        t4_the_same_id_in_another_stream_is_refused,
    ];
    compares_metadata: Bug::ComparesMetadata => [t4_the_same_commit_with_other_metadata_is_the_same];
    uses_up_ids_that_were_refused: Bug::UsesUpIdsThatWereRefused => [t4_a_refused_commit_leaves_its_id_free];
    stores_twice_at_once: Bug::StoresTwiceAtOnce => [t4_the_same_commit_at_once_is_stored_once];
    finds_nothing: Bug::FindsNothing => [
        t4_a_commit_is_found_by_its_id,
        i1_what_was_acknowledged_is_there_once,
        i3_an_unknown_outcome_is_found_out_by_asking_again,
    ];
    fails_batches_as_one: Bug::FailsBatchesAsOne => [t5_the_commits_of_a_batch_fare_on_their_own];
    loses_metadata: Bug::LosesMetadata => [t1_what_was_written_comes_back_unchanged];
    folds_case: Bug::FoldsCase => [t10_names_are_taken_as_they_are];
    goes_back_in_time: Bug::GoesBackInTime => [t1_recorded_at_never_goes_back_within_a_stream];
    skips_an_event: Bug::SkipsAnEvent => [
        t9_versions_are_dense,
        every_sequence_of_calls_answers_as_the_model_does,
        i4_no_commit_is_seen_in_part,
    ];
    splits_pages: Bug::SplitsPages => [
        t8_pages_of_a_stream_end_with_commits,
        t8_pages_of_the_log_end_with_commits,
    ];
    reads_nothing_from_beyond: Bug::ReadsNothingFromBeyond => [t8_a_stream_can_be_read_from_anywhere];
    says_there_is_more: Bug::SaysThereIsMore => [t8_pages_of_a_stream_end_with_commits];
    reads_a_little_late: Bug::ReadsALittleLate => [
        t7_a_read_sees_what_was_acknowledged_to_anybody,
        t2_a_concurrent_history_has_an_order,
        i7_what_was_acknowledged_is_seen_by_who_asks_later,
    ];
    shows_commits_late: Bug::ShowsCommitsLate => [
        i5_what_a_reader_has_passed_stays,
    ];
    repeats_the_last_commit: Bug::RepeatsTheLastCommit => [
        t6_a_cursor_reads_on_where_it_stood,
        i5_what_a_reader_has_passed_stays,
        i10_a_consumer_that_is_stopped_anywhere_counts_each_event_once,
    ];
    filters_after_counting: Bug::FiltersAfterCounting => [t6_a_filter_loses_nothing];
    filters_by_prefix: Bug::FiltersByPrefix => [t6_a_filter_takes_names_as_they_are];
    keeps_changes_to_itself: Bug::KeepsChangesToItself => [t6_a_change_is_told];
    pretends_to_be_durable: Bug::PretendsToBeDurable => [
        t3_what_was_acknowledged_is_there_when_opened_again,
        registers_are_there_when_opened_again,
    ];
    is_every_store: Bug::IsEveryStore => [
        t3_a_store_knows_itself_again,
        i11_a_checkpoint_of_another_log_is_refused,
    ];
    takes_more_than_it_says: Bug::TakesMoreThanItSays => [t10_too_large_is_refused];
    keeps_any_snapshot: Bug::KeepsAnySnapshot => [a_snapshot_takes_the_place_of_an_older_one];
    keeps_the_highest_snapshot: Bug::KeepsTheHighestSnapshot => [a_snapshot_takes_the_place_of_an_older_one];
    keeps_deleted_snapshots: Bug::KeepsDeletedSnapshots => [a_snapshot_can_be_deleted];
    returns_snapshots_one_version_too_low: Bug::ReturnsSnapshotsOneVersionTooLow => [a_snapshot_comes_back_unchanged];
    shares_snapshots_between_categories: Bug::SharesSnapshotsBetweenCategories => [a_snapshot_is_its_streams_own];
    finds_the_wrong_place: Bug::FindsTheWrongPlace => [
        t4_a_commit_is_found_by_its_id,
        i1_what_was_acknowledged_is_there_once,
    ];
    finds_anything: Bug::FindsAnything => [
        t4_a_commit_is_found_by_its_id,
        i11_a_checkpoint_of_another_log_is_refused,
    ];
    reads_from_one_before: Bug::ReadsFromOneBefore => [t8_a_stream_can_be_read_from_anywhere];
    leaves_gaps_where_it_may_lag: Bug::LeavesGapsWhereItMayLag => [t7_a_read_that_may_lag_has_no_gaps];
    replays_the_first_page_only: Bug::ReplaysTheFirstPageOnly => [t8_a_replay_shows_what_the_pages_hold];
    replays_more_than_is_wanted: Bug::ReplaysMoreThanIsWanted => [t8_a_replay_shows_what_the_pages_hold];
    covers_the_end: Bug::CoversTheEnd => [
        t8_pages_of_the_log_end_with_commits,
        i5_what_a_reader_has_passed_stays,
    ];
    covers_the_future: Bug::CoversTheFuture => [
        t6_a_cursor_at_the_end_sees_what_comes_later,
        i5_what_a_reader_has_passed_stays,
        i10_a_consumer_that_is_stopped_anywhere_counts_each_event_once,
    ];
    loses_empty_payloads: Bug::LosesEmptyPayloads => [t10_large_and_empty_payloads_are_kept];
    says_stored_each_time: Bug::SaysStoredEachTime => [
        t4_the_same_commit_again_answers_as_the_first_time,
        i8_a_repetition_has_no_effect_of_its_own,
    ];
    forgets_ids_of_several_streams: Bug::ForgetsIdsOfSeveralStreams => [
        t4_the_same_append_to_several_streams_answers_as_the_first_time,
    ];
    writes_to_guarded_streams: Bug::WritesToGuardedStreams => [t2_a_guard_that_holds_lets_through_and_changes_nothing];
    says_the_start_is_the_head: Bug::SaysTheStartIsTheHead => [
        t6_the_head_is_where_the_log_ends,
        t6_the_head_parts_before_from_after_among_writers,
    ];
    says_the_head_is_further: Bug::SaysTheHeadIsFurther => [
        t6_the_head_is_where_the_log_ends,
        t6_the_head_parts_before_from_after_among_writers,
    ];
    says_where_the_head_was: Bug::SaysWhereTheHeadWas => [
        t6_the_head_is_where_the_log_ends,
        t6_the_head_parts_before_from_after_among_writers,
    ];
    reads_registers_late: Bug::ReadsRegistersLate => [a_register_is_read_as_it_was_written_last];
    checks_registers_then_writes: Bug::ChecksRegistersThenWrites => [of_many_writers_of_a_register_one_wins];
    writes_registers_one_by_one: Bug::WritesRegistersOneByOne => [several_registers_are_written_all_or_none];
    lists_registers_by_pattern: Bug::ListsRegistersByPattern => [registers_are_listed_by_the_bytes_of_their_keys];
    folds_the_case_of_registers: Bug::FoldsTheCaseOfRegisters => [registers_are_listed_by_the_bytes_of_their_keys];
}
