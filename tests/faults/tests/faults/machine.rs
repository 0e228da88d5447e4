//! File systems of a test's own, and what can be done to them. All of it needs root.

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// How the folders of tests begin, before the number of the process.
const PREFIX: &str = "es-faults-";

/// A file system that is gone with the test, however that ends.
pub(crate) struct Mounted {
    folder: TempDir,
    point: String,
}

impl Mounted {
    /// One in memory, with so many KiB.
    pub(crate) fn memory(kib: u64) -> Self {
        let mounted = Self::unmounted();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs", &mounted.point]);
        mounted
    }

    /// An ext4 on a disk of its own, in a file.
    pub(crate) fn disk() -> Self {
        let mounted = Self::unmounted();
        let image = std::fs::File::create(mounted.image()).expect("a file");
        image.set_len(256 << 20).expect("a size");
        run("mkfs.ext4", &["-q", "-F", mounted.image().to_str().expect("UTF-8")]);
        mounted.mount();
        mounted
    }

    fn unmounted() -> Self {
        sweep();
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a folder");
        let point = folder.path().join("mounted");
        std::fs::create_dir(&point).expect("a folder");
        Self { folder, point: point.to_str().expect("UTF-8").to_owned() }
    }

    /// Where its files are.
    pub(crate) fn path(&self) -> &Path {
        Path::new(&self.point)
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
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
        run("umount", &[&self.point]);
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
        std::fs::write(&trigger, "a test").expect("an error of the file system");
        let options = run("findmnt", &["-n", "-o", "FS-OPTIONS", &self.point]);
        // Newer kernels call it so, older ones `ro`.
        let is_read_only = options.trim().split(',').any(|option| matches!(option, "ro" | "emergency_ro"));
        assert!(is_read_only, "{options}");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily, because after a failure somebody may still use it.
        let _ = Command::new("umount").args(["-l", &self.point]).output();
    }
}

/// Takes away what a test left that was itself killed.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).expect("a folder").flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let process = rest.and_then(|rest| rest.split_once('-')).map(|(process, _)| process);
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = Command::new("umount").arg("-l").arg(entry.path().join("mounted")).output();
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Runs a program that must succeed, and answers with what it wrote.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors} (needs root: tests/run --faults)");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
