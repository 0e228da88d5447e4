//! Where the programs of PostgreSQL are, and as whom they run.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names a folder with the programs, before all others.
const VARIABLE: &str = "ES_TEST_POSTGRES_BIN";

/// A folder with `postgres`, `initdb` and `pg_basebackup`.
#[derive(Debug, Clone)]
pub(super) struct Programs(PathBuf);

impl Programs {
    /// What `ES_TEST_POSTGRES_BIN` names, or the newest of Debian's packages, or what is on the path.
    pub(super) fn find() -> Self {
        if let Some(folder) = std::env::var_os(VARIABLE) {
            return Self::at(Path::new(&folder));
        }
        let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
        let packages = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let newest =
            packages.map(|entry| entry.path()).filter(|path| version(path).is_some()).max_by_key(version);
        let path = std::env::var_os("PATH").unwrap_or_default();
        newest
            .map(|folder| folder.join("bin"))
            .into_iter()
            .chain(std::env::split_paths(&path))
            .find(|folder| folder.join("postgres").exists() && folder.join("initdb").exists())
            .map(Self)
            .unwrap_or_else(|| {
                panic!(
                    "no PostgreSQL server is installed; get one (Debian: apt-get install postgresql) or let \
                     {VARIABLE} name the folder with `postgres` and `initdb`"
                )
            })
    }

    /// Those in `folder`.
    pub(super) fn at(folder: &Path) -> Self {
        for program in ["postgres", "initdb"] {
            assert!(folder.join(program).exists(), "there is no `{program}` in {}", folder.display());
        }
        Self(folder.into())
    }

    /// One of them, as a command that runs as the right account.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.0.join(program));
        command.current_dir("/").stdin(Stdio::null()).env_remove("PGDATA").env("LC_ALL", "C");
        if let Some(Account { user, group }) = account() {
            command.uid(user).gid(group);
        }
        command
    }

    /// Runs one of them, which must succeed.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program).args(arguments).output();
        let output = output.unwrap_or_else(|error| {
            panic!("{program} cannot be run ({error}); Debian: apt-get install postgresql")
        });
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    }
}

/// An account of the system.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

/// As whom the programs run, if not as this process: they refuse to run as root.
fn account() -> Option<Account> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_else(|error| panic!("/etc/passwd: {error}"));
    let find = |name: &str| {
        let mut fields =
            accounts.lines().map(|line| line.split(':')).find(|line| line.clone().next() == Some(name))?;
        Some(Account { user: fields.nth(2)?.parse().ok()?, group: fields.next()?.parse().ok()? })
    };
    // Debian's package makes the first one, and the second is there where the programs came another way.
    let account = find("postgres").or_else(|| find("nobody"));
    Some(account.unwrap_or_else(|| panic!("there is no account `postgres` or `nobody` to run a server as")))
}

/// Gives `path` to the account that the programs run as.
pub(super) fn give(path: &Path) {
    if let Some(Account { user, group }) = account() {
        chown(path, Some(user), Some(group)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
