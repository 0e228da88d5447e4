use super::*;
use crate::Command;
use es_runtime::testing::{given, properties};

fn line(quantity: i64, unit_price_cents: i64) -> Line {
    Line { sku: "teapot".into(), quantity, unit_price_cents }
}

/// An order of 50.00 after these commands, each of which it accepts.
fn order_after(commands: &[Command]) -> Root<Order> {
    let mut order = Root::<Order>::new("o-1".parse().expect("an id")).expect("an id");
    for command in commands {
        order.decide(|order| order.handle(command)).expect("accepted");
    }
    order
}

fn place() -> Command {
    Command::Place { customer: "ada".into(), lines: vec![line(2, 2000)], freight_cents: 1000 }
}

fn pay(amount_cents: i64) -> Command {
    Command::Pay { amount_cents, method: "card".into() }
}

fn cancel() -> Command {
    Command::Cancel { reason: "too late".into() }
}

fn in_every_status() -> [(Status, Root<Order>); 6] {
    use Command::{Deliver, Ship};
    [
        (Status::NotPlaced, order_after(&[])),
        (Status::Placed, order_after(&[place(), pay(1000)])),
        (Status::Paid, order_after(&[place(), pay(5000)])),
        (Status::Shipped, order_after(&[place(), pay(5000), Ship])),
        (Status::Delivered, order_after(&[place(), pay(5000), Ship, Deliver])),
        (Status::Cancelled, order_after(&[place(), cancel()])),
    ]
}

#[test]
fn every_command_in_every_status() {
    use Refusal::*;
    type Row = (Command, [Option<Refusal>; 6]);
    #[rustfmt::skip]
    let table: [Row; 6] = [
        //                 not placed       placed               paid                  shipped                 delivered               cancelled
        (place(),          [None,            Some(AlreadyPlaced), Some(AlreadyPlaced), Some(AlreadyPlaced),    Some(AlreadyPlaced),    Some(AlreadyPlaced)]),
        (pay(4000),        [Some(NotPlaced), None,                Some(AlreadyPaid),   Some(AlreadyPaid),      Some(AlreadyPaid),      Some(Cancelled)]),
        (pay(-1),          [Some(NotPlaced), Some(InvalidAmount), Some(AlreadyPaid),   Some(AlreadyPaid),      Some(AlreadyPaid),      Some(Cancelled)]),
        (Command::Ship,    [Some(NotPlaced), Some(NotPaid),       None,                Some(AlreadyShipped),   Some(AlreadyShipped),   Some(Cancelled)]),
        (Command::Deliver, [Some(NotPlaced), Some(NotShipped),    Some(NotShipped),    None,                   Some(AlreadyDelivered), Some(Cancelled)]),
        (cancel(),         [Some(NotPlaced), None,                None,                Some(AlreadyShipped),   Some(AlreadyShipped),   Some(AlreadyCancelled)]),
    ];
    for (command, refusals) in table {
        for ((status, order), refusal) in in_every_status().into_iter().zip(refusals) {
            assert_eq!(order.status(), status);
            assert_eq!(order.handle(&command).err(), refusal, "{command:?} when {status:?}");
        }
    }
}

#[test]
fn what_can_be_placed() {
    let cases: [(&[Line], i64, Option<Refusal>); 16] = [
        (&[line(1, 1)], 0, None),
        (&[line(1, 0)], 1, None),
        (&[line(1, i64::MAX)], 0, None),
        (&[line(i64::MAX, 1)], 0, None),
        (&[line(1, 500), line(3, 0)], 0, None),
        (&[], 100, Some(Refusal::NoLines)),
        (&[line(0, 100)], 0, Some(Refusal::NoLines)),
        (&[line(1, 100), line(-1, 100)], 0, Some(Refusal::NoLines)),
        (&[line(0, -100)], -1, Some(Refusal::NoLines)),
        (&[line(1, -1)], 0, Some(Refusal::InvalidAmount)),
        (&[line(1, -1)], 100, Some(Refusal::InvalidAmount)),
        (&[line(1, 100)], -1, Some(Refusal::InvalidAmount)),
        (&[line(1, 0)], 0, Some(Refusal::InvalidAmount)),
        (&[line(2, i64::MAX)], 0, Some(Refusal::InvalidAmount)),
        (&[line(1, i64::MAX), line(1, 1)], 0, Some(Refusal::InvalidAmount)),
        (&[line(1, i64::MAX)], 1, Some(Refusal::InvalidAmount)),
    ];
    for (lines, freight_cents, refusal) in cases {
        let decision = Order::default().place("ada", lines, freight_cents);
        assert_eq!(decision.err(), refusal, "{lines:?} and {freight_cents}");
    }
}

fn placed() -> OrderPlaced {
    OrderPlaced { customer: "ada".into(), lines: vec![line(2, 2000)], freight_cents: 1000 }
}

fn received(amount_cents: i64) -> PaymentReceived {
    PaymentReceived { amount_cents, method: "card".into() }
}

#[test]
fn it_is_paid_when_nothing_is_left() {
    given::<Order>((placed(), received(1000)))
        .then_state(|order| assert_eq!(order.left_cents(), 4000))
        .and_when(|order| order.pay(3999, "card"))
        .then(received(3999))
        .and_when(|order| order.pay(1, "card"))
        .then((received(1), OrderPaid {}))
        .then_state(|order| assert_eq!((order.paid_cents(), order.left_cents()), (5000, 0)))
        .and_when(|order| order.pay(1, "card"))
        .then_refused(Refusal::AlreadyPaid);
}

#[test]
fn what_cannot_be_paid() {
    let cases = [
        (4001, Refusal::Overpaid),
        (i64::MAX, Refusal::Overpaid),
        (0, Refusal::InvalidAmount),
        (i64::MIN, Refusal::InvalidAmount),
    ];
    for (amount_cents, refusal) in cases {
        given::<Order>((placed(), received(1000)))
            .when(|order| order.pay(amount_cents, "card"))
            .then_refused(refusal);
    }
}

#[test]
fn only_what_is_not_paid_is_cancelled_for_want_of_money() {
    for (status, order) in in_every_status() {
        let decision = order.handle(&crate::CancelUnpaid { reason: "no money".into() });
        let cancelled = OrderCancelled { reason: "no money".into() };
        match status {
            Status::NotPlaced => assert_eq!(decision, Err(Refusal::NotPlaced)),
            Status::Placed => assert_eq!(decision, Ok(Some(cancelled))),
            _ => assert_eq!(decision, Ok(None), "{status:?}"),
        }
    }
}

properties!(order_properties: Order, samples = [placed(), received(4000)]);

#[test]
fn reasons_are_written_in_snake_case() {
    assert_eq!(serde_json::to_value(Refusal::AlreadyCancelled).expect("text"), "already_cancelled");
}
