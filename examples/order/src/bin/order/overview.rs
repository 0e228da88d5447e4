//! All orders at once, folded from the log of the store.

use crate::failure::Failure;
use crate::timeline::{Money, status_name};
use es_runtime::prelude::*;
use es_runtime::{Cursor, Filter, Limit, StreamName};
use order::{Order, Status};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

/// Every order, by the name of its stream. The log is read page by page; what is kept is a state an order.
pub(crate) async fn fold(store: &Store) -> Result<BTreeMap<StreamName, Root<Order>>, Failure> {
    let of_orders = Filter::all().category(Order::NAME);
    let mut orders = BTreeMap::<StreamName, Root<Order>>::new();
    let mut cursor = Cursor::start();
    loop {
        let page = store.read_all(&cursor, &of_orders, Limit::default()).await?;
        for event in &page.events {
            if let Some(order) = orders.get_mut(event.stream()) {
                order.replay(event)?;
            } else {
                let mut order = Root::<Order>::new(event.stream().key().parse()?)?;
                order.replay(event)?;
                orders.insert(event.stream().clone(), order);
            }
        }
        if page.is_end {
            return Ok(orders);
        }
        cursor = page.next;
    }
}

pub(crate) async fn list(store: &str) -> Result<ExitCode, Failure> {
    let orders = fold(&Store::connect(store).await?).await?;
    let rows =
        orders.values().map(|order| (order.stream().key(), Money(order.total_cents()).to_string(), order));
    let widths = rows.clone().map(|(id, total, _)| (id.chars().count(), total.len()));
    let (id_width, total_width) =
        widths.fold((0, 0), |widest, (id, total)| (widest.0.max(id), widest.1.max(total)));
    let mut out = BufWriter::new(stdout().lock());
    for (id, total, order) in rows {
        let (status, version) = (status_name(order), order.version());
        writeln!(out, "{id:id_width$}  {status:10}  {total:>total_width$}  version {version}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Keys that stay, so that programs can rely on them.
#[derive(Serialize)]
struct Stats {
    orders: usize,
    by_status: BTreeMap<Status, u64>,
    paid_cents: i128,
}

pub(crate) async fn stats(store: &str) -> Result<ExitCode, Failure> {
    let orders = fold(&Store::connect(store).await?).await?;
    let statuses = [Status::Placed, Status::Paid, Status::Shipped, Status::Delivered, Status::Cancelled];
    let mut stats = Stats {
        orders: orders.len(),
        by_status: statuses.map(|status| (status, 0)).into(),
        paid_cents: orders.values().map(|order| i128::from(order.paid_cents())).sum(),
    };
    for order in orders.values() {
        *stats.by_status.entry(order.status()).or_default() += 1;
    }
    print_json(&stats)
}

pub(crate) fn print_json(value: &impl Serialize) -> Result<ExitCode, Failure> {
    let mut out = stdout().lock();
    serde_json::to_writer_pretty(&mut out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(ExitCode::SUCCESS)
}
