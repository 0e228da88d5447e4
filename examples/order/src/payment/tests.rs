use super::*;
use es_runtime::testing::{given, properties};

fn requested() -> PaymentRequested {
    PaymentRequested { amount_cents: 4000 }
}

fn card() -> CardRef {
    CardRef::new("card_7f")
}

fn offered() -> CardOffered {
    CardOffered { card: card() }
}

fn succeeded() -> PaymentSucceeded {
    PaymentSucceeded { amount_cents: 4000 }
}

fn failed(reason: Reason) -> PaymentFailed {
    PaymentFailed { reason }
}

#[test]
fn it_is_charged_when_request_and_card_are_there() {
    let charge = Charge { card: &card(), amount_cents: 4000 };
    given::<Payment>((requested(), offered()))
        .then_state(|payment| assert_eq!(payment.charge(), Some(charge)))
        .and_when(Payment::succeed)
        .then(succeeded())
        .then_state(|payment| assert_eq!((payment.status(), payment.charge()), (Status::Succeeded, None)));
    given::<Payment>((offered(), requested()))
        .then_state(|payment| assert_eq!(payment.charge(), Some(charge)));
    given::<Payment>(requested())
        .then_state(|payment| assert_eq!((payment.status(), payment.charge()), (Status::Requested, None)));
    given::<Payment>(offered())
        .then_state(|payment| assert_eq!((payment.status(), payment.charge()), (Status::NotRequested, None)));
}

#[test]
fn it_is_charged_once() {
    let another = CardRef::new("card_80");
    given::<Payment>((requested(), offered()))
        .when(|payment| payment.offer(&another))
        .then_refused(Refusal::CardOfferedBefore)
        .and_when(|payment| payment.request(1))
        .then_refused(Refusal::RequestedBefore)
        .and_when(|payment| payment.fail(Reason::Declined))
        .then(failed(Reason::Declined))
        .then_state(|payment| assert_eq!((payment.status(), payment.charge()), (Status::Failed, None)))
        .and_when(|payment| payment.offer(&another))
        .then_refused(Refusal::CardOfferedBefore)
        .and_when(|payment| payment.fail(Reason::TimedOut))
        .then_refused(Refusal::FailedBefore);
    given::<Payment>((requested(), offered(), succeeded()))
        .when(Payment::succeed)
        .then_refused(Refusal::SucceededBefore)
        .and_when(|payment| payment.fail(Reason::TimedOut))
        .then_refused(Refusal::SucceededBefore);
    for nothing in [given::<Payment>(()), given(requested()), given(offered())] {
        nothing
            .when(Payment::succeed)
            .then_refused(Refusal::NothingToCharge)
            .and_when(|payment| payment.fail(Reason::TimedOut))
            .then_refused(Refusal::NothingToCharge);
    }
}

#[test]
fn nothing_is_not_requested() {
    for amount_cents in [0, -1, i64::MIN] {
        given::<Payment>(())
            .when(|payment| payment.request(amount_cents))
            .then_refused(Refusal::InvalidAmount);
    }
}

#[test]
fn money_for_a_cancelled_order_is_given_back_whenever_it_comes() {
    let refunded = PaymentRefunded { amount_cents: 4000 };
    let owed = |payment: &Payment| assert_eq!(payment.refund_cents(), Some(4000));
    given::<Payment>((requested(), offered(), succeeded()))
        .when(Payment::refund)
        .then_refused(Refusal::NothingToRefund)
        .and_when(Payment::revoke)
        .then(PaymentRevoked {})
        .then_state(owed)
        .and_when(Payment::refund)
        .then(refunded.clone())
        .then_state(|payment| {
            assert_eq!((payment.status(), payment.refund_cents()), (Status::Refunded, None))
        })
        .and_when(Payment::refund)
        .then_refused(Refusal::NothingToRefund);
    given::<Payment>((requested(), offered(), failed(Reason::TimedOut), PaymentRevoked {}))
        .when(Payment::refund)
        .then_refused(Refusal::NothingToRefund)
        .and_when(Payment::succeed)
        .then(succeeded())
        .then_state(owed)
        .and_when(Payment::refund)
        .then(refunded);
}

#[test]
fn a_cancelled_order_takes_no_card() {
    given::<Payment>((requested(), PaymentRevoked {}))
        .then_state(|payment| assert_eq!(payment.status(), Status::Revoked))
        .and_when(|payment| payment.offer(&card()))
        .then_refused(Refusal::Revoked)
        .and_when(Payment::revoke)
        .then_refused(Refusal::RevokedBefore);
    given::<Payment>((requested(), offered(), PaymentRevoked {}))
        .then_state(|payment| assert_eq!(payment.charge(), None));
}

#[test]
fn money_that_comes_late_counts_while_the_order_stands() {
    given::<Payment>((requested(), offered(), failed(Reason::TimedOut)))
        .when(Payment::succeed)
        .then(succeeded())
        .then_state(|payment| assert_eq!(payment.status(), Status::Succeeded));
}

properties!(payment_properties: Payment, samples = [requested(), offered(), failed(Reason::TimedOut)]);
