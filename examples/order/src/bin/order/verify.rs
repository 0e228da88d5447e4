//! `order verify`: reads everything that is stored with this program, and says what is not as it should be.

use crate::bar::Bar;
use crate::failure::Failure;
use es_runtime::audit::{Audit, AuditSummary, Progress, Seen, StreamState};
use es_runtime::prelude::*;
use order::by_day::OrdersByDay;
use order::payment::Payment;
use order::{Checkout, Order};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// What is to be verified, and with what.
pub(crate) struct Verification {
    pub(crate) store: String,
    /// Where to write the states to.
    pub(crate) states: Option<PathBuf>,
    /// States of another program.
    pub(crate) against: Option<PathBuf>,
}

pub(crate) async fn run(verification: Verification) -> Result<ExitCode, Failure> {
    let store = Store::connect(&verification.store).await?;
    let audit = store
        .audit()
        .aggregate_with_states::<Order>()
        .aggregate_with_states::<Payment>()
        .aggregate_with_states::<Checkout>()
        .read_model(OrdersByDay);
    let unreadable = Arc::new(OnceLock::new());
    let audit = match &verification.against {
        Some(path) => audit.against(states_in(path, &unreadable)?),
        None => audit,
    };
    let summary = match &verification.states {
        Some(path) => {
            let unwritten = |source| Failure::Kept { file: path.display().to_string(), source };
            let mut file = BufWriter::new(File::create(path).map_err(unwritten)?);
            let summary = told(audit.show_states(), |state| {
                serde_json::to_writer(&mut file, &state)?;
                file.write_all(b"\n")
            });
            let summary = summary.await?;
            file.flush().map_err(unwritten)?;
            summary
        }
        None => told(audit, |_| Ok(())).await?,
    };
    if let Some(failure) = Arc::into_inner(unreadable).and_then(OnceLock::into_inner) {
        return Err(failure);
    }
    write_summary(&summary, verification.against.is_some())?;
    Ok(ExitCode::from(u8::from(summary.findings > 0)))
}

/// Runs it with a bar, and writes each finding as it comes.
async fn told(
    audit: Audit,
    mut keep: impl FnMut(StreamState) -> std::io::Result<()> + Send,
) -> Result<AuditSummary, Failure> {
    let (bar, mut written) = (Bar::new(), Ok(()));
    let mut begun = (None, Instant::now());
    let summary = audit.run(|seen| match seen {
        Seen::Progress(Progress { projection, events, fraction, .. }) => {
            if begun.0 != projection {
                begun = (projection, Instant::now());
            }
            let rate = events as f64 / begun.1.elapsed().as_secs_f64().max(0.001);
            let of = projection.map_or_else(String::new, |projection| format!("{projection}: "));
            bar.show(fraction, format_args!("{of}{events} events, {rate:.0} a second"));
        }
        Seen::Finding(finding) if written.is_ok() => {
            written = bar.above(|| writeln!(stdout(), "{finding}"));
        }
        Seen::State(state) if written.is_ok() => written = keep(state),
        _ => {}
    });
    let summary = summary.await?;
    bar.finish();
    written?;
    Ok(summary)
}

/// The states in a file, one after the other. Where a line cannot be read they end, and why is noted.
fn states_in(
    path: &Path,
    unreadable: &Arc<OnceLock<Failure>>,
) -> Result<impl Iterator<Item = StreamState> + Send + use<>, Failure> {
    let file = BufReader::new(File::open(path).map_err(|source| unread(path, source))?);
    let (path, unreadable) = (path.to_owned(), Arc::clone(unreadable));
    Ok(file.lines().map_while(move |line| {
        match line.and_then(|line| serde_json::from_str(&line).map_err(std::io::Error::from)) {
            Ok(state) => Some(state),
            Err(source) => {
                let _ = unreadable.set(unread(&path, source));
                None
            }
        }
    }))
}

fn unread(path: &Path, source: std::io::Error) -> Failure {
    Failure::File { file: path.display().to_string(), source }
}

fn write_summary(summary: &AuditSummary, is_against: bool) -> Result<(), Failure> {
    let mut out = stdout().lock();
    writeln!(out, "events       {} in {} streams", summary.events, summary.streams)?;
    writeln!(
        out,
        "snapshots    {} compared, {} of another program, which will be made anew",
        summary.snapshots, summary.other_snapshots
    )?;
    for projection in &summary.read_models {
        writeln!(out, "read model   {projection} compared")?;
    }
    for (projection, why) in &summary.skipped {
        writeln!(out, "read model   {projection} not compared: {why}")?;
    }
    if is_against {
        writeln!(out, "states       {} compared, {} streams are new", summary.compared, summary.new_streams)?;
    }
    writeln!(out, "findings     {}", summary.findings)?;
    Ok(())
}
