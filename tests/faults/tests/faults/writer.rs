//! The program `writer` of this package, run as a process of its own, alone or with failing system calls.

use faults::{Line, Report};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// How to run a writer.
pub(crate) struct Plan {
    writer: u64,
    url: String,
    options: Vec<String>,
    faults: Vec<String>,
    only: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

/// A writer that runs. Killed, with all that it started, when it is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<Line>,
    errors: File,
    report: Report,
    calls: Option<Calls>,
}

/// Where the tracer notes the calls that it counts.
struct Calls {
    _folder: TempDir,
    file: PathBuf,
}

/// A writer that ended.
pub(crate) struct Ended {
    pub(crate) report: Report,
    pub(crate) status: ExitStatus,
    /// What the tracer noted, a line a call.
    pub(crate) calls: Vec<String>,
}

impl Plan {
    /// The writer with this number, on the store at `url`.
    pub(crate) fn new(writer: u64, url: &str) -> Self {
        Self {
            writer,
            url: url.into(),
            options: Vec::new(),
            faults: Vec::new(),
            only: None,
            environment: Vec::new(),
        }
    }

    /// With these options, as `writer` reads them.
    pub(crate) fn options(mut self, options: &str) -> Self {
        self.options.extend(options.split_whitespace().map(Into::into));
        self
    }

    /// With this fault, as `strace -e inject=` reads it. Needs root, or a kernel that lets strace trace.
    pub(crate) fn fault(mut self, fault: &str) -> Self {
        self.faults.push(fault.into());
        self
    }

    /// Only calls on this file fail, and only they are counted.
    pub(crate) fn only(mut self, file: &Path) -> Self {
        self.only = Some(file.into());
        self
    }

    /// With these in its environment.
    pub(crate) fn environment(mut self, environment: Vec<(String, String)>) -> Self {
        self.environment = environment;
        self
    }

    pub(crate) fn start(self) -> Running {
        let program = env!("CARGO_BIN_EXE_writer");
        let calls = (!self.faults.is_empty()).then(|| {
            let folder = tempfile::tempdir().expect("a folder");
            Calls { file: folder.path().join("calls"), _folder: folder }
        });
        let mut command = match &calls {
            None => Command::new(program),
            Some(calls) => {
                let mut strace = Command::new("strace");
                let names: Vec<_> = self.faults.iter().filter_map(|fault| fault.split(':').next()).collect();
                strace.args(["-f", "-qq", "-e", "signal=none", "-o"]).arg(&calls.file);
                if !self.faults.iter().any(|fault| fault.contains(":signal=")) {
                    // Much faster, but then strace sends no signals.
                    strace.arg("--seccomp-bpf");
                }
                strace.arg("-e").arg(format!("trace={}", names.join(",")));
                for fault in &self.faults {
                    strace.arg("-e").arg(format!("inject={fault}"));
                }
                self.only.iter().for_each(|file| _ = strace.arg("-P").arg(file));
                strace.arg(program);
                strace
            }
        };
        let errors = tempfile::tempfile().expect("a file");
        command.envs(self.environment);
        command.arg(&self.url).args(["--writer", &self.writer.to_string()]).args(&self.options);
        command.stdout(Stdio::piped()).stderr(errors.try_clone().expect("a file")).stdin(Stdio::null());
        // A group of its own, so that the tracer and what it traces can be killed together.
        let mut child = command.process_group(0).spawn().expect("the writer, and strace for a fault");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (say, lines) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while out.read_line(&mut line).is_ok_and(|length| length > 0) {
                let said = line.strip_suffix('\n').map(|line| Line::parse(line).expect("a line of ours"));
                let Some(Ok(())) = said.map(|line| say.send(line)) else { return };
                line.clear();
            }
        });
        Running { child, lines, errors, report: Report::new(self.writer), calls }
    }
}

impl Running {
    /// What it has said until now.
    pub(crate) fn report(&mut self) -> &Report {
        while let Ok(line) = self.lines.try_recv() {
            self.report.take(line);
        }
        &self.report
    }

    /// Waits until what it has said is as wanted.
    pub(crate) fn until(&mut self, wanted: impl Fn(&Report) -> bool) -> &Report {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(&self.report) {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.report.take(line),
                Err(RecvTimeoutError::Timeout) => panic!("it takes too long: {}", self.shown()),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended early: {}", self.shown()),
            }
        }
        &self.report
    }

    /// Sends its process a signal; not to its tracer.
    pub(crate) fn signal(&mut self, signal: Signal) {
        let process = self.until(|report| report.process.is_some()).process.expect("it was said");
        let process = Pid::from_raw(process as i32).expect("a process");
        kill_process(process, signal).expect("a signal to our own child");
    }

    /// Kills it at once, as `kill -9` does.
    pub(crate) fn kill(mut self) -> Ended {
        self.kill_group();
        self.ended()
    }

    /// Waits until it ends by itself.
    pub(crate) fn finish(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("our child").is_none() {
            assert!(Instant::now() < deadline, "it does not end: {}", self.shown());
            std::thread::sleep(Duration::from_millis(2));
        }
        self.ended()
    }

    fn ended(mut self) -> Ended {
        let status = self.child.wait().expect("our child");
        // What it started may outlive it by a moment; the pipe closes when all of it is gone.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.report.take(line);
        }
        let errors = self.errors();
        assert!(!errors.contains("panicked"), "a panic: {errors}");
        let calls = self.calls.as_ref().map(|calls| std::fs::read_to_string(&calls.file).expect("a list"));
        let calls = calls.unwrap_or_default().lines().map(Into::into).collect();
        Ended { report: std::mem::take(&mut self.report), status, calls }
    }

    fn shown(&mut self) -> String {
        let errors = self.errors();
        let report = self.report();
        let stored = report.stored.len();
        format!("{stored} stored, refused {:?}, failed {:?}, {errors}", report.refused, report.failed.last())
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        self.errors.rewind().and_then(|()| self.errors.read_to_string(&mut text)).expect("a file");
        text
    }

    fn kill_group(&mut self) {
        let group = Pid::from_raw(self.child.id() as i32).expect("a process");
        // It may be gone already.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Once it was waited for, its number may be another's.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.kill_group();
            let _ = self.child.wait();
        }
    }
}
