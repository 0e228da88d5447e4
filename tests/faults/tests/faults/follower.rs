//! The program `follower` of this package, run as a process of its own.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A follower that runs. Killed when it is dropped.
pub(crate) struct Follower {
    child: Child,
    lines: Receiver<String>,
    wrote: usize,
}

impl Follower {
    /// One on the store at `url`, with these options, as `follower` reads them.
    pub(crate) fn start(url: &str, options: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_follower"));
        command.arg(url).args(options.split_whitespace());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the follower");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (say, lines) = channel();
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).try_for_each(|line| say.send(line)).ok();
        });
        Self { child, lines, wrote: 0 }
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// For how many events it has written rows until now, whether they were committed or not.
    pub(crate) fn wrote(&mut self) -> usize {
        loop {
            match self.lines.try_recv() {
                Ok(line) => self.wrote += usize::from(line == "wrote"),
                Err(TryRecvError::Empty) => return self.wrote,
                Err(TryRecvError::Disconnected) => panic!("a follower ended early, which see above"),
            }
        }
    }

    /// Waits until it has written rows for so many events.
    pub(crate) async fn until(&mut self, events: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.wrote() < events {
            assert!(Instant::now() < deadline, "a follower has handled {} of {events} events", self.wrote);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Sends its process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a signal to our own child");
    }

    /// Kills it at once, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("our child");
    }

    /// Tells it to stop, and waits until it has done so.
    pub(crate) async fn stop(mut self) {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                assert!(status.success(), "a follower failed, which see above: {status}");
                return;
            }
            assert!(Instant::now() < deadline, "a follower does not stop");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32).expect("a process")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
