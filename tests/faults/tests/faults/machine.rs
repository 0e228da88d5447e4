//! File systems of a test's own, and what can be done to them. All of it needs root.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Waits for the end of its input, which is the end of the test or of its process, and takes the disk away. Who
/// still uses it, as after a failure, gets a moment to end: a server has a guardian too.
const GUARDIAN: &str = r#"
    cat >/dev/null
    for round in $(seq 100); do
        mountpoint -q "$1" || break
        umount "$1" 2>/dev/null || sleep 0.05
    done
    umount -l "$1" 2>/dev/null
    rm -rf "$2"
"#;

/// A file system that is gone with the test, however that ends.
pub(crate) struct Mounted {
    folder: PathBuf,
    point: String,
    guardian: Child,
}

impl Mounted {
    /// One in memory, with so many KiB.
    pub(crate) fn memory(kib: u64) -> Self {
        let mounted = Self::unmounted();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs", &mounted.point]);
        mounted
    }

    /// An ext4 on a disk of its own, in a file, with so many MiB.
    pub(crate) fn disk(mib: u64) -> Self {
        let mounted = Self::unmounted();
        let image = fs::File::create(mounted.image()).expect("a file");
        image.set_len(mib << 20).expect("a size");
        run("mkfs.ext4", &["-q", "-F", mounted.image().to_str().expect("UTF-8")]);
        mounted.mount();
        mounted
    }

    fn unmounted() -> Self {
        let folder = tempfile::Builder::new().prefix("es-faults-").tempdir().expect("a folder").keep();
        // A server runs as another account.
        fs::set_permissions(&folder, Permissions::from_mode(0o711)).expect("our folder");
        let point = folder.join("mounted");
        fs::create_dir(&point).expect("a folder");
        let mut guardian = Command::new("sh");
        guardian.args(["-c", GUARDIAN, "guardian"]).args([&point, &folder]).current_dir("/");
        guardian.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // In a group of its own, so that it is not killed with the test.
        let guardian = guardian.process_group(0).spawn().expect("a shell");
        Self { folder, point: point.to_str().expect("UTF-8").to_owned(), guardian }
    }

    /// Where its files are.
    pub(crate) fn path(&self) -> &Path {
        Path::new(&self.point)
    }

    fn image(&self) -> PathBuf {
        self.folder.join("image")
    }

    fn mount(&self) {
        let image = self.image();
        run("mount", &["-o", "loop,errors=remount-ro", image.to_str().expect("UTF-8"), &self.point]);
    }

    /// Writes to the disk what waits for that, as the kernel does at any time.
    pub(crate) fn write_back(&self) {
        run("sync", &["-f", &self.point]);
    }

    /// Takes the power from the disk: what was not flushed is gone, and nothing can be written any more.
    pub(crate) fn cut_power(&self) {
        run("xfs_io", &["-x", "-c", "shutdown", &self.point]);
    }

    /// Mounts the disk again after [`cut_power`](Self::cut_power). Nobody may use it any more.
    pub(crate) fn restore_power(&self) {
        // The files of who was killed are closed a moment after it is gone.
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Err(errors) = try_run("umount", &[&self.point]) {
            assert!(Instant::now() < deadline, "{errors}");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.mount();
    }

    /// Changes how it is mounted.
    pub(crate) fn remount(&self, options: &str) {
        run("mount", &["-o", &format!("remount,{options}"), &self.point]);
    }

    /// What the kernel does when the disk has an error: it lets nothing be written any more.
    pub(crate) fn become_read_only(&self) {
        let device = run("findmnt", &["-n", "-o", "SOURCE", &self.point]);
        let device = Path::new(device.trim()).file_name().expect("a device").to_str().expect("UTF-8");
        assert!(device.starts_with("loop"), "{device} is not a disk of ours");
        let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
        fs::write(&trigger, "a test").expect("an error of the file system");
        let options = run("findmnt", &["-n", "-o", "FS-OPTIONS", &self.point]);
        // Newer kernels call it so, older ones `ro`.
        let is_read_only = options.trim().split(',').any(|option| matches!(option, "ro" | "emergency_ro"));
        assert!(is_read_only, "{options}");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
    }
}

/// Runs a program that must succeed, and answers with what it wrote.
fn run(program: &str, arguments: &[&str]) -> String {
    try_run(program, arguments)
        .unwrap_or_else(|errors| panic!("{program} {arguments:?}: {errors} (needs root: tests/run --faults)"))
}

/// Runs a program, and answers with what it wrote, or else with its errors.
fn try_run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| error.to_string())?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}
