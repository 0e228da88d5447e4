//! One order: how it stands, and what happened to it.

use crate::failure::Failure;
use es_runtime::Timestamp;
use es_runtime::prelude::*;
use order::events::{OrderCancelled, OrderPlaced, PaymentReceived};
use order::{Order, OrderId, Status};
use std::fmt;
use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

pub(crate) async fn show(id: OrderId, at: Option<Version>, store: &str) -> Result<ExitCode, Failure> {
    let orders = Store::connect(store).await?.repository::<Order>();
    let order = orders.load(&id).await?;
    let last = order.version();
    let mut out = BufWriter::new(stdout().lock());
    match at {
        _ if last == Version::NONE => return Err(Failure::NoSuchOrder(id)),
        Some(version) if version > last => return Err(Failure::NoSuchVersion { id, version, last }),
        Some(version) => write_state(&mut out, &id, version, &*orders.load_at(&id, version).await?)?,
        None => write_state(&mut out, &id, last, &order)?,
    }
    writeln!(out)?;
    write_history(&mut out, &orders, &id, at.unwrap_or(last)).await?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn write_state(out: &mut impl Write, id: &OrderId, version: Version, order: &Order) -> std::io::Result<()> {
    let (total, paid, left) = (order.total_cents(), order.paid_cents(), order.left_cents());
    writeln!(out, "order    {id}")?;
    writeln!(out, "version  {version}")?;
    writeln!(out, "status   {}", status_name(order))?;
    writeln!(out, "total    {}", Money(total))?;
    writeln!(out, "paid     {}", Money(paid))?;
    writeln!(out, "left     {}", Money(left))
}

/// What happened to an order up to `last`, an event a line.
pub(crate) async fn write_history(
    out: &mut impl Write,
    orders: &Repository<Order>,
    id: &OrderId,
    last: Version,
) -> Result<(), Failure> {
    writeln!(out, "version  occurred              recorded              event")?;
    let mut next = Some(Version::new(1));
    while let Some(from) = next {
        let page = orders.history(id, from).await?;
        for event in &page.events {
            if event.version() > last {
                return Ok(());
            }
            let (occurred, recorded) =
                (to_the_second(event.occurred_at()), to_the_second(event.recorded_at()));
            let line = format!("{:>7}  {occurred}  {recorded}  {:22}", event.version(), event.name());
            writeln!(out, "{}", format!("{line}  {}", details(event)?).trim_end())?;
        }
        next = page.next;
    }
    Ok(())
}

/// What there is to know of an event beside its name.
fn details(event: &Recorded) -> Result<String, DecodeError> {
    Ok(if event.is::<OrderPlaced>() {
        let placed = event.decode::<OrderPlaced>()?.into_event();
        let lines = placed.lines.iter().map(|line| {
            format!(", {} x {} at {}", line.quantity, Printable(&line.sku), Money(line.unit_price_cents))
        });
        let (customer, freight) = (Printable(&placed.customer), Money(placed.freight_cents));
        format!("by {customer}{}, freight {freight}", lines.collect::<String>())
    } else if event.is::<PaymentReceived>() {
        let payment = event.decode::<PaymentReceived>()?.into_event();
        format!("{} by {}", Money(payment.amount_cents), Printable(&payment.method))
    } else if event.is::<OrderCancelled>() {
        let cancelled = event.decode::<OrderCancelled>()?.into_event();
        format!("because: {}", Printable(&cancelled.reason))
    } else {
        String::new()
    })
}

pub(crate) fn status_name(order: &Order) -> &'static str {
    match order.status() {
        Status::NotPlaced => "not placed",
        Status::Placed => "placed",
        Status::Paid => "paid",
        Status::Shipped => "shipped",
        Status::Delivered => "delivered",
        Status::Cancelled => "cancelled",
    }
}

fn to_the_second(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('.').map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

/// Cents, written with a point.
pub(crate) struct Money(pub(crate) i64);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        f.pad(&format!("{sign}{}.{:02}", cents / 100, cents % 100))
    }
}

/// Somebody's text, without what a terminal would obey.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => write!(f, "{c}"),
        })
    }
}
