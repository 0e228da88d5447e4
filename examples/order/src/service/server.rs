//! The server: it listens, answers, and ends when it is told to, with every answer given.

use super::{Problem, in_span};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// No command is larger.
const LARGEST_BODY: usize = 256 << 10;

/// How long an answer may take. Whoever asked has not all day.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer may take once the program is told to end.
const GRACE: Duration = Duration::from_secs(10);

/// A program that answers requests.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    stopping: Stopping,
}

impl Server {
    /// Listens at `address`, and for SIGINT and SIGTERM.
    ///
    /// # Errors
    ///
    /// When somebody else listens there, or this program may not.
    pub async fn listen(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, stopping: Stopping::on_signal()? })
    }

    /// Where it listens: with the port that it was given where it asked for any.
    ///
    /// # Errors
    ///
    /// When the operating system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// When the program ends. For answers that go on.
    pub fn stopping(&self) -> Stopping {
        self.stopping.clone()
    }

    /// Answers as `router` says, until it is told to end.
    ///
    /// # Errors
    ///
    /// When nothing more can be received.
    pub async fn run(self, router: Router) -> io::Result<()> {
        let router = router
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(from_fn(in_time))
            .layer(from_fn(in_span));
        let (told, stopping) = (self.stopping.clone(), self.stopping);
        let served =
            axum::serve(self.listener, router).with_graceful_shutdown(async move { told.told().await });
        tokio::select! {
            served = served => served,
            () = stopping.over(GRACE) => Ok(()),
        }
    }
}

async fn in_time(request: Request, next: Next) -> Response {
    let only_asks = request.method().is_safe();
    let answer = tokio::time::timeout(PATIENCE, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        if only_asks { Problem::too_slow() } else { Problem::outcome_unknown() }.into_response()
    })
}

async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", format_args!("there is nothing at {}", uri.path()))
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let detail = format_args!("{} does not take {method}; the header Allow says what it takes", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}

/// Tells that the program is to end.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    fn on_signal() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("told to end");
            sender.send_replace(true);
            sender.closed().await;
        });
        Ok(Self(receiver))
    }

    /// Waits until it is.
    pub async fn told(mut self) {
        // Nobody else is left to tell it where the sender is gone.
        let _ = self.0.wait_for(|told| *told).await;
    }

    async fn over(self, grace: Duration) {
        self.told().await;
        tokio::time::sleep(grace).await;
    }
}
