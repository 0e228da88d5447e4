//! What stops the program, in one sentence for whoever runs it.

use es_runtime::{ConnectError, FollowError};
use order::payment::gateway::GatewayError;
use std::io::{Write, stderr};
use std::process::ExitCode;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot start: {0}")]
    Start(std::io::Error),
    #[error("cannot serve: {0}")]
    Listen(std::io::Error),
    #[error("cannot write: {0}")]
    Output(#[from] std::io::Error),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Follow(#[from] FollowError),
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

impl Failure {
    /// Says what happened. Where nobody listens, nobody needs to know.
    pub(crate) fn report(self) -> ExitCode {
        let _ = writeln!(stderr(), "payment: {self}");
        ExitCode::from(2)
    }
}
