//! System calls of processes that run already, made to fail. Needs root, or a kernel that lets strace trace.

use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Fails system calls while it lives.
pub(crate) struct Tracer(Child);

impl Tracer {
    /// Fails calls of these processes, and of those that they start, as `strace -e inject=` reads it.
    pub(crate) fn attach(processes: &[u32], fault: &str) -> Self {
        let call = fault.split(':').next().unwrap_or_default();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", "signal=none", "-o", "/dev/null"]);
        strace.arg("-e").arg(format!("trace={call}")).arg("-e").arg(format!("inject={fault}"));
        processes.iter().for_each(|process| _ = strace.arg("-p").arg(process.to_string()));
        strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let tracer = Self(strace.spawn().expect("strace (Debian: apt-get install strace)"));
        let is_traced = |process: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            // It may have ended meanwhile.
            status.is_empty() || !status.contains("TracerPid:\t0\n")
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !processes.iter().all(is_traced) {
            assert!(Instant::now() < deadline, "strace does not attach");
            std::thread::sleep(Duration::from_millis(2));
        }
        tracer
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // It lets go of them; killed, it could leave one stopped.
        if let Some(process) = Pid::from_raw(self.0.id() as i32) {
            let _ = kill_process(process, Signal::TERM);
        }
        let _ = self.0.wait();
    }
}
