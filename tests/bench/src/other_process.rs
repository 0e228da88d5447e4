//! Commits of another process: this very program, told by its environment what to do.

use crate::{Failure, cart};
use es_runtime::Store;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const URL: &str = "ES_BENCH_URL";
const COMMITS: &str = "ES_BENCH_COMMITS";

/// A process that stores one commit after the other, with pauses in between. Killed when it is dropped.
#[derive(Debug)]
pub struct Writer(Child);

impl Writer {
    /// One that stores so many.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(url: &str, commits: u64) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(URL, url).env(COMMITS, commits.to_string()).stdout(Stdio::piped());
        Ok(Self(command.spawn()?))
    }

    /// When each commit was answered, in their order. Waits for all of them.
    ///
    /// # Errors
    ///
    /// When the process failed.
    pub fn answered(mut self) -> Result<Vec<Duration>, Failure> {
        let out = self.0.stdout.take().ok_or("the writer says nothing")?;
        let times = BufReader::new(out).lines().map(|line| Ok(Duration::from_micros(line?.parse()?)));
        let times: Result<Vec<_>, Failure> = times.collect();
        let status = self.0.wait()?;
        if status.success() { times } else { Err(format!("the writer failed: {status}").into()) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Since 1970: a clock that two processes share.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Does what a [`Writer`] does, where this process is one, and says so.
///
/// # Errors
///
/// When a commit fails.
pub fn is_writer() -> Result<bool, Failure> {
    let (Ok(url), Ok(commits)) = (std::env::var(URL), std::env::var(COMMITS)) else { return Ok(false) };
    let commits: u64 = commits.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let carts = Store::connect(&url).await?.repository::<cart::Cart>();
        let mut out = std::io::stdout().lock();
        for number in 0..commits {
            tokio::time::sleep(Duration::from_millis(3)).await;
            carts.execute(&cart::id(number as usize), |cart| cart.open()).await?;
            writeln!(out, "{}", now().as_micros())?;
        }
        Ok(true)
    })
}
