//! `order docs`: what both services store and who takes it, as documents.

use crate::failure::Failure;
use es_runtime::catalog::Catalog;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

/// What was agreed on: its golden payloads are the examples.
const LOCK: &str = include_str!("../../../../../events.lock");

fn catalog() -> Result<Catalog, Failure> {
    let catalog = Catalog::with_lock("Orders and payments", LOCK)?;
    Ok(catalog.with_version(env!("CARGO_PKG_VERSION")))
}

pub(crate) fn write(dir: &Path) -> Result<ExitCode, Failure> {
    let catalog = catalog()?;
    catalog.write(dir)?;
    let mut out = stdout().lock();
    for (name, _) in catalog.render() {
        writeln!(out, "{}", dir.join(name).display())?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn check(dir: &Path) -> Result<ExitCode, Failure> {
    catalog()?.check(dir, &format!("cargo run -p order -- docs {}", dir.display()))?;
    Ok(ExitCode::SUCCESS)
}
