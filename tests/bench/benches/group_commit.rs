//! What 64 writers at once write at full durability, beside one writer: on a disk that takes 4 ms to flush.

use benches::Failure;
use benches::cart::{self, Cart};
use benches::measure::{median, time};
use benches::report::{self, Goal};
use es_runtime::{Repository, Store};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

/// How long a flush is to take.
const FLUSH: Duration = Duration::from_millis(4);

/// Set in the process that runs under `strace`.
const SLOWED: &str = "BENCH_FLUSH_SLOWED";

const WRITERS: usize = 64;

const ROUNDS: usize = 9;

fn main() -> Result<(), Failure> {
    if !report::is_wanted() {
        return Ok(());
    }
    let is_slowed = std::env::var_os(SLOWED).is_some();
    if !is_slowed && slowed()? {
        return Ok(());
    }
    // A file system in memory has no flush of its own that could be slow as well.
    let folder = if is_slowed { tempfile::tempdir_in("/dev/shm")? } else { tempfile::tempdir()? };
    let flush = flush_time(folder.path())?;

    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let url = format!("sqlite:{}", folder.path().join("carts.db").display());
    let carts = runtime.block_on(Store::connect(&url))?.repository::<Cart>();
    let rate = |writers, commands| {
        let written = time(|| runtime.block_on(write(&carts, writers, commands)))?;
        Ok::<_, Failure>((writers * commands) as f64 / written.wall.as_secs_f64())
    };
    rate(WRITERS, 2)?;
    let rounds =
        (0..ROUNDS).map(|_| Ok((rate(WRITERS, 20)?, rate(1, 40)?))).collect::<Result<Vec<_>, Failure>>()?;

    report::head("SQLite at full durability, commands a second", ["64 writers", "1 writer", "times"]);
    let (many, one) = (median(&rounds, |round| round.0), median(&rounds, |round| round.1));
    let times = median(&rounds, |round| round.0 / round.1);
    report::row(
        "on distinct carts",
        &format!("{many:.0}"),
        &format!("{one:.0}"),
        (times, "x"),
        Goal::AtLeast(20.0),
    );
    report::note(&format!("A flush takes {:.1} ms.", flush.as_secs_f64() * 1e3));
    Ok(())
}

/// So many writers at once, so many commands each.
async fn write(carts: &Repository<Cart>, writers: usize, commands: usize) -> Result<(), Failure> {
    let mut running = JoinSet::new();
    for writer in 0..writers {
        let carts = carts.clone();
        running.spawn(async move {
            let id = cart::id(writer);
            for number in 0..commands {
                carts.execute(&id, |cart| cart.add(number as u64)).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    running.join_all().await.into_iter().collect()
}

/// The median time of a small write and its flush.
fn flush_time(folder: &Path) -> Result<Duration, Failure> {
    let mut file = File::create(folder.join("flushed"))?;
    let flush = |_| {
        Ok(time(|| {
            file.write_all(&[0; 4096])?;
            Ok(file.sync_data()?)
        })?
        .wall)
    };
    let mut times = (0..31).map(flush).collect::<Result<Vec<_>, Failure>>()?;
    times.sort();
    Ok(times[times.len() / 2])
}

/// Runs this program again where each flush takes 4 ms. Answers whether that could be done.
fn slowed() -> Result<bool, Failure> {
    if !Path::new("/dev/shm").is_dir() {
        report::note("There is no /dev/shm, so the disk is taken as it is.");
        return Ok(false);
    }
    let micros = FLUSH.as_micros();
    let status = Command::new("strace")
        .args(["-f", "--seccomp-bpf", "-qqq", "-e", "signal=none", "-e", "status=none"])
        .args(["-e", "trace=fsync,fdatasync", "-e", &format!("inject=fsync,fdatasync:delay_enter={micros}")])
        .arg(std::env::current_exe()?)
        .args(std::env::args().skip(1))
        .env(SLOWED, "1")
        .status();
    match status {
        Ok(status) if status.success() => Ok(true),
        Ok(status) => Err(format!("under strace it ended with {status}").into()),
        Err(_) => {
            report::note("There is no strace to slow a flush down, so the disk is taken as it is.");
            Ok(false)
        }
    }
}
