//! A short story: one order, from the cart to the door.

use crate::cli::STORE;
use crate::failure::Failure;
use crate::overview;
use crate::timeline::{Money, write_history};
use es_runtime::prelude::*;
use es_runtime::{Entropy, SystemEntropy};
use order::{Command, Line, Order, OrderId};
use std::io::{Write, stdout};
use std::process::ExitCode;

pub(crate) async fn play() -> Result<ExitCode, Failure> {
    let store = Store::connect(STORE).await?;
    let orders = store.repository::<Order>();
    let id = fresh_id(&orders).await?;
    let mut out = stdout().lock();

    writeln!(
        out,
        "Order {id}, kept in {STORE}. Each step loads the order, asks it, and stores its answer:\n"
    )?;
    for (wish, command) in steps() {
        let answer = match orders.send(&id, command).await {
            Ok(outcome) => {
                let events: Vec<_> = outcome.events().iter().map(|event| &*event.name).collect();
                format!("yes: {}", events.join(", "))
            }
            Err(CommandError::Refused(refusal)) => format!("no: {refusal}"),
            Err(CommandError::Store(error)) => return Err(error.into()),
        };
        writeln!(out, "  {wish:34} {answer}")?;
    }

    let order = orders.load(&id).await?;
    writeln!(out, "\nA refusal leaves no trace. What was answered with yes is the order's history:\n")?;
    write_history(&mut out, &orders, &id, order.version()).await?;
    writeln!(
        out,
        "\nReplayed from these {} events, {} of {} is paid and the order is {}.",
        order.version(),
        Money(order.paid_cents()),
        Money(order.total_cents()),
        crate::timeline::status_name(&order)
    )?;

    let count = overview::fold(&store).await?.len();
    let orders = if count == 1 { "order" } else { "orders" };
    writeln!(out, "\nThe file now has {count} {orders}. Run this again for another one, or look around:\n")?;
    writeln!(out, "  cargo run -p order -- show {id} --at 2")?;
    writeln!(out, "  cargo run -p order -- list")?;
    writeln!(out, "  cargo run -p order -- --help")?;
    Ok(ExitCode::SUCCESS)
}

fn steps() -> [(&'static str, Command); 7] {
    let line = |sku: &str, quantity, unit_price_cents| Line { sku: sku.into(), quantity, unit_price_cents };
    let lines = vec![line("teapot", 1, 3490), line("cup", 4, 650)];
    let pay = |amount_cents, method: &str| Command::Pay { amount_cents, method: method.into() };
    [
        (
            "Ada orders a teapot and four cups.",
            Command::Place { customer: "Ada".into(), lines, freight_cents: 490 },
        ),
        ("She redeems a voucher of 20.00.", pay(2000, "voucher")),
        ("The warehouse wants to ship.", Command::Ship),
        ("She pays the rest by card.", pay(4580, "card")),
        ("The warehouse ships.", Command::Ship),
        ("The parcel arrives.", Command::Deliver),
        ("She wants to cancel.", Command::Cancel { reason: "the cups are blue".into() }),
    ]
}

/// The id of an order that is not in the store yet.
async fn fresh_id(orders: &Repository<Order>) -> Result<OrderId, Failure> {
    let entropy = SystemEntropy::default();
    loop {
        let id = format!("{:08x}", entropy.next() >> 32).parse()?;
        if !orders.exists(&id).await? {
            return Ok(id);
        }
    }
}
