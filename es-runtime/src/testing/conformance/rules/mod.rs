//! The rules, by what they are about.
//!
//! T1 to T10 are the promises of [`Adapter`](crate::Adapter), I1 to I11 the
//! [invariants](mod@crate::testing::conformance#invariants) of what many clients see of a store.
//!
//! | rule | holds |
//! | --- | --- |
//! | [`t1_the_events_of_a_commit_follow_each_other`](atomic::t1_the_events_of_a_commit_follow_each_other) | T1, T9 |
//! | [`t1_a_commit_is_never_seen_in_part`](atomic::t1_a_commit_is_never_seen_in_part) | T1, I4 |
//! | [`t1_several_streams_are_written_all_or_none`](atomic::t1_several_streams_are_written_all_or_none) | T1 |
//! | [`t1_several_streams_are_never_seen_in_part`](atomic::t1_several_streams_are_never_seen_in_part) | T1 |
//! | [`t1_several_streams_are_all_checked_before_one_is_written`](atomic::t1_several_streams_are_all_checked_before_one_is_written) | T1, T2 |
//! | [`t1_several_commits_to_one_stream_are_refused`](atomic::t1_several_commits_to_one_stream_are_refused) | T1, T10 |
//! | [`t1_what_was_written_comes_back_unchanged`](atomic::t1_what_was_written_comes_back_unchanged) | T1 |
//! | [`t1_recorded_at_never_goes_back_within_a_stream`](atomic::t1_recorded_at_never_goes_back_within_a_stream) | T1 |
//! | [`t2_every_expectation_holds_when_it_should`](version::t2_every_expectation_holds_when_it_should) | T2 |
//! | [`t2_a_conflict_stores_nothing`](version::t2_a_conflict_stores_nothing) | T2, I2 |
//! | [`t2_of_two_creators_one_wins`](version::t2_of_two_creators_one_wins) | T2 |
//! | [`t2_of_many_writers_none_is_lost`](version::t2_of_many_writers_none_is_lost) | T2, T9, I1, I2, I4 |
//! | [`t2_a_guard_that_holds_lets_through_and_changes_nothing`](version::t2_a_guard_that_holds_lets_through_and_changes_nothing) | T2 |
//! | [`t2_a_guard_that_does_not_hold_is_a_conflict`](version::t2_a_guard_that_does_not_hold_is_a_conflict) | T2, I2 |
//! | [`t2_of_two_that_guard_each_other_one_wins_at_most`](version::t2_of_two_that_guard_each_other_one_wins_at_most) | T2 |
//! | [`t2_a_concurrent_history_has_an_order`](clients::t2_a_concurrent_history_has_an_order) | T2, T7, I1, I2, I3, I4, I6, I7, I8 |
//! | [`i1_what_was_acknowledged_is_there_once`](clients::i1_what_was_acknowledged_is_there_once) | I1, T1, T2, T4 |
//! | [`i2_what_was_refused_is_not_there`](clients::i2_what_was_refused_is_not_there) | I2, T2, T5 |
//! | [`i3_an_unknown_outcome_is_found_out_by_asking_again`](clients::i3_an_unknown_outcome_is_found_out_by_asking_again) | I3, T4, T5 |
//! | [`i4_no_commit_is_seen_in_part`](clients::i4_no_commit_is_seen_in_part) | I4, T1, T9 |
//! | [`i7_what_was_acknowledged_is_seen_by_who_asks_later`](clients::i7_what_was_acknowledged_is_seen_by_who_asks_later) | I7, T2, T6, T7 |
//! | [`i8_a_repetition_has_no_effect_of_its_own`](clients::i8_a_repetition_has_no_effect_of_its_own) | I8, T4 |
//! | [`i5_what_a_reader_has_passed_stays`](readers::i5_what_a_reader_has_passed_stays) | I5, T6 |
//! | [`i6_streams_keep_their_order_in_the_log`](readers::i6_streams_keep_their_order_in_the_log) | I6, T6 |
//! | [`i9_from_any_cursor_the_rest_of_the_log_follows`](readers::i9_from_any_cursor_the_rest_of_the_log_follows) | I9, T6 |
//! | [`i10_a_consumer_that_is_stopped_anywhere_counts_each_event_once`](readers::i10_a_consumer_that_is_stopped_anywhere_counts_each_event_once) | I10, T3, T6 |
//! | [`i11_a_checkpoint_of_another_log_is_refused`](restored::i11_a_checkpoint_of_another_log_is_refused) | I11, T3, T4 |
//! | [`t2_of_many_writers_through_two_handles_none_is_lost`](handles::t2_of_many_writers_through_two_handles_none_is_lost) | T2, T7, I1, I2, I3, I4, I6, I7, I8 |
//! | [`t3_two_handles_are_one_store`](handles::t3_two_handles_are_one_store) | T3, I11 |
//! | [`t4_a_commit_is_known_through_another_handle`](handles::t4_a_commit_is_known_through_another_handle) | T4, I8 |
//! | [`t6_a_reader_through_another_handle_misses_nothing`](handles::t6_a_reader_through_another_handle_misses_nothing) | T6, I5, I6 |
//! | [`t7_a_read_through_another_handle_is_fresh`](handles::t7_a_read_through_another_handle_is_fresh) | T7, I7 |
//! | [`t3_what_was_acknowledged_is_there_when_opened_again`](durable::t3_what_was_acknowledged_is_there_when_opened_again) | T3, I1, I8 |
//! | [`t3_a_store_knows_itself_again`](durable::t3_a_store_knows_itself_again) | T3, I11 |
//! | [`t4_the_same_commit_again_answers_as_the_first_time`](retry::t4_the_same_commit_again_answers_as_the_first_time) | T4, I8 |
//! | [`t4_the_same_commit_again_is_known_after_others`](retry::t4_the_same_commit_again_is_known_after_others) | T4, I8 |
//! | [`t4_the_same_commit_again_is_known_whatever_it_expects`](retry::t4_the_same_commit_again_is_known_whatever_it_expects) | T4, I3, I8 |
//! | [`t4_the_same_commit_with_other_metadata_is_the_same`](retry::t4_the_same_commit_with_other_metadata_is_the_same) | T4, I8 |
//! | [`t4_the_same_id_with_other_events_is_refused`](retry::t4_the_same_id_with_other_events_is_refused) | T4, T5 |
//! | [`t4_the_same_id_in_another_stream_is_refused`](retry::t4_the_same_id_in_another_stream_is_refused) | T4, T5 |
//! | [`t4_the_same_commit_at_once_is_stored_once`](retry::t4_the_same_commit_at_once_is_stored_once) | T4, I8 |
//! | [`t4_the_same_append_to_several_streams_answers_as_the_first_time`](retry::t4_the_same_append_to_several_streams_answers_as_the_first_time) | T4, I8 |
//! | [`t4_a_refused_commit_leaves_its_id_free`](retry::t4_a_refused_commit_leaves_its_id_free) | T4, I2 |
//! | [`t4_a_commit_is_found_by_its_id`](retry::t4_a_commit_is_found_by_its_id) | T4, I1, I3 |
//! | [`t5_the_commits_of_a_batch_fare_on_their_own`](retry::t5_the_commits_of_a_batch_fare_on_their_own) | T5, I4 |
//! | [`t5_a_dropped_append_leaves_all_or_nothing`](retry::t5_a_dropped_append_leaves_all_or_nothing) | T1, T5, I3 |
//! | [`t6_a_cursor_reads_on_where_it_stood`](log::t6_a_cursor_reads_on_where_it_stood) | T6, I9 |
//! | [`t6_a_cursor_at_the_end_sees_what_comes_later`](log::t6_a_cursor_at_the_end_sees_what_comes_later) | T6, I5, I9 |
//! | [`t6_a_filter_loses_nothing`](log::t6_a_filter_loses_nothing) | T6, I9 |
//! | [`t6_a_filter_takes_names_as_they_are`](log::t6_a_filter_takes_names_as_they_are) | T6 |
//! | [`t6_a_change_is_told`](log::t6_a_change_is_told) | T6 |
//! | [`t6_the_head_is_where_the_log_ends`](head::t6_the_head_is_where_the_log_ends) | T6, I9 |
//! | [`t6_the_head_parts_before_from_after_among_writers`](head::t6_the_head_parts_before_from_after_among_writers) | T6, I5, I9 |
//! | [`t7_a_read_sees_what_was_acknowledged_to_anybody`](read::t7_a_read_sees_what_was_acknowledged_to_anybody) | T7, I7 |
//! | [`t7_a_read_that_may_lag_has_no_gaps`](read::t7_a_read_that_may_lag_has_no_gaps) | T1, T7, T9 |
//! | [`t8_pages_of_a_stream_end_with_commits`](read::t8_pages_of_a_stream_end_with_commits) | T1, T8 |
//! | [`t8_pages_of_the_log_end_with_commits`](read::t8_pages_of_the_log_end_with_commits) | T1, T8 |
//! | [`t8_a_stream_can_be_read_from_anywhere`](read::t8_a_stream_can_be_read_from_anywhere) | T8 |
//! | [`t8_a_replay_shows_what_the_pages_hold`](read::t8_a_replay_shows_what_the_pages_hold) | T7, T8, T9 |
//! | [`t9_versions_are_dense`](read::t9_versions_are_dense) | T9, I4, I6 |
//! | [`t10_names_are_taken_as_they_are`](bounds::t10_names_are_taken_as_they_are) | T10 |
//! | [`t10_large_and_empty_payloads_are_kept`](bounds::t10_large_and_empty_payloads_are_kept) | T10, T1 |
//! | [`t10_too_large_is_refused`](bounds::t10_too_large_is_refused) | T10, T5 |
//! | [`every_sequence_of_calls_answers_as_the_model_does`](model::every_sequence_of_calls_answers_as_the_model_does) | T1, T2, T4, T5, T6, T8, T9 |
//! | [`a_snapshot_comes_back_unchanged`](snapshots::a_snapshot_comes_back_unchanged) | [`Snapshots`] |
//! | [`a_snapshot_takes_the_place_of_an_older_one`](snapshots::a_snapshot_takes_the_place_of_an_older_one) | [`Snapshots`] |
//! | [`a_snapshot_is_its_streams_own`](snapshots::a_snapshot_is_its_streams_own) | [`Snapshots`] |
//! | [`a_snapshot_can_be_deleted`](snapshots::a_snapshot_can_be_deleted) | [`Snapshots`] |
//! | [`a_register_is_read_as_it_was_written_last`](registers::a_register_is_read_as_it_was_written_last) | [`Registers`] |
//! | [`of_many_writers_of_a_register_one_wins`](registers::of_many_writers_of_a_register_one_wins) | [`Registers`] |
//! | [`several_registers_are_written_all_or_none`](registers::several_registers_are_written_all_or_none) | [`Registers`] |
//! | [`registers_are_listed_by_the_bytes_of_their_keys`](registers::registers_are_listed_by_the_bytes_of_their_keys) | [`Registers`] |
//! | [`registers_are_there_when_opened_again`](registers::registers_are_there_when_opened_again) | [`Registers`] |
//! | [`a_transaction_is_committed_whole_or_not_at_all`](transactions::a_transaction_is_committed_whole_or_not_at_all) | [`Transactions`] |
//! | [`a_transaction_that_is_left_leaves_all_or_nothing`](transactions::a_transaction_that_is_left_leaves_all_or_nothing) | [`Transactions`] |
//! | [`a_transaction_moves_registers_with_its_tables`](transactions::a_transaction_moves_registers_with_its_tables) | [`Transactions`] |
//! | [`a_transaction_that_reads_sees_one_state`](transactions::a_transaction_that_reads_sees_one_state) | [`Transactions`] |
//! | [`parameters_of_a_transaction_stand_where_their_numbers_say`](transactions::parameters_of_a_transaction_stand_where_their_numbers_say) | [`Transactions`] |
//!
//! [`Snapshots`]: crate::Snapshots
//! [`Registers`]: crate::Registers
//! [`Transactions`]: crate::Transactions

pub mod atomic;
pub mod bounds;
pub mod clients;
pub mod durable;
pub mod handles;
pub mod head;
pub mod log;
pub mod model;
pub mod read;
pub mod readers;
pub mod registers;
pub mod restored;
pub mod retry;
pub mod snapshots;
pub mod transactions;
pub mod version;

use crate::testing::conformance::compare::{Shown, same_events};
use crate::testing::conformance::{Broken, Kept, ensure, ensure_eq};
use crate::{Cursor, Limit, LogPage, Page, Recorded};

/// Whether `got` may be the first page of `rest`, which is in reading order.
///
/// A store may make its pages smaller than asked for, but not larger by more than a commit.
fn check_prefix(got: &[Recorded], rest: &[Recorded], limit: Limit) -> Kept {
    ensure!(got.len() <= rest.len(), "a page of {} events, but there are only {}", got.len(), rest.len());
    same_events(got, &rest[..got.len()], "a page")?;
    let commit_of = |n: usize| rest.get(n).map(Recorded::commit);
    if let Some(last) = got.len().checked_sub(1) {
        ensure!(
            commit_of(last) != commit_of(last + 1),
            "a page ends inside a commit, after {:?}",
            Shown(&got[last])
        );
        let before = got.iter().take_while(|event| Some(event.commit()) != commit_of(last));
        let (events, bytes) = before.fold((0, 0), |(n, size), e| (n + 1, size + e.event().bytes().len()));
        let is_one_commit = events == 0;
        ensure!(
            is_one_commit || !limit.is_reached(events, bytes),
            "a page is larger than {limit:?} by more than a commit: {} events",
            got.len()
        );
    }
    Ok(())
}

/// Whether `page` is what a stream with `rest` to be read may answer.
pub(crate) fn check_page(page: &Page, rest: &[Recorded], limit: Limit) -> Kept {
    check_prefix(&page.events, rest, limit)?;
    ensure!(!page.events.is_empty() || rest.is_empty(), "an empty page, but there are {} events", rest.len());
    let next = rest.get(page.events.len()).map(Recorded::version);
    ensure_eq!(page.next, next, "where to read on after {} of {} events", page.events.len(), rest.len());
    Ok(())
}

/// Whether `page` is what a log may answer to somebody at `after` for whom it has `rest`.
pub(crate) fn check_log_page(page: &LogPage, after: &Cursor, rest: &[Recorded], limit: Limit) -> Kept {
    check_prefix(&page.events, rest, limit)?;
    let left = &rest[page.events.len()..];
    ensure!(!page.is_end || left.is_empty(), "it is not the end: {} events are left", left.len());
    ensure!(page.is_end || page.next != *after, "a page that is not the last must get further");
    let passed = page.events.iter().find(|event| !page.next.covers(event.position())).map(Shown);
    ensure!(passed.is_none(), "the cursor does not cover {passed:?}, which is in its page");
    let missed = left.iter().find(|event| page.next.covers(event.position())).map(Shown);
    ensure!(missed.is_none(), "the cursor covers {missed:?}, which is not in its page");
    Ok(())
}

/// Joins tasks that say whether a promise was kept.
pub(crate) async fn all(tasks: impl IntoIterator<Item = tokio::task::JoinHandle<Kept>>) -> Kept {
    for task in tasks {
        task.await.map_err(Broken::from)??;
    }
    Ok(())
}
