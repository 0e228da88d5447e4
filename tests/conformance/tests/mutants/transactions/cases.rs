//! Which rules reject which slip.

use super::{Mutant, Slip};
use es_runtime::testing::conformance::{Ability, Suite};

// The rejections are for the slips, and not for the wrapper.
es_runtime::testing::conformance!(right, without(Snapshots), |setup| async move {
    crate::transactions::Mutant::open(setup, crate::transactions::Slip::None).await
});

fn suite(slip: Slip) -> Suite<Mutant> {
    Suite::new(move |setup| async move { Mutant::open(setup, slip).await }, &[Ability::Snapshots])
}

rejected! { suite;
    commits_each_statement: Slip::CommitsEachStatement => [
        a_transaction_is_committed_whole_or_not_at_all,
        a_transaction_that_is_left_leaves_all_or_nothing,
        a_transaction_moves_registers_with_its_tables,
    ];
    commits_whatever_the_answer: Slip::CommitsWhateverTheAnswer => [a_transaction_is_committed_whole_or_not_at_all];
    commits_over_failures: Slip::CommitsOverFailures => [a_transaction_is_committed_whole_or_not_at_all];
    reads_each_statement_for_itself: Slip::ReadsEachStatementForItself => [a_transaction_that_reads_sees_one_state];
    counts_parameters_by_place: Slip::CountsParametersByPlace => [
        parameters_of_a_transaction_stand_where_their_numbers_say,
    ];
}
