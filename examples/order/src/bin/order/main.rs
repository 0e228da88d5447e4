//! `order`: a story without arguments; otherwise an import of commands, questions about the orders, and a service.

mod bar;
mod cli;
mod docs;
mod failure;
mod import;
mod overview;
mod rebuild;
mod serve;
mod story;
mod timeline;
mod verify;

use crate::cli::Request;
use crate::failure::Failure;
use std::process::ExitCode;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Start(error).report(),
    };
    let exit = runtime.block_on(answer(cli::request())).unwrap_or_else(Failure::report);
    // Not by dropping it: that would wait for whoever types on standard input.
    runtime.shutdown_background();
    exit
}

async fn answer(request: Request) -> Result<ExitCode, Failure> {
    match request {
        Request::Story => story::play().await,
        Request::Import(source) => import::run(source).await,
        Request::Show { id, at, store } => timeline::show(id, at, &store).await,
        Request::List { store } => overview::list(&store).await,
        Request::Stats { store } => overview::stats(&store).await,
        Request::Rebuild { store } => rebuild::run(&store).await,
        Request::Verify(verification) => verify::run(verification).await,
        Request::Docs { dir, is_check: false } => docs::write(&dir),
        Request::Docs { dir, is_check: true } => docs::check(&dir),
        Request::Serve(settings) => serve::run(settings).await,
    }
}
