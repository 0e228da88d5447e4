//! `payment serve`: takes cards for orders, charges them, and gives money back where an order was cancelled.

mod cli;
mod failure;
mod latecomers;
mod offers;
mod serve;

use crate::failure::Failure;
use std::process::ExitCode;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let settings = cli::settings();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Start(error).report(),
    };
    runtime.block_on(serve::run(settings)).map_or_else(Failure::report, |()| ExitCode::SUCCESS)
}
