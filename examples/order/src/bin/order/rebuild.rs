//! `order rebuild`: builds the read model anew beside the old one, with a bar where somebody looks on.

use crate::bar::Bar;
use crate::failure::Failure;
use es_runtime::prelude::*;
use es_runtime::{Follower, Progress};
use order::by_day::OrdersByDay;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

/// Killed at any moment and run again, it goes on where it was. A service that runs meanwhile serves the old tables
/// until the new ones take their place.
pub(crate) async fn run(store: &str) -> Result<ExitCode, Failure> {
    let store = Store::connect(store).await?;
    let building = store.projection(OrdersByDay).rebuild().start().await?;
    let bar = Bar::new();
    let built = loop {
        let status = building.status().await?;
        if let Some(error) = status.error {
            return Err(error.into());
        }
        match (status.building(), status.active()) {
            (Some(progress), _) => show(&bar, progress),
            // The first there is has none beside it.
            (None, Some(active)) if active.is_live => break active.clone(),
            (None, Some(active)) => show(&bar, active),
            (None, None) => {}
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    bar.finish();
    building.stop().await;
    let dropped = store.projections().drop_retired(OrdersByDay::NAME).await?;
    let mut out = stdout().lock();
    writeln!(
        out,
        "build {} of {} is in place: {} events; {} old ones dropped",
        built.build.number,
        OrdersByDay::NAME,
        built.handled,
        dropped.len()
    )?;
    Ok(ExitCode::SUCCESS)
}

fn show(bar: &Bar, progress: &Progress) {
    let left = progress.left.map_or_else(String::new, |left| format!(", {} s left", left.as_secs()));
    let (handled, rate) = (progress.handled, progress.rate);
    bar.show(progress.fraction, format_args!("{handled} events, {rate:.0} a second{left}"));
}
