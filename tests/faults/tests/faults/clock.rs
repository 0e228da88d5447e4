//! Clocks that jump, by the library that Debian's package `libfaketime` has.

use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The real-time clock of the programs that get its [`environment`](Self::environment). Clocks that only count
/// go on as they do.
pub(crate) struct FakeClock {
    folder: TempDir,
}

impl FakeClock {
    /// One that is right.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Self { folder };
        // Whatever account the program runs as.
        fs::set_permissions(clock.folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("our folder");
        clock.jump("+0");
        clock
    }

    /// Goes by so much more or less than the right time from now on, such as `-2h` or `+400d`.
    pub(crate) fn jump(&self, by: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, by).and_then(|()| fs::rename(&new, self.file())).expect("our folder");
    }

    /// What a program must find in its environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let libraries = fs::read_dir("/usr/lib").expect("a folder").flatten();
        let mut libraries = libraries.map(|entry| entry.path().join("faketime/libfaketime.so.1"));
        let library = libraries.find(|library| library.exists());
        let library = library.expect("libfaketime (Debian: apt-get install libfaketime)");
        let text = |path: &PathBuf| path.to_str().expect("UTF-8").to_owned();
        [
            ("LD_PRELOAD", text(&library)),
            ("FAKETIME_TIMESTAMP_FILE", text(&self.file())),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}

impl Drop for FakeClock {
    fn drop(&mut self) {
        // A program that is killed leaves what the library shares.
        for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_str().filter(|name| name.contains("faketime_s")).unwrap_or_default();
            let process = name.rsplit_once('_').map(|(_, process)| process);
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
