//! `telemetry`: some orders, and what OpenTelemetry hears of them.
//!
//! Instead of printing it, a real program sends it away: put an exporter for OTLP where the one for standard output
//! is.

use es_runtime::prelude::*;
use metrics_exporter_opentelemetry::Recorder;
use opentelemetry_stdout::MetricExporter;
use order::{Line, Order};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // Before the store is opened, so that nothing is missed.
    let (meters, _) = Recorder::builder("orders")
        .with_meter_provider(|meters| meters.with_periodic_exporter(MetricExporter::default()))
        .install()?;
    sell_teapots().await?;
    // Sends what was not sent yet.
    meters.shutdown()?;
    Ok(())
}

async fn sell_teapots() -> Result<(), Failure> {
    let orders = Store::connect("memory:").await?.repository::<Order>();
    for number in 1..=10 {
        let id = format!("o-{number}").parse()?;
        let teapot = Line { sku: "teapot".into(), quantity: number, unit_price_cents: 3490 };
        orders.execute(&id, |order| order.place("ada", std::slice::from_ref(&teapot), 510)).await?;
        orders.execute(&id, |order| order.pay(order.left_cents(), "card")).await?;
    }
    Ok(())
}
