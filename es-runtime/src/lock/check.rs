//! Compares the program with the file, and writes the file where that is asked for.

use super::Sample;
use super::compare::Verdict;
use super::file::Lock;
use super::made::{Code, Made};
use crate::time::{Clock, SystemClock};
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is done with a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// It is compared, and never written.
    Check,
    /// Allowed changes are recorded.
    Accept,
    /// Breaking ones are as well, for this reason.
    Force(String),
}

/// How one thing differs from the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about, as in "`order.paid` version 1".
    pub subject: String,
    /// What it means.
    pub verdict: Verdict,
    /// What happened to it, to be read after the subject.
    pub what: String,
    /// What mends it, where it breaks something; empty where an earlier finding says so.
    pub repair: String,
}

/// How a program differs from its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Every difference in what is stored.
    pub findings: Vec<Finding>,
    /// Whether the file is as it would be written now.
    pub is_current: bool,
}

/// The lock does not allow what the program is, or could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Something that is stored would be read differently, or not at all.
    #[error("{0}")]
    Breaking(Report),
    /// There are allowed changes that are not recorded.
    #[error("{0}")]
    NotRecorded(Report),
    /// Two things of the program have one name.
    #[error("{0}")]
    DuplicateName(String),
    /// A breaking change is recorded only with a reason.
    #[error("say why, which stays in the file: ES_LOCK=force ES_LOCK_REASON=\"...\" cargo test")]
    NoReason,
    /// `ES_LOCK` is none of the modes.
    #[error("ES_LOCK is `{0}`, and can be `accept` or `force`")]
    UnknownMode(String),
    /// The file is not a lock.
    #[error("{path}: {reason}")]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Mode {
    /// What `ES_LOCK` and `ES_LOCK_REASON` say; a check where they say nothing.
    ///
    /// # Errors
    ///
    /// [`UnknownMode`](LockError::UnknownMode) and [`NoReason`](LockError::NoReason).
    pub fn from_env() -> Result<Self, LockError> {
        let mode = env::var("ES_LOCK").unwrap_or_default();
        match mode.as_str() {
            "" | "check" => Ok(Self::Check),
            "accept" => Ok(Self::Accept),
            "force" => {
                let reason = env::var("ES_LOCK_REASON").unwrap_or_default();
                let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
                if reason.is_empty() { Err(LockError::NoReason) } else { Ok(Self::Force(reason)) }
            }
            _ => Err(LockError::UnknownMode(mode)),
        }
    }
}

impl Report {
    fn is_breaking(&self) -> bool {
        self.findings.iter().any(|finding| !finding.verdict.is_allowed())
    }
}

/// Compares everything that is linked into the program with the lock at `path`, and writes it as `mode` says.
///
/// # Errors
///
/// [`Breaking`](LockError::Breaking) unless that is forced, [`NotRecorded`](LockError::NotRecorded) in a check,
/// [`DuplicateName`](LockError::DuplicateName), and what is wrong with the file. Nothing is written then.
pub fn check(path: &Path, samples: &[Sample], mode: &Mode) -> Result<Report, LockError> {
    let code = Code::linked(samples).map_err(|error| LockError::DuplicateName(error.to_string()))?;
    check_code(&code, path, mode)
}

pub(super) fn check_code(code: &Code<'_>, path: &Path, mode: &Mode) -> Result<Report, LockError> {
    let failed = |source| LockError::Io { path: path.to_owned(), source };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let old = Lock::parse(&text)
        .map_err(|error| LockError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    let Made { mut lock, findings } = Made::of(code, &old);
    // Not by its text: where branches met, its lines may have another order.
    let report = Report { findings, is_current: !text.is_empty() && lock == old };
    match mode {
        _ if report.is_breaking() && !matches!(mode, Mode::Force(_)) => Err(LockError::Breaking(report)),
        Mode::Check if !report.is_current => Err(LockError::NotRecorded(report)),
        Mode::Check => Ok(report),
        Mode::Accept | Mode::Force(_) => {
            if let Mode::Force(reason) = mode {
                force(&mut lock, code, &report, reason);
            }
            let text = lock.to_string();
            // Beside it first, so that nobody finds half a lock.
            let temporary = path.with_extension("lock.new");
            fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, path)).map_err(failed)?;
            Ok(report)
        }
    }
}

/// Takes what is gone out of the lock, and notes down why.
fn force(lock: &mut Lock, code: &Code<'_>, report: &Report, reason: &str) {
    let now = SystemClock.now().to_string();
    let today = now.get(..10).unwrap_or(&now);
    for finding in report.findings.iter().filter(|finding| !finding.verdict.is_allowed()) {
        let Finding { subject, what, .. } = finding;
        lock.forced.insert(format!("{today} {subject} {what}; {reason}").replace('\n', " "));
    }
    let names: Vec<String> = lock.events.keys().cloned().collect();
    for name in names {
        if !code.events.contains_key(name.as_str()) {
            lock.events.remove(&name);
            lock.retired.insert(name, format!("{today} {reason}"));
        }
    }
    lock.retired.retain(|name, _| !code.events.values().any(|event| event.schema().is_named(name)));
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (allowed, broken): (Vec<_>, Vec<_>) =
            self.findings.iter().partition(|finding| finding.verdict.is_allowed());
        for finding in &broken {
            writeln!(f, "{finding}")?;
        }
        for finding in &allowed {
            writeln!(f, "{finding}")?;
        }
        if broken.is_empty() {
            f.write_str(
                "events.lock is not up to date. Everything that is stored can be read; record the change with\n\n    \
                 ES_LOCK=accept cargo test\n\nand commit events.lock with it",
            )
        } else {
            f.write_str(
                "what is stored would be read differently, or not at all. If that is meant, record it with\n\n    \
                 ES_LOCK=force ES_LOCK_REASON=\"why\" cargo test",
            )
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, verdict, what, repair } = self;
        writeln!(f, "{subject} {what} ({verdict})")?;
        for line in repair.lines() {
            f.write_char('\n')?;
            if !line.is_empty() {
                write!(f, "    {line}")?;
            }
        }
        if repair.is_empty() { Ok(()) } else { f.write_char('\n') }
    }
}

/// `events.lock` in the directory of the workspace that the crate at `manifest_dir` belongs to, or in its own.
#[doc(hidden)]
pub fn __beside_workspace(manifest_dir: &str) -> PathBuf {
    let own = Path::new(manifest_dir);
    let is_workspace = |dir: &&Path| {
        let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.trim() == "[workspace]")
    };
    own.ancestors().find(is_workspace).unwrap_or(own).join("events.lock")
}

/// # Panics
///
/// With the report, as tests do.
#[doc(hidden)]
pub fn __test(path: &Path, samples: &[Sample]) {
    let checked = Mode::from_env().and_then(|mode| check(path, samples, &mode));
    if let Err(error) = checked {
        panic!("{}\n\n{error}\n", path.display());
    }
}
