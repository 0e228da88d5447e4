//! The documents on disk: written, and compared with what they would be now.

use super::Catalog;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A catalog cannot be made, or is not what the program is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// Files differ from what would be written now.
    #[error("the catalog in {} is not what this program is: {}; run `{command}` and commit what it writes",
        dir.display(), files.join(", "))]
    Drift {
        /// Where they are.
        dir: PathBuf,
        /// Each, and what is wrong with it.
        files: Vec<String>,
        /// What writes them anew.
        command: String,
    },
    /// A version of an event cannot be looked at.
    #[error("{event} {what}: make the catalog with `Catalog::with_lock`, from an `events.lock` that has it")]
    Unseen {
        /// Which, as in "`order.paid` version 1".
        event: String,
        /// What is wrong, to be read after it.
        what: String,
    },
    /// Two things of the program have one name.
    #[error("{0}")]
    DuplicateName(String),
    /// What was given as the lock is none.
    #[error("`events.lock`: {0}")]
    Lock(String),
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Catalog {
    /// Writes the documents into `dir`, which is made if it is not there. Files of other names are left alone.
    ///
    /// # Errors
    ///
    /// [`Io`](CatalogError::Io).
    pub fn write(&self, dir: impl AsRef<Path>) -> Result<(), CatalogError> {
        let dir = dir.as_ref();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CatalogError::Io { path, source }
        };
        fs::create_dir_all(dir).map_err(failed(dir))?;
        for (name, text) in self.render() {
            let path = dir.join(name);
            fs::write(&path, text).map_err(failed(&path))?;
        }
        Ok(())
    }

    /// Compares the documents in `dir` with what [`write`](Self::write) would make them. `command` is what writes
    /// them, for whoever reads the error.
    ///
    /// # Errors
    ///
    /// [`Drift`](CatalogError::Drift), which names each file that differs or is missing, and
    /// [`Io`](CatalogError::Io).
    pub fn check(&self, dir: impl AsRef<Path>, command: &str) -> Result<(), CatalogError> {
        let dir = dir.as_ref();
        let mut files = Vec::new();
        for (name, text) in self.render() {
            let path = dir.join(&name);
            match fs::read(&path) {
                Ok(found) if found == text.as_bytes() => {}
                Ok(found) => {
                    files.push(format!("{name} differs from line {} on", first_difference(&found, &text)))
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    files.push(format!("{name} is missing"));
                }
                Err(source) => return Err(CatalogError::Io { path, source }),
            }
        }
        if files.is_empty() {
            return Ok(());
        }
        Err(CatalogError::Drift { dir: dir.to_owned(), files, command: command.to_owned() })
    }
}

fn first_difference(found: &[u8], text: &str) -> usize {
    let same = found.iter().zip(text.as_bytes()).take_while(|(a, b)| a == b).map(|(byte, _)| byte);
    1 + same.filter(|byte| **byte == b'\n').count()
}
