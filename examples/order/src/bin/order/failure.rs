//! What stops the program, in one sentence for whoever runs it.

use es_runtime::audit::AuditError;
use es_runtime::catalog::CatalogError;
use es_runtime::{
    ConnectError, DecodeError, FollowError, InvalidName, ReadError, ReplayError, StoreError, Version,
};
use order::OrderId;
use std::fmt::Display;
use std::io::{ErrorKind, Write, stderr};
use std::process::ExitCode;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("there is no order `{0}`")]
    NoSuchOrder(OrderId),
    #[error("order `{id}` never was at version {version}: it has {last} events")]
    NoSuchVersion { id: OrderId, version: Version, last: Version },
    #[error("cannot read `{file}`: {source}")]
    File { file: String, source: std::io::Error },
    #[error("cannot write `{file}`: {source}")]
    Kept { file: String, source: std::io::Error },
    #[error("the import stopped at line {line}: {source}; run it again to go on")]
    Import { line: u64, source: StoreError },
    #[error("cannot start: {0}")]
    Start(std::io::Error),
    #[error("cannot serve: {0}")]
    Listen(std::io::Error),
    #[error("an import task ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
    #[error("cannot write: {0}")]
    Output(#[from] std::io::Error),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Follow(#[from] FollowError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Failure {
    /// Says what happened, and how the program ends: 1 where the answer is no, 2 where there is none.
    pub(crate) fn report(self) -> ExitCode {
        match &self {
            // Nobody reads on, as in `order list | head`.
            Self::Output(error) if error.kind() == ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            _ => complain(format_args!("order: {self}")),
        }
        match self {
            Self::NoSuchOrder(_) | Self::NoSuchVersion { .. } | Self::Catalog(CatalogError::Drift { .. }) => {
                ExitCode::from(1)
            }
            _ => ExitCode::from(2),
        }
    }
}

/// Writes a line to stderr. Where nobody listens, nobody needs to know.
pub(crate) fn complain(text: impl Display) {
    let _ = writeln!(stderr(), "{text}");
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Store(error.into())
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        Self::Store(error.into())
    }
}

impl From<InvalidName> for Failure {
    fn from(error: InvalidName) -> Self {
        Self::Store(error.into())
    }
}
