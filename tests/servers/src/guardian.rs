//! Sees to it that a server does not outlive the process that started it.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, which is the end of whoever holds the other side. Then it ends whatever runs
/// in the directory `$1`, also what is stopped, and takes away the folder `$2` and the shared memory that is
/// noted there.
const SCRIPT: &str = r#"
    cat >/dev/null
    processes() { find /proc -maxdepth 2 -name cwd -lname "$1" 2>/dev/null | cut -d/ -f3; }
    signal=QUIT
    for round in $(seq 200); do
        running=$(processes "$1")
        [ -n "$running" ] || break
        [ "$round" -lt 100 ] || signal=KILL
        [ $((round % 20)) -ne 1 ] || kill -$signal $running 2>/dev/null
        [ $((round % 20)) -ne 1 ] || kill -CONT $running 2>/dev/null
        sleep 0.02
    done
    memory=$(cat "$2/shared-memory" 2>/dev/null)
    [ -z "$memory" ] || ipcrm -m "$memory" 2>/dev/null
    rm -rf "$2"
"#;

/// A process that waits for this one to end.
///
/// A parent-death signal would not do: it is bound to the thread that started the server, which for a test ends
/// long before the process does, it leaves the files, and it does nothing to what was stopped.
#[derive(Debug)]
pub(crate) struct Guardian(Child);

impl Guardian {
    /// Guards whatever runs in `directory`. Both that and `folder` are absolute.
    pub(crate) fn new(directory: &Path, folder: &Path) -> Self {
        let mut guardian = Command::new("sh");
        guardian.args(["-c", SCRIPT, "guardian"]).args([directory, folder]).current_dir("/");
        guardian.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // In a group of its own: whoever kills this process with its group does not get the guardian.
        Self(guardian.process_group(0).spawn().unwrap_or_else(|error| panic!("sh cannot be run: {error}")))
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It ends by itself in any case.
        let _ = self.0.wait();
    }
}
